r"""Multiwavelet transform network (arXiv 2109.13459), written from the paper.

A lifting, layers in the basis of Legendre multiwavelets with ReLU between them, and a projection of
one hidden layer of 128. A layer halves the grid again and again, into scaling coefficients s and
wavelet coefficients d; on each level the same three maps act,

.. math::  U_d = A d + B s, \qquad U_s = C d,

and a linear map T on the s of the coarsest level; then it puts the levels together again, adding
U_s to the scaling coefficients of each. Every point of the grid is a cell with `width` functions of
order^a coefficients each, where a is the number of axes that are halved.

- On one axis A, B and C are convolutions by their lowest Fourier coefficients, and T is a matrix of
  order x order for all functions.
- On two, and on (time, y, x) with time as it is, A is such a convolution, B and C are convolutions
  of kernel 3, each followed by ReLU and a linear map; T is linear in all coefficients. Of the
  wavelets only those along both axes are kept, as in the published program, whose filters are
  Kronecker products of the ones of an axis: half of the numbers of each level are lost, so that the
  lifting must put what matters into the others.

With order 4, width 4, 10 modes and 3 layers on (time, x), 2 channels and 2 coordinates that has
2 737 857 parameters, **a complex number counted once** (5 195 457, counted twice). That is 0.14 %
more than the 2 733 978 that arXiv 2412.04833 gives, for which no exact setting is known.

Axes that are halved are made as long as the next power of two: periodic ones by interpolation with
their Fourier series, others by repeating their last point; the output is led back. Where the grid
is not square it is halved until one axis has one cell. Kernels wrap around but for convolutions of
size 3, which end where the axis does. On coarse levels, frequencies of both signs do not overlap.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample
from torch import Tensor, nn

from wdno.networks.arguments import GridNetwork, check_positive
from wdno.networks.blocks import Convolution, Pointwise
from wdno.networks.conditioning import TimeModulation
from wdno.networks.domain import Bounds
from wdno.networks.multiwavelets import filters
from wdno.networks.spectral import QuadrantConvolution
from wdno.options import shown
from wdno.representations.separable import products

_HIDDEN = 128


class MWT(GridNetwork):
    """Multiwavelet transform network on grids of one to three axes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dims: Axes of the grid: 1 for (x), 2 for (time, x) or (y, x), 3 for (time, y, x).
        time_conditioned: Modulate the input of every layer by the diffusion time.
        padding: "zeros" or "circular" for each axis; zeros if not given.
        order: Legendre polynomials in a cell, along each axis that is halved.
        width: Functions that are transformed.
        modes: Fourier modes kept along each axis, of both signs but of the last axis.
        layers: Multiwavelet layers.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dims: int = 2,
        time_conditioned: bool = False,
        padding: Sequence[str] | None = None,
        order: int = 4,
        width: int = 4,
        modes: int = 10,
        layers: int = 3,
    ) -> None:
        super().__init__("mwt", in_channels, dims, padding, time_conditioned=time_conditioned)
        padding = self.padding
        check_positive("mwt", width=width, order=order, modes=modes, layers=layers)
        self.halved = min(dims, 2)
        self.wraps = tuple(kind == "circular" for kind in padding[-self.halved :])
        channels = width * order**self.halved
        self.bounds = Bounds("mwt", padding, coordinates=True)
        self.lift = Pointwise(in_channels + len(self.bounds.located), channels)
        self.layers = nn.ModuleList(
            MultiwaveletLayer(width, order, modes, padding) for _ in range(layers)
        )
        self.project = nn.Sequential(
            Pointwise(channels, _HIDDEN), nn.ReLU(), Pointwise(_HIDDEN, out_channels)
        )
        self.modulation = TimeModulation(time_conditioned, [channels] * layers)

    # Small errors of each level would add up in half precision.
    mixed_precision = False

    def check_grid(self, grid: Sequence[int]) -> None:
        """Refuse a grid with an axis of one point, which cannot be halved.

        Raises:
            ValueError: Naming the grid.
        """
        if min(grid[-self.halved :]) < 2:
            raise ValueError(
                f"mwt: an axis of 1 point of a grid of {shown(grid)} cannot be "
                "halved; use another network, or a larger grid"
            )

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        longer, back = self._dyadic(x)
        h = self.lift(products(longer, self.bounds.locate(x)))
        embedding = self.modulation.embedding(t, x.dtype)
        for index, layer in enumerate(self.layers):
            h = layer(self.modulation(h, index, embedding))
            h = h if index == len(self.layers) - 1 else h.relu()
        return products(back, self.project(h))

    def _dyadic(self, x: Tensor) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """Matrices that make each axis a power of two long, and those back, by axis."""
        found: tuple[dict[int, Tensor], dict[int, Tensor]] = {}, {}
        for axis, wraps in enumerate(self.wraps, start=x.ndim - self.halved):
            n = x.shape[axis]
            if n & (n - 1):
                for one, matrix in zip(found, _lengthening(n, wraps), strict=True):
                    one[axis] = torch.as_tensor(matrix, dtype=x.dtype, device=x.device)
        return found


@functools.cache
def _lengthening(n: int, wraps: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """Matrices from n points to the next power of two, and back."""
    longer = 1 << n.bit_length()
    if wraps:
        return resample(np.eye(n), longer, axis=0), resample(np.eye(longer), n, axis=0)
    last = np.minimum(np.arange(longer), n - 1)
    return np.eye(n)[last], np.eye(longer)[:n]


class MultiwaveletLayer(nn.Module):
    """The operator in the multiwavelet basis.

    Args:
        width: Functions that are transformed.
        order: Legendre polynomials in a cell, along each axis that is halved.
        modes: Fourier modes kept along each axis.
        padding: "zeros" or "circular" for each axis.
    """

    low: Tensor
    high: Tensor

    def __init__(self, width: int, order: int, modes: int, padding: Sequence[str]) -> None:
        super().__init__()
        dims = len(padding)
        self.width, self.halved = width, min(dims, 2)
        cell = order**self.halved
        channels = width * cell
        for name, one in zip(("low", "high"), filters(order), strict=True):
            product = one if self.halved == 1 else np.einsum("ahi,bkj->abhkij", one, one)
            matrix = torch.as_tensor(product.reshape(cell, -1), dtype=torch.float64)
            self.register_buffer(name, matrix, persistent=False)
        kernels: list[nn.Module] = [QuadrantConvolution(channels, modes, dims)]
        for _ in "bc":
            kernels.append(
                QuadrantConvolution(channels, modes, dims)
                if dims == 1
                else Convolution(channels, channels, 3, padding)
            )
        if dims > 1:
            kernels = [
                nn.Sequential(kernel, nn.ReLU(), Pointwise(channels, channels))
                for kernel in kernels
            ]
        self.a, self.b, self.c = kernels
        size = cell if dims == 1 else channels
        self.coarsest = nn.Linear(size, size)

    def forward(self, h: Tensor) -> Tensor:
        """Map ``h`` [B, width * order^a, *grid] to the same shape.

        The axes that are halved have lengths that are powers of two.
        """
        low, high = self.low.to(h), self.high.to(h)
        details, sums, s = [], [], h
        for _ in range(min(h.shape[-self.halved :]).bit_length() - 1):
            halves = self._halves(s)
            s, d = self._on_grid(halves @ low.T), self._on_grid(halves @ high.T)
            details.append(self.a(d) + self.b(s))
            sums.append(self.c(d))
        size = self.coarsest.in_features
        rows = torch.unflatten(s, 1, (-1, size)).movedim(2, -1)
        s = self._on_grid(self.coarsest(rows))
        for d, more in zip(reversed(details), reversed(sums), strict=True):
            s = self._joined(self._coefficients(s + more) @ low + self._coefficients(d) @ high)
        return s

    def _coefficients(self, h: Tensor) -> Tensor:
        """[B, width, *grid, cell] of [B, width * cell, *grid]."""
        return torch.unflatten(h, 1, (self.width, -1)).movedim(2, -1)

    def _on_grid(self, h: Tensor) -> Tensor:
        """[B, width * cell, *grid] of [B, width, *grid, cell]."""
        return h.movedim(-1, 2).flatten(1, 2)

    def _halves(self, h: Tensor) -> Tensor:
        """[B, width, *grid, 2^a cell], the halves of each coarser cell, of [B, channels, *grid]."""
        grid = h.shape[2:]
        lead, halved = grid[: -self.halved], grid[-self.halved :]
        split = [size for n in halved for size in (n // 2, 2)]
        h = h.reshape(len(h), self.width, -1, *lead, *split)
        return h.permute(self._order(len(lead))).flatten(-1 - self.halved)

    def _joined(self, h: Tensor) -> Tensor:
        """Undo :meth:`_halves`."""
        grid = h.shape[2:-1]
        h = torch.unflatten(h, -1, (*(2,) * self.halved, -1))
        order = self._order(len(grid) - self.halved)
        h = h.permute([order.index(axis) for axis in range(len(order))])
        doubled = [n * (1 if k < len(grid) - self.halved else 2) for k, n in enumerate(grid)]
        return h.reshape(len(h), -1, *doubled)

    def _order(self, lead: int) -> list[int]:
        """Axes of [B, width, cell, *lead, n, 2, ...] in the order that filters need."""
        first = 3 + lead
        cells = range(first, first + 2 * self.halved, 2)
        return [0, 1, *range(3, first), *cells, *(axis + 1 for axis in cells), 2]


Network = MWT
