r"""Framewise: a network that sees what is given at one time, and is told the time.

$$ L = E_k \| f_\theta(c_k, k / T) - x_k \|^2. $$

Its network has no axis of time, so that a prediction for one time needs nothing of any other: with
the state as what is given and the control as what is predicted this is behaviour cloning, and the
network a policy that can be asked step by step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from wdno.draws import uniform
from wdno.objectives import base
from wdno.objectives.base import Loss, Request, weigh


class Framewise(base.Objective):
    """Mean squared error of each frame from what is given at its time."""

    time_conditioned = False
    deterministic = True

    def __init__(self, network: nn.Module, *, windows: int = 16) -> None:
        """Set up.

        Args:
            network: ``[B, D + 1, *space] -> [B, C, *space]``; the last channel is the time, from
                just above 0 to 1.
            windows: frames of each trajectory of a batch, at most those that there are.
        """
        super().__init__()
        self.network, self.windows = network, windows

    @staticmethod
    def in_channels(target: int, condition: int) -> int:
        """Return the number of condition channels and one for the time."""
        return condition + 1

    def loss(self, request: Request, generator: torch.Generator) -> Loss:
        """Return the mean squared error of some frames of each sample, without an estimate.

        Raises:
            ValueError: there is no target.
        """
        target = request.wanted()
        order = self.drawn(target, generator)
        estimate = self.frames(request.condition, order)
        error = weigh((estimate - taken(target, order)).square(), alike(request.weight))
        return Loss(per_sample=error.flatten(1).mean(1))

    def predict(
        self,
        request: Request,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None,
    ) -> Tensor:
        """Evaluate the network once for each frame.

        Raises:
            ValueError: a sampler or a guide is given.
        """
        request.refuse_drawing("framewise", sampling)
        condition = request.condition
        frames = condition.shape[2]
        every = torch.arange(frames, device=condition.device).expand(len(condition), frames)
        return self.frames(condition, every)

    def drawn(self, target: Tensor, generator: torch.Generator) -> Tensor:
        """Draw numbers of frames of each sample ``[B, C, T, *space]``, ascending, ``[B, k]``."""
        samples, frames = target.shape[0], target.shape[2]
        count = min(self.windows, frames)
        order = uniform((samples, frames), generator).argsort(dim=1)[:, :count]
        return order.sort(dim=1).values.to(target.device)

    def frames(self, condition: Tensor, numbers: Tensor) -> Tensor:
        """Predict some frames, ``[B, C, k, *space]``.

        Args:
            condition: of all frames, ``[B, D, T, *space]``.
            numbers: of those that are predicted, ``[B, k]``.
        """
        output = self.predicted(self.network(told(condition, numbers)).float())
        return output.view(*numbers.shape, *output.shape[1:]).transpose(1, 2)

    def predicted(self, output: Tensor) -> Tensor:
        """Return the frames that an output of the network stands for, ``[N, C, *space]``."""
        return output

    def evaluations(self, sampling: Mapping[str, Any] | None, frames: int) -> int:
        """Return one for each frame."""
        return frames


def told(condition: Tensor, numbers: Tensor) -> Tensor:
    """Return what the network sees of some frames, ``[B k, D + 1, *space]``; see `frames`."""
    return timed(taken(condition, numbers), numbers, condition.shape[2])


def timed(seen: Tensor, numbers: Tensor, frames: int) -> Tensor:
    """Return what the network sees of frames, ``[B k, D + 1, *space]``.

    Args:
        seen: what is given of each, ``[B, D, k, *space]``.
        numbers: of the frames, ``[B, k]``.
        frames: how many there are in all.
    """
    time = (numbers + 1).to(seen) / frames
    time = time[:, None].reshape(len(time), 1, -1, *[1] * (seen.ndim - 3))
    asked = torch.cat([seen, time.expand(-1, -1, -1, *seen.shape[3:])], dim=1)
    return asked.transpose(1, 2).flatten(0, 1)


def taken(values: Tensor, numbers: Tensor) -> Tensor:
    """Return frames ``[B, C, k, *space]`` of ``[B, C, T, *space]`` by their numbers ``[B, k]``."""
    samples = torch.arange(len(values), device=values.device)[:, None]
    return values.transpose(1, 2)[samples, numbers].transpose(1, 2)


def alike(weight: Tensor | None) -> Tensor | None:
    """Return weights that are the same at all times; the first are those of the first frame."""
    return None if weight is None else weight[:, -1:]


Objective = Framewise
