"""Wavelet coefficients: one level of the transform over time and space, sub-bands as channels.

On (time, x) a field becomes 4 channels, on (time, y, x) 8, each of about half the size in every
axis: with bior2.4 and periodization, 81 x 120 -> 4 x 41 x 60; with bior1.3 and zeros,
32 x 64 x 64 -> 8 x 18 x 34 x 34 (the choices of arXiv 2412.04833). Nothing is padded further.

A channel is named by field and sub-band, with one letter per axis, time first: "u:ad" is the
approximation in time and the detail in x.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from wdno.problem import Span, along
from wdno.representations import base
from wdno.representations.wavelet_defaults import resolve
from wdno.representations.wavelet_transform import (
    WaveletTransform,
    check_modes,
    filter_length,
    subband_names,
)


class Wavelet(base.Representation):
    """One-level wavelet coefficients of fields, as channels.

    Args:
        family: Discrete wavelet of PyWavelets; None for bior2.4 on (time, x), bior1.3 on
            (time, y, x).
        mode: Extension beyond the ends: "periodization", "zero", "mirrored" or another of
            PyWavelets'; one for all axes or one per axis, time first; None for "periodization" on
            (time, x), "zero" on (time, y, x). Periodic axes wrap around in any case.
        backend: "matrices" or, as a slower reference, "pytorch_wavelets".
        dims: Dimensions of the grid: 2 for (time, x), 3 for (time, y, x).
        periodic: Whether each spatial axis is periodic; None if none is. One of an odd number of
            points wraps around after its last point is repeated.

    Raises:
        ValueError: If the family, a mode or the backend is unknown, or the family or the backend
            cannot be mirrored.

    Warns:
        UserWarning: For "dmey", which PyWavelets truncates so that 3e-3 of the data is lost.
    """

    def __init__(
        self,
        family: str | None = None,
        mode: str | Sequence[str] | None = None,
        backend: str = "matrices",
        dims: int = 2,
        periodic: Sequence[bool] | None = None,
    ) -> None:
        super().__init__(dims)
        family, resolved = resolve(family, mode, dims, periodic)
        modes = check_modes(resolved, dims)
        if family == "dmey":
            warnings.warn(
                "wavelet 'dmey' is a truncated filter that reconstructs data only to 3e-3; "
                "choose another family where errors below that matter",
                stacklevel=2,
            )
        self.family, self.modes, self.backend = family, modes, backend
        spans: tuple[Span, ...] = ("space_time", "space", "time")
        self._transforms = {
            span: WaveletTransform(family, along(span, modes), backend) for span in spans
        }

    def bands(self, span: Span = "space_time") -> tuple[str, ...]:
        """("aa", "ad", "da", "dd") on (time, x), ("a", "d") on one of these axes, and so on."""
        return subband_names(len(along(span, self.axes)))

    def shortest(self) -> base.Representation:
        """Haar wavelets, which fit into two points."""
        return Wavelet("haar", "zero", dims=self.dims)

    def coefficient_grid(self, grid: Sequence[int]) -> tuple[int, ...]:
        """Grid of a sub-band, as (81, 120) -> (41, 60).

        Raises:
            ValueError: If the grid has other axes or is too small for the wavelet.
        """
        self._check_grid(grid)
        return self._transforms["space_time"].coefficient_sizes(grid)

    def _transform(self, x: Tensor, span: Span) -> Tensor:
        return self._transforms[span].dwt(x, tuple(range(2, x.ndim))).flatten(1, 2)

    def _invert(self, c: Tensor, sizes: Sequence[int], span: Span) -> Tensor:
        bands = torch.unflatten(c, 1, (-1, len(self.bands(span))))
        return self._transforms[span].idwt(bands, tuple(range(2, c.ndim)), sizes)

    def extra_repr(self) -> str:
        """Family, modes and backend, for ``print``."""
        return f"{self.family}, {' x '.join(self.modes)}, backend={self.backend}, dims={self.dims}"

    def _check_grid(self, grid: Sequence[int]) -> None:
        self._check_axes(grid)
        # On a shorter axis every coefficient reaches over the whole of it, around or beyond.
        needed = filter_length(self.family)
        for axis, size in zip(self.axes, grid, strict=True):
            if size < needed:
                raise ValueError(
                    f"wavelet {self.family!r}: axis {axis!r} of the grid {tuple(grid)} has {size} "
                    f"samples, fewer than the {needed} of the filters; use at least {needed}, or "
                    f"a wavelet with filters of at most {size} ('haar' has 2)"
                )


Representation = Wavelet
