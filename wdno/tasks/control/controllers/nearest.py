"""A look-up: among the controls of the training cases that are most alike, the best by the solver.

What a learned controller must beat to have learned more than where to look.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wdno.tasks.control.cases import Cases
from wdno.tasks.control.cases import cases as cases_of
from wdno.tasks.control.controllers.base import Controller as Base
from wdno.tasks.control.controllers.base import Setting
from wdno.tasks.control.controllers.options.nearest import NearestOptions
from wdno.tasks.control.objective import ControlError


class Nearest(Base):
    """Tries the controls of training cases."""

    def __init__(self, setting: Setting, options: NearestOptions) -> None:
        """Read the training set.

        Raises:
            ControlError: it has fewer cases than are to be tried.
        """
        super().__init__()
        self._objective, self._candidates = setting.objective, options.candidates
        known = [(_key(some), some.own.float()) for some in cases_of(setting.open("train"), 256)]
        self._keys, self._controls = (torch.cat(parts) for parts in zip(*known, strict=True))
        if len(self._keys) < options.candidates:
            raise ControlError(
                f"{setting.job.description}: candidates = {options.candidates}, the training set "
                f"has {len(self._keys)} cases; lower it"
            )

    def __call__(self, cases: Cases) -> Tensor:
        """Return the best of the nearest, ``[n, C, T, *S]``."""
        near = torch.cdist(_key(cases), self._keys).topk(self._candidates, largest=False).indices
        control = torch.zeros_like(cases.own)
        least = torch.full((len(cases),), torch.inf, dtype=torch.float64)
        for chosen in near.unbind(1):
            tried = self._controls[chosen].double() * self._objective.mask
            values = self._objective.value(cases, tried)
            better = values < least
            control[better], least[better] = tried[better], values[better]
        return control


def _key(cases: Cases) -> Tensor:
    """What cases are compared by: initial state and target, ``[n, k]``."""
    parts = [cases.first] if cases.target is None else [cases.first, cases.target]
    return torch.cat([part.flatten(1).float() for part in parts], dim=1)


Controller = Nearest
