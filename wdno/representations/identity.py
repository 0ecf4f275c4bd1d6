"""The identity: a network sees the fields themselves. c = u, one channel per field."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from wdno.problem import Span
from wdno.representations import base


class Identity(base.Representation):
    """Fields as their own coefficients, which makes a model one in space-time.

    Args:
        dims: Dimensions of the grid: 2 for (time, x), 3 for (time, y, x).
        periodic: Whether each spatial axis is periodic, which makes no difference here.
    """

    local_in_time = True

    def __init__(self, dims: int = 2, periodic: Sequence[bool] | None = None) -> None:
        super().__init__(dims)

    def bands(self, span: Span = "space_time") -> tuple[str, ...]:
        """One channel per field, named as the field."""
        return ("",)

    def coefficient_grid(self, grid: Sequence[int]) -> tuple[int, ...]:
        """The grid itself; raises ValueError if it has other axes."""
        self._check_axes(grid)
        return tuple(grid)

    def _transform(self, x: Tensor, span: Span) -> Tensor:
        return x

    def _invert(self, c: Tensor, sizes: Sequence[int], span: Span) -> Tensor:
        return c


Representation = Identity
