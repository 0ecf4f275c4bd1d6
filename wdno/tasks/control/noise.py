"""Noise in the control: what the solver applies is not always what a controller asks for.

With probability p, independently in each interval, the whole frame of the control is lost: at each
point where control may act each component becomes a uniform number between bounds of its own. This
is the law of CL-DiffPhyCon for smoke (arXiv 2408.03124), there U(-2, 10) in y and U(-10, 10) in x.
That of arXiv 2412.04833, Table 9, is not published beyond its share, a tenth of the sequence.

What a case meets depends on its number alone, so all methods and all training seeds meet the same;
and intervals that are lost at one probability are lost, to the same numbers, at every higher one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wdno.evaluation.predictor import sample_seed
from wdno.problem import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wdno.tasks.control.cases import Cases

SEED = 9
"""Of all noise in controls."""


@dataclass(frozen=True)
class ControlNoise:
    """Frames of controls that are lost.

    Attributes:
        probability: that an interval's is.
        low: lowest value of each component, ``[C]``.
        high: highest value of each component, ``[C]``.
        mask: where control may act, ``[1, C, 1, *S]``.
    """

    probability: float
    low: Sequence[float]
    high: Sequence[float]
    mask: Tensor

    def __post_init__(self) -> None:
        components = self.mask.shape[1]
        if not len(self.low) == len(self.high) == components:
            raise ProblemError(
                f"control: noise between low = {list(self.low)} and high = {list(self.high)}: "
                f"expected {components} values each, one for each component of the control"
            )

    def drawn(self, cases: Cases) -> tuple[Tensor, Tensor]:
        """Draw what the cases meet.

        Returns:
            Which intervals are lost, ``[n, T]``, and what the control is there, as
            ``[n, C, T, *S]``.
        """
        shape = cases.own.shape[1:]
        lost, values = [], []
        for case in cases.index.tolist():
            generator = torch.Generator().manual_seed(sample_seed(SEED, case, 0))
            one = torch.rand(shape[1], generator=generator, dtype=torch.float64)
            lost.append(one < self.probability)
            values.append(torch.rand(shape, generator=generator, dtype=torch.float64))
        column = (1, -1, *[1] * (len(shape) - 1))
        low, high = (
            torch.tensor(ends, dtype=torch.float64).view(column) for ends in (self.low, self.high)
        )
        return torch.stack(lost), (low + (high - low) * torch.stack(values)) * self.mask

    def applied(self, cases: Cases, control: Tensor) -> Tensor:
        """Return what the solver applies of a control, both ``[n, C, T, *S]``."""
        lost, values = self.drawn(cases)
        return torch.where(_beside(lost[:, None], control), values, control)

    def step_by_step(self, cases: Cases) -> Callable[[int, Tensor], Tensor]:
        """Return :meth:`applied` of one interval at a time: of its number and ``[n, C, *S]``."""
        lost, values = self.drawn(cases)

        def one(interval: int, control: Tensor) -> Tensor:
            return torch.where(_beside(lost[:, interval], control), values[:, :, interval], control)

        return one


def _beside(flags: Tensor, values: Tensor) -> Tensor:
    """Give flags as many axes as values have."""
    return flags.reshape(*flags.shape, *[1] * (values.ndim - flags.ndim))


def bounds(controls: Iterable[Tensor], mask: Tensor) -> tuple[list[float], list[float]]:
    """Return the lowest and the highest value of each component of controls where it may act.

    Args:
        controls: ``[n, C, T, *S]`` each.
        mask: ``[1, C, 1, *S]``.
    """
    low, high = (torch.full((mask.shape[1],), sign * torch.inf).double() for sign in (1, -1))
    for control in controls:
        away = (0, *range(2, control.ndim))
        low = torch.minimum(low, control.masked_fill(~mask, torch.inf).amin(away))
        high = torch.maximum(high, control.masked_fill(~mask, -torch.inf).amax(away))
    return low.tolist(), high.tolist()
