"""What every representation has among its options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from wdno.options import Section


class RepresentationOptions(Section):
    """Options of a representation.

    Attributes:
        local_in_time: whether frame k of its coefficients is that of frame k of the fields alone.
        placed: whether its coefficients have positions in time and space, so that those of a
            periodic axis wrap around.
    """

    local_in_time: ClassVar[bool] = False
    placed: ClassVar[bool] = True

    name: str = Field(description="Representation.")
    relative: bool = Field(
        default=False,
        description="Generate the departure from the last given frame, which is added again: an "
        "untrained network then predicts persistence.",
    )

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool]) -> list[str]:
        """Return what is wrong with the options on a grid.

        Args:
            grid: shape of what is generated, ``(T, *space)``.
            periodic: whether each spatial axis is periodic.

        Returns:
            Problems, each a sentence that begins with the option.
        """
        return []

    def coefficient_grid(self, grid: tuple[int, ...], periodic: Sequence[bool]) -> tuple[int, ...]:
        """Return the grid of the coefficients, for options that :meth:`check` accepts.

        Args:
            grid: shape of what is generated, ``(T, *space)``.
            periodic: whether each spatial axis is periodic.
        """
        return grid

    def wraps(self, periodic: Sequence[bool]) -> tuple[bool, ...]:
        """Return whether each spatial axis of the coefficients wraps around.

        Args:
            periodic: whether that of the fields does.
        """
        return tuple(wrap and self.placed for wrap in periodic)
