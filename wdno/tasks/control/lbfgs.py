r"""L-BFGS for many cases at once, each with a budget of gradients.

The two-loop recursion (Nocedal & Wright 2006, Numerical Optimization, algorithm 7.4) with
backtracking until $J(x + a d) \le J(x) + 10^{-4} a\, g \cdot d$; a is the minimum of the parabola
through what is known, within 0.1 to 0.5 of the last. Value and gradient of a point are always asked
together, so every case takes one gradient in each round, and the results of a case do not depend on
the others. The first step is that of Polyak towards J = 0, $-\tfrac12 J g / |g|^2$, which needs no
scale, but is no longer than the start is from zero, if it is not there: where J is flat Polyak's
has no end. PyTorch's and SciPy's optimisers take one function: the sum over cases, whose line
search would tie the cases together, or a case at a time, which leaves the batched solvers unused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm


class Point(NamedTuple):
    """What is known of a point of each case.

    Attributes:
        value: what is minimised, ``[m]``.
        gradient: of it, ``[m, ...]``.
        watched: what the history tells of, ``[m]``; None: the value.
    """

    value: Tensor
    gradient: Tensor
    watched: Tensor | None = None


Evaluate = Callable[[Tensor, Tensor], Point | tuple[Tensor, Tensor]]
"""From points ``[m, ...]`` and the numbers of their cases ``[m]``."""

SUFFICIENT = 1e-4


@dataclass(frozen=True)
class Minimum:
    """What was found.

    Attributes:
        x: best point of each case, ``[n, ...]``.
        value: J there, ``[n]``.
        history: J of the best point, or what is watched there, after 1, 2, ... gradients,
            ``[n, gradients]``.
    """

    x: Tensor
    value: Tensor
    history: Tensor


def minimise(
    evaluate: Evaluate,
    start: Tensor,
    gradients: int,
    *,
    memory: int = 20,
    description: str = "",
) -> Minimum:
    """Minimise J >= 0 of each case.

    Args:
        evaluate: J and gradient; a value that is not finite counts as too large.
        start: ``[n, ...]``, where J is finite.
        gradients: gradients of each case, at least 1.
        memory: pairs that the approximation of the curvature remembers.
        description: name of a progress bar; empty: none.

    Raises:
        ValueError: there are no gradients to take, or J at the start is not finite.
    """
    if gradients < 1:
        raise ValueError(f"minimise: expected at least 1 gradient, got {gradients}")
    x = start.flatten(1).double()
    rows = torch.arange(len(x), device=x.device)

    def ask(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        value, gradient, watched = Point(*evaluate(points.view_as(start), rows))
        seen = value if watched is None else watched
        return value.double(), gradient.flatten(1).double(), seen.double()

    value, gradient, watched = ask(x)
    if not value.isfinite().all():
        bad = int(rows[~value.isfinite()][0])
        raise ValueError(f"minimise: J of case {bad} of the batch is not finite at the start")
    longest = x.norm(dim=1)
    longest = torch.where(longest > 0, longest, torch.inf)
    pairs = _Pairs(memory, longest)
    direction = _polyak(value, gradient, longest)
    length = torch.ones_like(value)
    history = [watched]
    for _ in tqdm(range(gradients - 1), desc=description, unit="gradient", disable=not description):
        slope = (gradient * direction).sum(1)
        points = x + length[:, None] * direction
        found, found_gradient, found_watched = ask(points)
        enough = found <= value + SUFFICIENT * length * slope
        step = torch.where(enough[:, None], points - x, 0.0)
        change = torch.where(enough[:, None], found_gradient - gradient, 0.0)
        length = torch.where(enough, 1.0, _shorter(length, value, slope, found))
        x = torch.where(enough[:, None], points, x)
        value = torch.where(enough, found, value)
        watched = torch.where(enough, found_watched, watched)
        gradient = torch.where(enough[:, None], found_gradient, gradient)
        pairs.add(step, change, enough)
        direction = torch.where(enough[:, None], pairs.direction(value, gradient), direction)
        history.append(watched)
    return Minimum(x.view_as(start), value, torch.stack(history, 1))


def _polyak(value: Tensor, gradient: Tensor, longest: Tensor) -> Tensor:
    """Polyak's step towards 0, at most so long, ``[n, d]``; none where there is no gradient."""
    # Gradients of smoke go down to 1e-144, whose square is zero.
    peak = gradient.abs().amax(1, keepdim=True)
    scaled = gradient / torch.where(peak > 0, peak, 1.0)
    size = scaled.norm(dim=1, keepdim=True)
    unit = scaled / torch.where(size > 0, size, 1.0)
    length = 0.5 * value / torch.where(size > 0, size * peak, 1.0)[:, 0]
    # From zero there is no scale, and where even the square of the slope is none no step is.
    steep = gradient.square().sum(1) > 0
    most = torch.where(longest.isfinite() | steep, longest, 0.0)
    return -torch.minimum(length, most)[:, None] * unit


def _shorter(length: Tensor, value: Tensor, slope: Tensor, found: Tensor) -> Tensor:
    """The minimum of the parabola through value, slope and what was found, within bounds."""
    curvature = 2 * (found - value - length * slope)
    best = -slope * length.square() / curvature
    best = torch.where(best.isfinite(), best, 0.1 * length)
    return torch.minimum(torch.maximum(best, 0.1 * length), 0.5 * length)


class _Pairs:
    """The latest steps and changes of the gradient of each case."""

    def __init__(self, memory: int, longest: Tensor) -> None:
        self.memory, self.longest = memory, longest
        self.steps: list[Tensor] = []
        self.changes: list[Tensor] = []
        self.inverse: list[Tensor] = []

    def add(self, step: Tensor, change: Tensor, taken: Tensor) -> None:
        """Remember a pair where a step was taken and J curves upwards; elsewhere it is void."""
        product = (step * change).sum(1)
        size = step.norm(dim=1) * change.norm(dim=1)
        good = taken & (product > 1e-10 * size)
        self.steps.append(step)
        self.changes.append(change)
        self.inverse.append(torch.where(good, 1 / torch.where(good, product, 1.0), 0.0))
        for values in (self.steps, self.changes, self.inverse):
            del values[: -self.memory]

    def direction(self, value: Tensor, gradient: Tensor) -> Tensor:
        """Return the direction of descent, ``[n, d]``; of Polyak's step without any pair."""
        q, factors = gradient.clone(), []
        for step, change, inverse in self._backwards():
            factor = inverse * (step * q).sum(1)
            factors.append(factor)
            q = q - factor[:, None] * change
        scale, known = self._scale()
        r = torch.where(known[:, None], scale[:, None] * q, -_polyak(value, gradient, self.longest))
        for (step, change, inverse), factor in zip(
            reversed(list(self._backwards())), reversed(factors), strict=True
        ):
            r = r + (factor - inverse * (change * r).sum(1))[:, None] * step
        downhill = (r * gradient).sum(1) > 0
        return torch.where(downhill[:, None], -r, _polyak(value, gradient, self.longest))

    def _backwards(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        return list(
            zip(reversed(self.steps), reversed(self.changes), reversed(self.inverse), strict=True)
        )

    def _scale(self) -> tuple[Tensor, Tensor]:
        """S y / y y of each case's latest pair, and whether it has one."""
        scale = torch.ones_like(self.inverse[0])
        known = torch.zeros_like(scale, dtype=torch.bool)
        for _, change, inverse in self._backwards():
            first = (inverse > 0) & ~known
            squared = change.square().sum(1)
            scale = torch.where(first, 1 / (torch.where(first, inverse * squared, 1.0)), scale)
            known = known | first
        return scale, known
