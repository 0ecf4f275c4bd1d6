r"""Energies: J of the clean channels of each sample, and its gradient.

The gradient of $\sum_b J(x^{(b)})$ with respect to a batch holds that of each sample, since no
sample's J depends on another. It is taken with gradients turned on here, as samplers turn them off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Energy = Callable[[Tensor], Tensor]
"""Clean normalised channels, `[B, C, *grid]`, to J of each sample, `[B]`; differentiable."""


@dataclass
class Counted:
    """An energy that counts how often it was asked, each time for a value and a gradient.

    Attributes:
        energy: The energy.
        calls: Calls so far, each of a whole batch.
    """

    energy: Energy
    calls: int = 0

    def __call__(self, x0: Tensor) -> Tensor:
        """Return J of each sample, `[B]`."""
        self.calls += 1
        return self.energy(x0)


def spread(values: Tensor, like: Tensor) -> Tensor:
    """Return values of each sample, `[B]`, in the dtype of `[B, C, *grid]`, to be broadcast."""
    return values.to(like).reshape(-1, *[1] * (like.ndim - 1))


def values_of(energy: Energy, x0: Tensor) -> Tensor:
    """Return J of each sample, `[B]`.

    Raises:
        ValueError: The energy has another shape, or no gradient.
    """
    values = energy(x0)
    if values.shape != x0.shape[:1]:
        raise ValueError(
            f"guidance: expected an energy of shape ({x0.shape[0]},), one J for each sample, "
            f"got {tuple(values.shape)}"
        )
    if not values.requires_grad:
        raise ValueError(
            "guidance: the energy has no gradient; compute it from its argument, without "
            "detach() and torch.no_grad()"
        )
    return values


def evaluate(energy: Energy, x0: Tensor) -> tuple[Tensor, Tensor]:
    """Return J of each sample, `[B]`, and its gradient at `x0`, as constants; errors as above."""
    with torch.enable_grad():
        at = x0.detach().requires_grad_()
        values = values_of(energy, at)
        (gradient,) = torch.autograd.grad(values.sum(), at)
    return values.detach(), gradient


def norm(x: Tensor) -> Tensor:
    """Return the Euclidean norm of each sample of `[B, C, *grid]`, broadcastable to it.

    It is right also where squares would underflow or overflow.
    """
    peak = x.abs().flatten(1).amax(1)
    scale = spread(torch.where(peak > 0, peak, 1), x)
    return scale * spread(torch.linalg.vector_norm((x / scale).flatten(1), dim=1), x)


def over(x: Tensor, divisor: Tensor) -> Tensor:
    """Return a quotient that is 0 where the divisor is 0."""
    return torch.where(divisor == 0, 0, x / torch.where(divisor == 0, 1, divisor))
