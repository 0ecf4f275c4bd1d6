r"""Factorized Fourier neural operator (arXiv 2111.13802), written from the paper.

Each layer adds what two linear maps with a ReLU between them make of a convolution, which is a sum
of one for each axis a, with a matrix of channels for each of its lowest frequencies:

.. math::  h_{l+1} = h_l + W_2 \, s(W_1 K h_l + b_1) + b_2, \qquad
           K h = \sum_a F_a^{-1} (R_a \cdot F_a h),

between a lifting P and a projection Q of one hidden layer of 128. A convolution of d axes has the
weights of d small ones, and all layers share R unless told otherwise, so that a deep network stays
small: 24 layers of width 64 with 16 modes in 2D have 1.06 million parameters (a complex number
counts twice). With a normalisation of weights, left out here, which adds a length for each output
of a linear map, they would be the 1.07 million of the published setting.

Diffusion time modulates the input of K in each layer. Fourier layers are periodic: axes that end
have coordinates and are widened by zeros, as with the network `fno`. Noise on the input, which the
paper trains with, belongs to the training.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from wdno.networks.arguments import AXES, GridNetwork, check_modes, check_positive
from wdno.networks.blocks import Pointwise
from wdno.networks.conditioning import TimeModulation
from wdno.networks.domain import Bounds
from wdno.networks.spectral import real_at_zero
from wdno.options import shown

_HIDDEN = 128


class FFNO(GridNetwork):
    """Factorized Fourier neural operator on grids of one to three axes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dims: Axes of the grid: 1 for (x), 2 for (time, x) or (y, x), 3 for (time, y, x).
        time_conditioned: Modulate the input of every layer by the diffusion time.
        padding: "zeros" or "circular" for each axis; zeros if not given.
        modes: Lowest frequencies kept along each axis, 0 to modes - 1; one number, or one for each
            axis. At most n // 2 + 1 of n points.
        width: Hidden channels.
        layers: Fourier layers.
        expansion: Channels between W_1 and W_2, as a multiple of the width.
        shared: Whether all layers have the same R.
        positional_embedding: Append the coordinate of each axis that is not periodic to the input.
        domain_padding: Zeros put before and after each axis that is not periodic, as a share of its
            points.

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
        modes: int | Sequence[int] = 16,
        width: int = 64,
        layers: int = 24,
        expansion: int = 4,
        shared: bool = True,
        positional_embedding: bool = True,
        domain_padding: float = 0.0625,
    ) -> None:
        super().__init__("ffno", in_channels, dims, padding, time_conditioned=time_conditioned)
        padding = self.padding
        check_positive("ffno", width=width, layers=layers, expansion=expansion)
        self.modes = check_modes("ffno", modes, dims)
        self.bounds = Bounds(
            "ffno", padding, coordinates=positional_embedding, margin=domain_padding
        )
        self.lift = Pointwise(in_channels + len(self.bounds.located), width)
        self.kernels = nn.ModuleList(
            _AxialConvolution(width, self.modes) for _ in range(1 if shared else layers)
        )
        self.maps = nn.ModuleList(
            nn.Sequential(
                Pointwise(width, expansion * width), nn.ReLU(), Pointwise(expansion * width, width)
            )
            for _ in range(layers)
        )
        self.project = nn.Sequential(
            Pointwise(width, _HIDDEN), nn.ReLU(), Pointwise(_HIDDEN, out_channels)
        )
        self.modulation = TimeModulation(time_conditioned, [width] * layers)

    def check_grid(self, grid: Sequence[int]) -> None:
        """Refuse a grid with fewer frequencies along an axis than modes.

        Raises:
            ValueError: Naming the axis.
        """
        for name, size, modes in zip(AXES[self.dims], grid, self.modes, strict=True):
            if size // 2 + 1 < modes:
                raise ValueError(
                    f"ffno: a grid of {shown(grid)} has {size // 2 + 1} frequencies "
                    f"along axis {name!r}, the network keeps {modes}; give modes of at most "
                    f"{min(grid) // 2 + 1}, or one number for each axis, or a larger grid"
                )

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        h = self.bounds.widen(self.lift(self.bounds.locate(x)))
        embedding = self.modulation.embedding(t, x.dtype)
        for layer, feed_forward in enumerate(self.maps):
            kernel = self.kernels[layer % len(self.kernels)]
            h = h + feed_forward(kernel(self.modulation(h, layer, embedding)))
        y: Tensor = self.project(self.bounds.crop(h, tuple(x.shape[2:])))
        return y


class _AxialConvolution(nn.Module):
    """Sum of convolutions along each axis, given by their lowest Fourier coefficients.

    Args:
        width: Channels.
        modes: Frequencies along each axis.
    """

    def __init__(self, width: int, modes: Sequence[int]) -> None:
        super().__init__()
        # Real and imaginary parts as the last axis: fused optimisers take no complex numbers.
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(kept, width, width, 2) * (2 * width) ** -0.5) for kept in modes
        )

    def forward(self, h: Tensor) -> Tensor:
        """Convolve ``h`` [B, width, *grid]."""
        # Complex numbers know no mixed precision.
        with torch.autocast(h.device.type, enabled=False):
            h = h if h.dtype == torch.float64 else h.float()
            along = [
                self._along(h, axis, torch.view_as_complex(weight))
                for axis, weight in enumerate(self.weights, start=2)
            ]
            return torch.stack(along).sum(0)

    def _along(self, h: Tensor, axis: int, weight: Tensor) -> Tensor:
        n, modes = h.shape[axis], len(weight)
        z = torch.fft.rfft(h, dim=axis, norm="forward").narrow(axis, 0, modes)
        rows = z.movedim((axis, 1), (0, -1))
        mixed = torch.bmm(rows.flatten(1, -2), weight)
        z = torch.unflatten(mixed, 1, rows.shape[1:-1]).movedim((0, -1), (axis, 1))
        y: Tensor = torch.fft.irfft(real_at_zero(z, axis), n=n, dim=axis, norm="forward")
        return y


Network = FFNO
