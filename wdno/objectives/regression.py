r"""Regression: least squares, so that a prediction is the conditional mean.

$$ \hat x = f_\theta(c), \qquad L = E\,\| f_\theta(c) - x \|^2 $$
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from wdno.objectives import base


class Regression(base.Objective):
    """Mean squared error of the target channels; deterministic.

    Attributes:
        network: ``[B, D, *grid] -> [B, C, *grid]``.
    """

    time_conditioned = False

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @staticmethod
    def in_channels(target: int, condition: int) -> int:
        """Return the number of condition channels."""
        return condition

    def loss_per_sample(
        self,
        target: Tensor,
        condition: Tensor,
        generator: torch.Generator,
        weight: Tensor | None,
        first: Tensor | None = None,
    ) -> Tensor:
        """Return the weighted mean squared error of each sample, ``[B]``."""
        error = (self.network(condition).float() - target).square()
        if weight is not None:
            error = error * weight.reshape(-1, *[1] * (target.ndim - 2))
        losses: Tensor = error.flatten(1).mean(1)
        return losses

    def predict(
        self,
        condition: Tensor,
        channels: int,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None,
        first: Tensor | None = None,
    ) -> Tensor:
        """Evaluate the network once.

        Raises:
            ValueError: a sampler is given.
        """
        if sampling is not None:
            raise ValueError(f"regression has nothing to sample, but was given {dict(sampling)}")
        output: Tensor = self.network(condition)
        return output.float()

    @staticmethod
    def evaluations(sampling: Mapping[str, Any] | None, frames: int) -> int:
        """Return 1."""
        return 1


Objective = Regression
