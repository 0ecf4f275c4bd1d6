r"""Polyak's step by the true solver, in the last evaluations of a sampler.

$$ \hat x_0 \leftarrow \hat x_0 - w\, \frac{J(\hat x_0) - J^*}{\|g\|^2} g, \qquad
   g = \nabla J(\hat x_0), $$

whose length J itself gives (B. T. Polyak, Introduction to Optimization, 1987): with
w = 1 it goes to where the linearised J is $J^*$; of a quadratic J with that least value, w = 2 is
Newton's step if J curves alike in all directions, so w = 1/2 goes a quarter of the way. A sample
with $J \le J^*$ or zero gradient stays.

J by the solver costs a solution and its adjoint at each step, and tells nothing of an estimate
that is blurred, so steps are made at times t <= `below` only; `threshold` gives the value for a
number of evaluations. Before that the energy is not asked at all.

If J cannot reach $J^*$, the step grows without bound as the gradient vanishes near the optimum:
give a `limit`, the longest step as a root mean square in units of $\sigma_t$, or an `optimum` that
can be reached.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wdno.diffusion.guidance import base
from wdno.diffusion.guidance.base import Noisy
from wdno.diffusion.guidance.energy import Energy, evaluate, norm, over, spread
from wdno.diffusion.samplers.base import Denoise, Spacing, time_grid
from wdno.diffusion.schedule import Schedule


class Polyak(base.Guidance):
    """Late steps towards a least J, by an energy that is costly.

    Attributes:
        below: Largest time of a step.
        optimum: The least J that steps aim at.
        limit: Longest step, root mean square, in units of sigma_t; None for any length.
    """

    by_solver = True

    def __init__(
        self,
        weight: float = 0.5,
        below: float = 0.1,
        optimum: float = 0.0,
        limit: float | None = None,
    ) -> None:
        """See the class; raises ValueError for `below` outside (0, 1] or a limit not > 0."""
        super().__init__(weight)
        if not 0 < below <= 1:
            raise ValueError(f"polyak: expected below in (0, 1], got {below}")
        if limit is not None and not limit > 0:
            raise ValueError(f"polyak: expected limit > 0 or None, got {limit}")
        self.below, self.optimum, self.limit = below, optimum, limit

    def estimate(self, denoise: Denoise, energy: Energy, noisy: Noisy) -> Tensor:
        """See `Guidance.estimate`."""
        x0 = denoise(noisy.x, noisy.t)
        late = noisy.t <= self.below
        if not bool(late.any()):
            return x0
        values, gradient = evaluate(energy, x0)
        size = norm(gradient)
        excess = spread((values - self.optimum).clamp(min=0), x0)
        length = self.weight * over(excess, size)
        if self.limit is not None:
            longest = self.limit * noisy.sigma * math.sqrt(math.prod(x0.shape[1:]))
            length = torch.minimum(length, longest)
        return torch.where(spread(late, x0) > 0, x0 - length * over(gradient, size), x0)


def threshold(last: int, steps: int, spacing: Spacing, schedule: Schedule) -> float:
    """Return the `below` with which the last evaluations of a sampler are steps.

    Args:
        last: Number of evaluations, 1 <= last <= steps.
        steps: Steps of the sampler.
        spacing: Spacing of its times.
        schedule: The noise schedule.

    Returns:
        A time between two of the grid, so that rounding does not matter.

    Raises:
        ValueError: There are not so many evaluations.
    """
    if not 1 <= last <= steps:
        raise ValueError(f"threshold: expected 1 <= last <= steps = {steps}, got {last}")
    times = time_grid(steps, spacing, schedule)
    if last == steps:
        return 1.0
    return float((times[steps - last] + times[steps - last - 1]) / 2)


Guidance = Polyak
