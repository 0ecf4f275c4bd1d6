r"""J of cases under control, by the solver, counted: calls and gradients of each case.

$$ J = \sum_k w_k J_k $$

with the terms of the system (:class:`wdno.controlled.Controlled`) and weights that a run may
choose.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from wdno.problem import ProblemError
from wdno.solvers.grids import DivergedError
from wdno.tasks.control.lbfgs import Point

if TYPE_CHECKING:
    from wdno.controlled import Controlled, World
    from wdno.problem import Batch
    from wdno.tasks.control.cases import Cases
    from wdno.tasks.control.noise import ControlNoise
    from wdno.tasks.control.options import Options


class ControlError(ValueError):
    """A control that is no control of its system."""


def weights_of(system: Controlled, options: Options | None) -> Mapping[str, float]:
    """Return the weight of each term of J of a system, as a run has chosen it.

    Args:
        system: the system.
        options: of the task.

    Raises:
        ProblemError: a weight is of no term of J.
    """
    return differing_weights(system.term_weights, options.weights if options is not None else {})


@dataclass
class CountedObjective:
    """J of a system with weights, and how often its solver was asked.

    Attributes:
        system: the system.
        weights: weight of each term.
        threads: processor threads of the solver.
        noise: what disturbs a controller that acts step by step; None: nothing.
        calls: solutions of each case so far, by its number.
        gradients: gradients of each case so far, by its number; each takes a solution as well,
            which is not among the calls.
        seconds: time that all gradients have taken.
    """

    system: Controlled
    weights: Mapping[str, float]
    threads: int = 1
    noise: ControlNoise | None = None
    calls: dict[int, int] = field(default_factory=dict)
    gradients: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self._graded = self.system.for_gradients()
        self.mask = torch.from_numpy(np.array(self.system.control_mask()))[None, :, None]

    def sum(
        self, terms: Mapping[str, Tensor], differing: Mapping[str, float] | None = None
    ) -> Tensor:
        """Return J of its terms, ``[n]``, perhaps with other weights of some.

        Raises:
            ProblemError: a weight is of no term of J.
        """
        weights = differing_weights(self.weights, differing or {})
        return torch.stack([weights[name] * term for name, term in terms.items()]).sum(0)

    def solve(self, cases: Cases, control: Tensor) -> tuple[dict[str, Tensor], Batch]:
        """Solve under a control.

        Args:
            cases: the n cases.
            control: ``[n, C, T, *S]``.

        Returns:
            The weighted terms of J, ``[n]`` each, and the solution.

        Raises:
            DivergedError: a solution is not finite or unstable.
        """
        _count(self.calls, cases)
        terms, outcome = self._solution(cases, control)
        return {name: self.weights[name] * term for name, term in terms.items()}, outcome

    def _solution(self, cases: Cases, control: Tensor) -> tuple[dict[str, Tensor], Batch]:
        """The terms of J without their weights, and the solution."""
        with torch.no_grad():
            outcome = self.system.run(cases.first, control, threads=self.threads)
            return self.system.terms(outcome, control, cases.target), outcome

    def begin(self, cases: Cases) -> World:
        """Start the true solver, to be gone through interval by interval; counted as a solution.

        With noise, what is applied in an interval may be another control than is asked for.
        """
        _count(self.calls, cases)
        world = self.system.begin(cases.first, threads=self.threads)
        if self.noise is not None:
            world.disturbance = self.noise.step_by_step(cases)
        return world

    def value(
        self, cases: Cases, control: Tensor, differing: Mapping[str, float] | None = None
    ) -> Tensor:
        """Return J of a control by the solver, ``[n]``; infinite where the solver diverges.

        Args:
            cases: the n cases.
            control: ``[n, C, T, *S]``.
            differing: weights of terms, where they differ.

        Raises:
            ProblemError: a weight is of no term of J.
        """

        def solved(rows: Tensor) -> tuple[Tensor, ...]:
            some = cases.take(rows)
            _count(self.calls, some)
            return (self.sum(self._solution(some, control[rows])[0], differing),)

        (values,) = _where_stable(solved, cases.own.new_zeros(len(cases)))
        return values

    def gradient(
        self, cases: Cases, control: Tensor, differing: Mapping[str, float] | None = None
    ) -> Point:
        """Return J by the solver and its gradient, zero where no control may act.

        Where the solver diverges J is infinite and the gradient zero.

        Args:
            cases: the n cases.
            control: ``[n, C, T, *S]``.
            differing: weights of terms that value and gradient are of, where they differ; what is
                watched is J.

        Raises:
            ProblemError: a weight is of no term of J.
        """
        _count(self.gradients, cases)
        started = time.perf_counter()

        def solved(rows: Tensor) -> tuple[Tensor, ...]:
            some = cases.take(rows)
            with torch.enable_grad():
                asked = control[rows].detach().double().requires_grad_()
                outcome = self._graded.run_differentiable(some.first, asked, threads=self.threads)
                terms = self._graded.terms(outcome, asked, some.target)
                values = self.sum(terms, differing)
                (gradient,) = torch.autograd.grad(values.sum(), asked)
            return values.detach(), gradient * self.mask, self.sum(terms).detach()

        none = torch.zeros_like(control, dtype=torch.float64)
        each = none.new_full((len(cases),), torch.inf)
        found = Point(*_where_stable(solved, each, none, each.clone()))
        self.seconds += time.perf_counter() - started
        return found

    def restart_counting(self) -> None:
        """Forget all calls, gradients and their time."""
        self.calls.clear()
        self.gradients.clear()
        self.seconds = 0.0

    @property
    def seconds_per_gradient(self) -> float:
        """Time of one gradient of one case so far; NaN where there was none."""
        count = sum(self.gradients.values())
        return self.seconds / count if count else math.nan

    def estimated(
        self, parts: Batch, target: Tensor | None, differing: Mapping[str, float] | None = None
    ) -> Tensor:
        """Return J of what a model predicts, ``[n]``, differentiable.

        Args:
            parts: `state`, `forcing` and, where there are, `series`.
            target: states to be reached.
            differing: weights of terms, where they differ.

        Raises:
            ProblemError: a weight is of no term of J.
        """
        control = parts["forcing"] * self.mask.to(parts["forcing"])
        return self.sum(self.system.estimated(parts, control, target), differing)

    def require(self, cases: Cases, control: Tensor) -> Tensor:
        """Return a control as the solver takes it, or refuse it.

        Args:
            cases: the n cases.
            control: what a controller returned.

        Raises:
            ControlError: it has another shape, is not finite, or acts where it may not.
        """
        expected = tuple(cases.own.shape)
        if tuple(control.shape) != expected:
            raise ControlError(
                f"a control of shape {tuple(control.shape)}, expected [cases, components, "
                f"intervals, space] = {expected}"
            )
        finite = control.isfinite().flatten(1).all(1)
        if not finite.all():
            bad = int(cases.index[~finite][0])
            raise ControlError(
                f"a control that is not finite, of case {bad} first ({int((~finite).sum())} of "
                f"{len(cases)} cases)"
            )
        outside = (control.detach() * ~self.mask).abs().flatten(1).amax(1)
        if (outside > 0).any():
            bad = int(cases.index[outside > 0][0])
            raise ControlError(
                f"a control where none may act, up to {float(outside.max()):.3g}, of case {bad} "
                "first; multiply it by the mask of the system"
            )
        return control.detach().cpu().double()


def differing_weights(
    weights: Mapping[str, float], differing: Mapping[str, float]
) -> Mapping[str, float]:
    """Return weights of the terms of J, some of them replaced.

    Raises:
        ProblemError: one is of no term of J.
    """
    unknown = [name for name in differing if name not in weights]
    if unknown:
        raise ProblemError(
            f"control: weights of {', '.join(unknown)}: J of this system has the terms "
            f"{', '.join(weights)}"
        )
    return {**weights, **differing}


def _where_stable(
    solved: Callable[[Tensor], tuple[Tensor, ...]], *whole: Tensor
) -> tuple[Tensor, ...]:
    """Solve n cases, without those that diverge.

    Args:
        solved: of the numbers of cases their J and what else; raises DivergedError.
        *whole: what stands for cases that diverge, ``[n, ...]`` each; changed in place.

    Returns:
        What it returns, with J of those that diverge infinite.
    """
    rows = torch.arange(len(whole[0]))
    whole[0].fill_(torch.inf)
    while len(rows):
        try:
            found = solved(rows)
        except DivergedError as error:
            kept = torch.ones(len(rows), dtype=torch.bool)
            kept[list(error.samples)] = False
            rows = rows[kept]
            continue
        for into, values in zip(whole, found, strict=True):
            into[rows] = values
        break
    return whole


def _count(counts: dict[int, int], cases: Cases) -> None:
    for case in cases.index.tolist():
        counts[case] = counts.get(case, 0) + 1
