"""Fourier coefficients: real waves over time and space, even and odd ones as channels.

On (time, x) a field becomes 4 channels, on (time, y, x) 8: as many as with wavelets, and each of
about half the size in every axis, but with an axis of wave numbers in place of one of positions. A
periodic axis has the waves that are periodic; time, and axes that end, have half waves, or, with
the mode "periodization", the waves of an axis that wraps around, which see the jump from the last
value to the first one as a wave of every length (see ``fourier_basis``). The representation of the
ablation "diffusion in the Fourier domain" of arXiv 2412.04833.

The transform is orthonormal: the sum of squares of the coefficients is that of the fields. Those of
smooth fields fall off with the wave number by orders of magnitude, while a channel has one scale
for all of them.

A channel is named by field and sub-band, with one letter per axis, time first: "u:eo" is even in
time and odd in x.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from wdno.problem import Span, along
from wdno.representations import base, fourier_basis
from wdno.representations.separable import analyse, cached, synthesise


class Fourier(base.Representation):
    """Real Fourier or cosine coefficients of fields, as channels, on grids of any size.

    Args:
        mode: "mirrored", for half waves on axes that are not periodic, or "periodization", for
            waves that wrap around on all axes.
        dims: Dimensions of the grid: 2 for (time, x), 3 for (time, y, x).
        periodic: Whether each spatial axis is periodic; None if none is.

    Raises:
        ValueError: If the mode is unknown, or an answer for a spatial axis is missing.
    """

    placed = False

    def __init__(
        self, mode: str = "mirrored", dims: int = 2, periodic: Sequence[bool] | None = None
    ) -> None:
        super().__init__(dims)
        self.mode = mode
        self._wraps = fourier_basis.wrapped(mode, dims, periodic)

    def bands(self, span: Span = "space_time") -> tuple[str, ...]:
        """("ee", "eo", "oe", "oo") on (time, x), ("e", "o") on one of these axes, and so on."""
        return fourier_basis.band_names(len(along(span, self.axes)))

    def coefficient_grid(self, grid: Sequence[int]) -> tuple[int, ...]:
        """Grid of wave numbers of a sub-band; raises ValueError if the grid has other axes."""
        self._check_axes(grid)
        return tuple(
            fourier_basis.coefficient_size(size, wraps)
            for size, wraps in zip(grid, self._wraps, strict=True)
        )

    def _transform(self, x: Tensor, span: Span) -> Tensor:
        return analyse(self._matrices(x, x.shape[2:], span), x).flatten(1, 2)

    def _invert(self, c: Tensor, sizes: Sequence[int], span: Span) -> Tensor:
        bands = torch.unflatten(c, 1, (-1, len(self.bands(span))))
        matrices = self._matrices(c, sizes, span)
        return synthesise({axis: matrix.T for axis, matrix in matrices.items()}, bands)

    def _matrices(self, like: Tensor, sizes: Sequence[int], span: Span) -> dict[int, Tensor]:
        """Return the matrix of each axis of the data, which follow batch and channels."""
        if like.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"{self._name}: expected float32 or float64, got {like.dtype}; convert with "
                ".float(), since half precision loses the exact reconstruction"
            )
        pairs = zip(sizes, along(span, self._wraps), strict=True)
        return {
            axis: _matrix(size, wraps, like.dtype, like.device)
            for axis, (size, wraps) in enumerate(pairs, 2)
        }

    def extra_repr(self) -> str:
        """Mode and dimensions, for ``print``."""
        return f"{self.mode}, dims={self.dims}"


@functools.lru_cache(maxsize=512)
def _matrix(size: int, wraps: bool, dtype: torch.dtype, device: torch.device) -> Tensor:
    return cached(fourier_basis.matrix(size, wraps), dtype, device)


Representation = Fourier
