"""What networks that multiply Fourier coefficients share."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


def real_at_zero(z: Tensor, axis: int) -> Tensor:
    """Drop the imaginary part at frequency 0 of the half spectrum along ``axis``.

    A real function has none; some CUDA versions of the inverse transform read it.
    """
    lowest = z.narrow(axis, 0, 1).real + 0j
    return torch.cat((lowest, z.narrow(axis, 1, z.shape[axis] - 1)), dim=axis)


class QuadrantConvolution(nn.Module):
    """A matrix of channels for each of the lowest frequencies of all axes, in quadrants.

    Of the last axis frequencies 0 to modes - 1 are kept, of each other one also -modes to -1, with
    weights of their own for each choice of signs: 2^(axes - 1) modes^axes matrices. A grid with
    fewer frequencies uses the weights of those that it has.

    Args:
        width: Channels.
        modes: Frequencies kept along each axis and sign.
        axes: Axes of the grid.
    """

    def __init__(self, width: int, modes: int, axes: int) -> None:
        super().__init__()
        # Real and imaginary parts as the last axis: fused optimisers take no complex numbers.
        shape = (2 ** (axes - 1), *(modes,) * axes, width, width, 2)
        self.weight = nn.Parameter(torch.randn(shape) * (2 * width) ** -0.5)
        self.modes = modes

    def forward(self, h: Tensor) -> Tensor:
        """Convolve ``h`` [B, width, *grid]."""
        # Complex numbers know no mixed precision.
        with torch.autocast(h.device.type, enabled=False):
            return self._convolve(h if h.dtype == torch.float64 else h.float())

    def _convolve(self, h: Tensor) -> Tensor:
        grid = h.shape[2:]
        axes = tuple(range(2, h.ndim))
        z = torch.fft.rfftn(h, dim=axes, norm="forward")
        weight, out = torch.view_as_complex(self.weight), torch.zeros_like(z)
        signs = itertools.product((False, True), repeat=len(grid) - 1)
        for quadrant, negative in enumerate(signs):
            block, part = self._slices(grid, negative)
            kept = [one.stop - one.start for one in block]
            if 0 in kept:
                continue  # an axis of one point has no negative frequency
            there: tuple[Any, ...] = (..., *block)
            rows = z[there].movedim(1, -1).flatten(1, -2).transpose(0, 1)
            mixed = torch.bmm(rows, weight[quadrant][part].flatten(0, -3)).transpose(0, 1)
            out[there] = torch.unflatten(mixed, 1, kept).movedim(-1, 1)
        if len(axes) > 1:
            out = torch.fft.ifftn(out, dim=axes[:-1], norm="forward")
        y: Tensor = torch.fft.irfft(real_at_zero(out, -1), n=grid[-1], dim=-1, norm="forward")
        return y

    def _slices(
        self, grid: Sequence[int], negative: Sequence[bool]
    ) -> tuple[tuple[slice[int, int, None], ...], tuple[slice[int, int, None], ...]]:
        """Frequencies of a quadrant, and their weights, along all axes."""
        block, part = [], []
        for n, below in zip(grid[:-1], negative, strict=True):
            # Of an even number of points the highest frequency counts as negative.
            kept = min(self.modes, n // 2 if below else (n + 1) // 2)
            block.append(slice(n - kept, n) if below else slice(0, kept))
            part.append(slice(self.modes - kept, self.modes) if below else slice(0, kept))
        last = slice(0, min(self.modes, grid[-1] // 2 + 1))
        return (*block, last), (*part, last)
