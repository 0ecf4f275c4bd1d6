"""The control that a case was drawn with: it reaches the target, at no regard to cost."""

from __future__ import annotations

from torch import Tensor

from wdno.tasks.control.cases import Cases
from wdno.tasks.control.controllers.base import Controller as Base
from wdno.tasks.control.controllers.base import Setting
from wdno.tasks.control.controllers.options.data import OwnControlOptions


class OwnControl(Base):
    """What each case was drawn with."""

    def __init__(self, setting: Setting, options: OwnControlOptions) -> None:
        """With nothing to prepare."""
        super().__init__()
        self._mask = setting.objective.mask

    def __call__(self, cases: Cases) -> Tensor:
        """Return it, where control may act, ``[n, C, T, *S]``."""
        return cases.own * self._mask


Controller = OwnControl
