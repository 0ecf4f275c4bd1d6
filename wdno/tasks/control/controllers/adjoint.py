"""The optimum of J: L-BFGS with gradients of the true solver.

It knows the solver, so it is what others are measured against rather than a rival.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from wdno.tasks.control.cases import Cases
from wdno.tasks.control.controllers.base import Controller as Base
from wdno.tasks.control.controllers.base import Setting
from wdno.tasks.control.controllers.constant import Constant
from wdno.tasks.control.controllers.options.adjoint import AdjointOptions
from wdno.tasks.control.controllers.options.base import Descent
from wdno.tasks.control.controllers.options.constant import ConstantOptions
from wdno.tasks.control.lbfgs import Minimum, minimise
from wdno.tasks.control.objective import CountedObjective


class Adjoint(Base):
    """Descends along true gradients."""

    def __init__(self, setting: Setting, options: AdjointOptions) -> None:
        """With the gradients that the options allow."""
        super().__init__()
        self._objective, self._options = setting.objective, options
        section = ConstantOptions(name="constant", values=options.values)
        self._constant = Constant(setting, section)

    def __call__(self, cases: Cases) -> Tensor:
        """Return the best control found, ``[n, C, T, *S]``."""
        own = cases.own * self._objective.mask
        start = own if self._options.start == "data" else self._constant(cases)
        found = descend(self._objective, cases, start, self._options)
        self.curve = found.history
        return found.x


def descend(objective: CountedObjective, cases: Cases, start: Tensor, options: Descent) -> Minimum:
    """Lower J by the solver from a control on.

    Args:
        objective: J.
        cases: the n cases.
        start: controls, ``[n, C, T, *S]``.
        options: how far, and by what at first.

    Returns:
        The best controls. The history is of J, whatever is lowered.

    Raises:
        ProblemError: a weight is of no term of J.
    """

    def lower(start: Tensor, gradients: int, terms: Mapping[str, float]) -> Minimum:
        return minimise(
            lambda control, rows: objective.gradient(cases.take(rows), control, terms),
            start,
            gradients,
        )

    left = options.gradients - options.before
    if not options.before:
        return lower(start, left, {})
    first = lower(start, options.before, options.terms)
    if not left:
        return first
    last = lower(first.x, left, {})
    return Minimum(last.x, last.value, torch.cat([first.history, last.history], 1))


Controller = Adjoint
