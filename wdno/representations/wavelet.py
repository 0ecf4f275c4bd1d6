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
        mode: Extension beyond the ends: "periodization", "zero" or another of PyWavelets'; one
            for all axes or one per axis, time first; None for "periodization" on (time, x), "zero"
            on (time, y, x). Periodic axes wrap around in any case.
        backend: "matrices" or, as a slower reference, "pytorch_wavelets".
        dims: Dimensions of the grid: 2 for (time, x), 3 for (time, y, x).
        periodic: Whether each spatial axis is periodic; None if none is. One of an odd number of
            points wraps around after its last point is repeated.

    Raises:
        ValueError: If the family, a mode or the backend is unknown.

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
        self._transform = WaveletTransform(family, modes, backend)
        self._static_transform = WaveletTransform(family, modes[1:], backend)
        self._series_transform = WaveletTransform(family, modes[:1], backend)

    @property
    def subbands(self) -> tuple[str, ...]:
        """("aa", "ad", "da", "dd") on (time, x); ("aaa", ..., "ddd") on (time, y, x)."""
        return subband_names(self.dims)

    @property
    def static_subbands(self) -> tuple[str, ...]:
        """("a", "d") over x; ("aa", "ad", "da", "dd") over (y, x)."""
        return subband_names(self.dims - 1)

    def encode(self, x: Tensor) -> Tensor:
        """Coefficients [B, C K, t, *s] of fields [B, C, T, *S], K = 2^dims.

        Raises:
            ValueError: If the fields have other axes, a grid too small for the wavelet, or are
                neither float32 nor float64.
        """
        self._check_data(x, self.axes)
        self._check_grid(x.shape[2:])
        return self._transform.dwt(x, tuple(range(2, 2 + self.dims))).flatten(1, 2)

    def decode(self, c: Tensor, grid: Sequence[int]) -> Tensor:
        """Fields [B, C, T, *S] on ``grid`` = (T, *S), odd sizes cropped, from coefficients.

        Raises:
            ValueError: If the coefficients are not those of fields on ``grid``.
        """
        self._check_coefficients(c, grid)
        bands = torch.unflatten(c, 1, (-1, len(self.subbands)))
        return self._transform.idwt(bands, tuple(range(2, 2 + self.dims)), grid)

    def encode_static(self, x: Tensor, frames: int) -> Tensor:
        """Coefficients over space [B, C K', t, *s] of fields [B, C, *S], K' = 2^(dims - 1).

        They are repeated, as a view, over the t coefficients that ``frames`` time steps have.

        Raises:
            ValueError: As ``encode``.
        """
        self._check_data(x, self.axes[1:])
        t, *_ = self.coefficient_grid((frames, *x.shape[2:]))
        bands = self._static_transform.dwt(x, tuple(range(2, 1 + self.dims))).flatten(1, 2)
        return bands.unsqueeze(2).expand(-1, -1, t, *bands.shape[2:])

    @property
    def series_subbands(self) -> tuple[str, ...]:
        """("a", "d") over time."""
        return subband_names(1)

    def encode_series(self, x: Tensor, space: Sequence[int]) -> Tensor:
        """Coefficients over time [B, 2 S, t, *s] of series [B, S, T], a view repeated over space.

        Raises:
            ValueError: As ``encode``.
        """
        self._check_data(x, self.axes[:1])
        _, *sizes = self.coefficient_grid((x.shape[2], *space))
        bands = self._series_transform.dwt(x, (2,)).flatten(1, 2)
        return bands[(..., *[None] * len(sizes))].expand(*bands.shape, *sizes)

    def decode_series(self, c: Tensor, frames: int) -> Tensor:
        """Series [B, S, T] from the means over space of coefficients [B, 2 S, t, *s].

        Raises:
            ValueError: If the coefficients are not those of ``frames`` times.
        """
        self._check_series(c, self._series_transform.coefficient_sizes((frames,))[0])
        bands = torch.unflatten(c.flatten(3).mean(3), 1, (-1, len(self.series_subbands)))
        return self._series_transform.idwt(bands, (2,), (frames,))

    def coefficient_grid(self, grid: Sequence[int]) -> tuple[int, ...]:
        """Grid of a sub-band, as (81, 120) -> (41, 60).

        Raises:
            ValueError: If the grid has other axes or is too small for the wavelet.
        """
        self._check_grid(grid)
        return self._transform.coefficient_sizes(grid)

    def extra_repr(self) -> str:
        """Family, modes and backend, for ``print``."""
        return f"{self.family}, {' x '.join(self.modes)}, backend={self.backend}, dims={self.dims}"

    def _check_grid(self, grid: Sequence[int]) -> None:
        if len(grid) != self.dims:
            raise ValueError(
                f"wavelet representation with dims={self.dims}: expected a grid "
                f"({', '.join(self.axes)}), got {tuple(grid)}"
            )
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
