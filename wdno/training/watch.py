"""Means of what a step yields, and the first value that is not finite.

Both stay on the device until they are wanted, because reading a number from a GPU waits for it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wdno.training import distributed


class NonFiniteError(ValueError):
    """Loss, gradient or weights are no longer finite."""


class Watch:
    """Sums of loss and gradient norm since the last line of the log, and the first bad step.

    Attributes:
        sums: Float64 `[3]` on the device: loss, gradient norm, number of steps.
    """

    def __init__(self, device: torch.device, weight: float = 1.0) -> None:
        """With nothing seen.

        Args:
            device: Where the losses are.
            weight: Share of each batch whose losses this process has.
        """
        self._weight = weight
        self.sums = torch.zeros(3, dtype=torch.float64, device=device)
        self._one = torch.ones((), dtype=torch.float64, device=device)
        self._bad_step = torch.full((), -1, dtype=torch.int64, device=device)
        self._bad_losses: Tensor | None = None

    def record(self, step: int, losses: Tensor, gradient_norm: Tensor) -> None:
        """Take note of a step.

        Args:
            step: Its number, from 0.
            losses: Loss of each sample of this process, `[B]`.
            gradient_norm: Norm of the gradient before clipping, the same in all processes.
        """
        loss = distributed.batch_mean(losses.detach().double().mean(), self._weight)
        values = torch.stack([loss, gradient_norm.detach().double(), self._one])
        self.sums += values
        bad = ~torch.isfinite(values).all() & (self._bad_step < 0)
        self._bad_step.masked_fill_(bad, step)
        if self._bad_losses is None:
            self._bad_losses = torch.zeros_like(losses.detach())
        self._bad_losses = torch.where(bad, losses.detach(), self._bad_losses)

    def first_bad(self) -> tuple[int, list[bool]] | None:
        """Number of the first step that was not finite, and which losses were not; None if none.

        Waits for the device.
        """
        step = int(self._bad_step.item())
        if step < 0 or self._bad_losses is None:
            return None
        return step, (~torch.isfinite(self._bad_losses)).tolist()

    def means(self) -> tuple[float, float]:
        """Mean loss and gradient norm since the last call, which begin anew. Waits for the device.

        NaN if no step was recorded.
        """
        loss, norm, count = self.sums.tolist()
        self.sums.zero_()
        return (loss / count, norm / count) if count else (float("nan"), float("nan"))
