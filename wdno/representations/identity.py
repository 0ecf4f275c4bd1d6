"""The identity: a network sees the fields themselves. c = u, one channel per field."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

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

    @property
    def subbands(self) -> tuple[str, ...]:
        """One channel per field, named as the field."""
        return ("",)

    @property
    def static_subbands(self) -> tuple[str, ...]:
        """One channel per field, named as the field."""
        return ("",)

    def encode(self, x: Tensor) -> Tensor:
        """Return the fields [B, C, T, *S].

        Raises:
            ValueError: If the number of axes is another.
        """
        self._check_data(x, self.axes)
        return x

    def decode(self, c: Tensor, grid: Sequence[int]) -> Tensor:
        """Return the fields [B, C, T, *S].

        Raises:
            ValueError: If they are not on ``grid``.
        """
        self._check_coefficients(c, grid)
        return c

    def encode_static(self, x: Tensor, frames: int) -> Tensor:
        """Fields [B, C, *S] repeated over ``frames`` time steps, as a view [B, C, frames, *S].

        Raises:
            ValueError: If the number of axes is another.
        """
        self._check_data(x, self.axes[1:])
        return x.unsqueeze(2).expand(-1, -1, frames, *x.shape[2:])

    @property
    def series_subbands(self) -> tuple[str, ...]:
        """One channel per series, named as the series."""
        return ("",)

    def encode_series(self, x: Tensor, space: Sequence[int]) -> Tensor:
        """Series [B, S, T] repeated over space, as a view [B, S, T, *S].

        Raises:
            ValueError: If the number of axes is another.
        """
        self._check_data(x, self.axes[:1])
        return x[(..., *[None] * len(space))].expand(*x.shape, *space)

    def decode_series(self, c: Tensor, frames: int) -> Tensor:
        """Means over space of [B, S, T, *S]: [B, S, T].

        Raises:
            ValueError: If they do not have ``frames`` times.
        """
        self._check_series(c, frames)
        return c.flatten(3).mean(3)

    def coefficient_grid(self, grid: Sequence[int]) -> tuple[int, ...]:
        """The grid itself."""
        return tuple(grid)


Representation = Identity
