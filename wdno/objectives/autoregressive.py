r"""Autoregression: the network steps from a frame to the next, a prediction is a rollout.

With frames $x_k$ of a trajectory and the condition $c_k$ of the interval that leads to frame k,

$$ \hat x_{k+1} = x_k + f_\theta(x_k, c_{k+1}), \qquad
   L = E_k \sum_{j=1}^{n} \frac1n \| \hat x_{k+j} - x_{k+j} \|^2, $$

where the $n$ steps of `unroll` start at a frame of the data and go on from their own predictions.
This is how the baselines of arXiv 2412.04833 see smoke: one frame of all fields and the control in,
the next frame out. White noise on the frame that a training step starts from makes a rollout less
sensitive to its own errors (arXiv 2002.09405).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from wdno.objectives import base


class Autoregressive(base.Objective):
    """Mean squared error of the next frames; deterministic.

    Attributes:
        network: ``[B, C + D, *space] -> [B, C, *space]``.
    """

    time_conditioned = False
    stepwise = True

    def __init__(
        self,
        network: nn.Module,
        *,
        unroll: int = 1,
        windows: int = 1,
        noise: float = 0.0,
        residual: bool = True,
    ) -> None:
        """Set up.

        Args:
            network: from a frame and the condition of a step to the next frame.
            unroll: steps from each starting frame in training, at most those that there are.
            windows: starting frames of each trajectory of a batch.
            noise: standard deviation of what is added to starting frames, whose channels have
                unit scale.
            residual: whether the network gives the change of the frame, or else the frame.
        """
        super().__init__()
        self.network = network
        self.unroll, self.windows, self.noise, self.residual = unroll, windows, noise, residual

    @staticmethod
    def in_channels(target: int, condition: int) -> int:
        """Return the sum: the network sees a frame and the condition of the step."""
        return target + condition

    def loss_per_sample(
        self,
        target: Tensor,
        condition: Tensor,
        generator: torch.Generator,
        weight: Tensor | None,
        first: Tensor | None = None,
    ) -> Tensor:
        """Return the mean squared error of each sample's unrolled steps, ``[B]``."""
        frames = torch.cat([_given(first)[:, :, None], target], dim=2).transpose(1, 2)
        conditions = condition.transpose(1, 2)
        steps = min(self.unroll, target.shape[2])
        shape = (len(target), self.windows)
        starts = torch.randint(target.shape[2] - steps + 1, shape, generator=generator).flatten()
        samples = torch.arange(len(target)).repeat_interleave(self.windows)
        starts, samples = starts.to(target.device), samples.to(target.device)
        x = frames[samples, starts]
        if self.noise:
            x = x + self.noise * torch.randn(x.shape, generator=generator).to(x)
        losses = target.new_zeros(len(samples))
        for step in range(steps):
            x = self._step(x, conditions[samples, starts + step])
            error = (x - frames[samples, starts + step + 1]).square()
            if weight is not None:
                error = error * weight.reshape(-1, *[1] * (error.ndim - 2))
            losses = losses + error.flatten(1).mean(1)
        return losses.view(shape).mean(1) / steps

    def predict(
        self,
        condition: Tensor,
        channels: int,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None,
        first: Tensor | None = None,
    ) -> Tensor:
        """Step from the last given frame to the end.

        Raises:
            ValueError: a sampler is given.
        """
        if sampling is not None:
            raise ValueError(
                f"autoregression has nothing to sample, but was given {dict(sampling)}"
            )
        x, frames = _given(first), []
        for step in range(condition.shape[2]):
            x = self._step(x, condition[:, :, step])
            frames.append(x)
        return torch.stack(frames, dim=2)

    def _step(self, x: Tensor, condition: Tensor) -> Tensor:
        change: Tensor = self.network(torch.cat([x, condition], dim=1)).float()
        return x + change if self.residual else change

    @staticmethod
    def evaluations(sampling: Mapping[str, Any] | None, frames: int) -> int:
        """Return the number of frames."""
        return frames


def _given(first: Tensor | None) -> Tensor:
    if first is None:
        raise ValueError("autoregression starts from the last given frame, but was given none")
    return first


Objective = Autoregressive
