"""Options of the representation `wavelet`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from wdno.options import shown
from wdno.representations.options.base import RepresentationOptions
from wdno.representations.wavelet_defaults import resolve


class WaveletOptions(RepresentationOptions):
    """One level of a discrete wavelet transform over time and space; sub-bands become channels."""

    name: Literal["wavelet"] = Field(description="One-level discrete wavelet transform.")
    family: str | None = Field(
        default=None,
        description="Wavelet: any discrete family that PyWavelets knows; by default bior2.4 in 1D, "
        "bior1.3 in 2D.",
    )
    mode: Literal["periodization", "zero", "mirrored"] | None = Field(
        default=None,
        description="Signal extension at the ends of each axis that is not periodic; by default "
        "periodization in 1D, zero in 2D. Periodic axes wrap around. `mirrored` needs a symmetric "
        "family (`bior`, `rbio`, `haar`) and the backend `matrices`.",
    )
    backend: Literal["matrices", "pytorch_wavelets"] = Field(
        default="matrices", description="Implementation; both give the same coefficients."
    )

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool]) -> list[str]:
        """Refuse an unknown family, filters too long for the grid, and what cannot be mirrored."""
        import pywt

        from wdno.representations import mirrored

        family, modes = resolve(self.family, self.mode, len(grid), periodic)
        discrete = pywt.wavelist(kind="discrete")
        if family not in discrete:
            close = difflib.get_close_matches(family, discrete, n=3)
            hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
            return [
                f"family = {family!r}: not a discrete wavelet{hint} "
                f"Families: {', '.join(pywt.families())}"
            ]
        length = pywt.Wavelet(family).dec_len
        if min(grid) < length:
            return [
                f"family = {family!r}: its filters have {length} taps and need as many points on "
                f"each axis, the grid has {shown(grid)}; use a larger grid or a shorter wavelet "
                "such as 'haar'"
            ]
        if mirrored.MODE in modes:
            if (problem := mirrored.refusal(family)) is not None:
                return [problem]
            if self.backend != "matrices":
                return [
                    f"backend = {self.backend!r}: has no mode {mirrored.MODE!r}; use `matrices`"
                ]
        return []

    def coefficient_grid(self, grid: tuple[int, ...], periodic: Sequence[bool]) -> tuple[int, ...]:
        """Return the grid of a sub-band."""
        import pywt

        from wdno.representations import mirrored

        family, modes = resolve(self.family, self.mode, len(grid), periodic)
        length = pywt.Wavelet(family).dec_len
        return tuple(
            mirrored.coefficient_size(size)
            if mode == mirrored.MODE
            else pywt.dwt_coeff_len(size, length, mode)
            for size, mode in zip(grid, modes, strict=True)
        )


Options = WaveletOptions
