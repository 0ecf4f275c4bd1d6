"""The same control everywhere, at all times, in all cases."""

from __future__ import annotations

import torch
from torch import Tensor

from wdno.tasks.control.cases import Cases
from wdno.tasks.control.controllers.base import Controller as Base
from wdno.tasks.control.controllers.base import Setting
from wdno.tasks.control.controllers.options.constant import ConstantOptions
from wdno.tasks.control.objective import ControlError


class Constant(Base):
    """Zero, or a constant: what needs no knowledge of a case."""

    def __init__(self, setting: Setting, options: ConstantOptions) -> None:
        """Of the values of the options.

        Raises:
            ControlError: there is another number of values than of components.
        """
        super().__init__()
        mask = setting.objective.mask
        values = options.values or [0.0] * mask.shape[1]
        if len(values) != mask.shape[1]:
            raise ControlError(
                f"{setting.job.description}: values = {options.values} of a constant control, "
                f"expected {mask.shape[1]}, one for each component"
            )
        column = torch.tensor(values, dtype=torch.float64).view(1, -1, 1, *[1] * (mask.ndim - 3))
        self.control = (column * mask).expand(1, -1, setting.grid[0], *mask.shape[3:])

    def __call__(self, cases: Cases) -> Tensor:
        """Return it for each case, ``[n, C, T, *S]``."""
        return self.control.expand(len(cases), *self.control.shape[1:]).clone()


Controller = Constant
