r"""Regression: least squares, so that a prediction is the conditional mean.

$$ \hat x = f_\theta(c), \qquad L = E\,\| f_\theta(c) - x \|^2 $$

A network with auxiliary losses of its own (:mod:`wdno.networks.auxiliary`) has them added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from wdno.networks.auxiliary import Supervised
from wdno.objectives import base
from wdno.objectives.base import Loss, Request, add, weigh


class Regression(base.Objective):
    """Mean squared error of the target channels; deterministic.

    Attributes:
        network: ``[B, D, *grid] -> [B, C, *grid]``.
    """

    time_conditioned = False
    deterministic = True

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @staticmethod
    def in_channels(target: int, condition: int) -> int:
        """Return the number of condition channels."""
        return condition

    def loss(self, request: Request, generator: torch.Generator) -> Loss:
        """Return the loss of each sample, and the estimate.

        It is the weighted mean squared error, and what the network adds to it.

        Raises:
            ValueError: there is no target.
        """
        target = request.wanted()
        if isinstance(self.network, Supervised):
            wanted = target if request.origin is None else target - request.origin
            output, more = self.network.supervised(request.condition, wanted)
            estimate = add(output.float(), request.origin)
        else:
            estimate, more = self._estimate(request), target.new_zeros(len(target))
        error = weigh((estimate - target).square(), request.weight)
        return Loss(per_sample=error.flatten(1).mean(1) + more, estimate=estimate)

    def predict(
        self,
        request: Request,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None,
    ) -> Tensor:
        """Evaluate the network once.

        Raises:
            ValueError: a sampler or a guide is given.
        """
        request.refuse_drawing("regression", sampling)
        return self._estimate(request)

    def _estimate(self, request: Request) -> Tensor:
        output: Tensor = self.network(request.condition)
        return add(output.float(), request.origin)

    def evaluations(self, sampling: Mapping[str, Any] | None, frames: int) -> int:
        """Return 1."""
        return 1


Objective = Regression
