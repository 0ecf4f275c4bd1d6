"""Options of the representation `fourier`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from wdno.representations.options.base import RepresentationOptions


class FourierOptions(RepresentationOptions):
    """Real waves over time and space; even and odd ones become channels."""

    placed: ClassVar[bool] = False

    name: Literal["fourier"] = Field(description="Fourier or cosine coefficients.")
    mode: Literal["mirrored", "periodization"] = Field(
        default="mirrored",
        description="Axes that are not periodic, time among them: half waves, as if continued by "
        "their mirror image, or waves that wrap around, to which the jump from the last value to "
        "the first is one of all lengths. Periodic axes wrap around.",
    )

    def coefficient_grid(self, grid: tuple[int, ...], periodic: Sequence[bool]) -> tuple[int, ...]:
        """Return the grid of the wave numbers of a sub-band."""
        from wdno.representations import fourier_basis

        wraps = fourier_basis.wrapped(self.mode, len(grid), periodic)
        return tuple(
            fourier_basis.coefficient_size(size, wrap)
            for size, wrap in zip(grid, wraps, strict=True)
        )


Options = FourierOptions
