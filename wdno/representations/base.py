"""What a representation is.

A representation is an invertible linear map W between fields u on a space-time grid and the
coefficients c = W u that a network sees as channels; W^{-1} W u = u. With each field it makes K
channels ("bands"), field by field: channel K i + k is band k of field i.

Fields may lack axes (see :mod:`wdno.problem`). They are transformed over those that they have, and
the coefficients are repeated over the others: an initial state along time, a series over space, a
number over both. What is generated in the channels of a series differs from point to point, and is
averaged over space before it is transformed back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from wdno.problem import Span, along

GRID_AXES = {2: ("time", "x"), 3: ("time", "y", "x")}
"""Names of the axes of a grid, by its number of dimensions."""


class Representation(nn.Module, ABC):
    """Invertible map between fields [B, C, T, *S] and coefficients [B, C K, t, *s].

    Args:
        dims: Dimensions of the grid: 2 for (time, x), 3 for (time, y, x).

    Raises:
        ValueError: If ``dims`` is neither 2 nor 3.
    """

    local_in_time: ClassVar[bool] = False
    """Whether frame k of the coefficients is that of frame k of the fields alone."""
    placed: ClassVar[bool] = True
    """Whether coefficients have positions, so that those of a periodic axis wrap around."""

    def __init__(self, dims: int = 2) -> None:
        super().__init__()
        if dims not in GRID_AXES:
            raise ValueError(
                f"representation: expected dims 2 (time, x) or 3 (time, y, x), got {dims!r}"
            )
        self.dims = dims
        self.axes = GRID_AXES[dims]

    @abstractmethod
    def bands(self, span: Span = "space_time") -> tuple[str, ...]:
        """Names of the K channels of a field of a span, in their order; one "" of a number."""

    def shortest(self) -> Representation:
        """One of the same bands that takes the smallest grids; itself, if it takes all."""
        return self

    @abstractmethod
    def coefficient_grid(self, grid: Sequence[int]) -> tuple[int, ...]:
        """Grid (t, *s) of the coefficients of fields on ``grid`` = (T, *S).

        Raises:
            ValueError: If the grid has other axes, or is too small for the transform.
        """

    @abstractmethod
    def _transform(self, x: Tensor, span: Span) -> Tensor:
        """Coefficients [B, C K, ...] of fields [B, C, ...], on the axes of a span."""

    @abstractmethod
    def _invert(self, c: Tensor, sizes: Sequence[int], span: Span) -> Tensor:
        """Fields [B, C, *sizes] from coefficients [B, C K, ...], on the axes of a span."""

    def encode(self, x: Tensor, grid: Sequence[int], span: Span = "space_time") -> Tensor:
        """Coefficients [B, C K, t, *s] of fields.

        Args:
            x: Fields on the axes of their span, such as [B, C, T, *S] or, of numbers, [B, C].
            grid: The whole grid (T, *S); coefficients are repeated, as a view, over the axes that
                ``x`` lacks, so that those of all spans concatenate. Copy before writing into them.
            span: Which axes ``x`` has.

        Raises:
            ValueError: If ``x`` does not have these axes or sizes, or the grid does not fit.
        """
        expected = along(span, grid)
        if x.ndim != 2 + len(along(span, self.axes)) or tuple(x.shape[2:]) != expected:
            axes = ", ".join(("batch", "channels", *along(span, self.axes)))
            raise ValueError(
                f"{self._name}: on the grid {tuple(grid)} expected [{axes}] of the sizes "
                f"{expected}, got shape {tuple(x.shape)}"
            )
        sizes = self.coefficient_grid(grid)
        c = x if span == "number" else self._transform(x, span)
        if span == "space_time":
            return c
        if span == "space":
            c = c.unsqueeze(2)
        return c[(..., *[None] * (2 + self.dims - c.ndim))].expand(*c.shape[:2], *sizes)

    def decode(self, c: Tensor, grid: Sequence[int], span: Span = "space_time") -> Tensor:
        """Fields from coefficients [B, C K, t, *s], the inverse of ``encode``.

        Args:
            c: Coefficients; of a span without space, their mean over space counts.
            grid: The whole grid (T, *S).
            span: "space_time" or "time".

        Returns:
            Fields [B, C, T, *S], or [B, C, T].

        Raises:
            ValueError: If they are not those of fields on ``grid``, or of another span.
        """
        if span not in ("space_time", "time"):
            raise ValueError(
                f"{self._name}: expected the span 'space_time' or 'time' to decode, got {span!r}"
            )
        expected, per_field = self.coefficient_grid(grid), len(self.bands(span))
        if c.ndim != 2 + self.dims or tuple(c.shape[2:]) != expected or c.shape[1] % per_field:
            raise ValueError(
                f"{self._name}: to decode to the grid {tuple(grid)} expected coefficients "
                f"[batch, {per_field} per field, {', '.join(map(str, expected))}], "
                f"got shape {tuple(c.shape)}"
            )
        if span == "time":
            c = c.flatten(3).mean(3)
        return self._invert(c, along(span, grid), span)

    def channel_names(self, fields: Sequence[str], span: Span = "space_time") -> list[str]:
        """Names of ``encode``'s channels, as ["u:aa", "u:ad", "u:da", "u:dd", "f:aa", ...]."""
        bands = self.bands(span)
        return [f"{field}:{band}" if band else field for field in fields for band in bands]

    def _check_axes(self, grid: Sequence[int]) -> None:
        if len(grid) != self.dims:
            raise ValueError(
                f"{self._name}: expected a grid ({', '.join(self.axes)}), got {tuple(grid)}"
            )

    @property
    def _name(self) -> str:
        return f"{type(self).__name__.lower()} representation with dims={self.dims}"
