r"""Local neural operator (arXiv 2402.16845), from the ``neuraloperator`` package.

A Fourier neural operator whose layers have two local operators beside the convolution K by its
lowest Fourier coefficients and the point-wise map W,

.. math::  h_{l+1} = s\big( W_l h_l + K_l h_l + D_l h_l + I_l h_l \big):

D, a stencil of kernel 3 less the sum of its weights, so that it takes constants to zero as
derivatives do, and I, an integral over a disc, whose kernel is piecewise linear in radius and angle
(a discrete-continuous convolution). The last layer has no s.

Structure, parameters and their initial values are the package's. Its spectral convolution and
point-wise maps compute as those of the network `fno` (:mod:`wdno.networks.fourier_layers`), and
both local operators wrap around on each axis that is periodic, where the package has one kind of
ends for the stencils and zeros for the integrals. Both are those of grid points, with the spacing
as the unit of length, so the network is none of functions, as the paper's is on grids that are
refined.

The package needs another, torch-harmonics, for the kernels (:func:`missing`), and has integrals on
two axes alone. Diffusion time modulates the input of each layer; axes that end have coordinates and
are widened by zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from wdno.networks.arguments import check_modes, check_positive
from wdno.networks.conditioning import TimeModulation
from wdno.networks.domain import Bounds
from wdno.networks.fourier_layers import FourierNetwork, as_products, spectral_convolution
from wdno.networks.options.local_no import missing

# A grid whose kernels are those of any: it has the spacing 2^-5, which is exact.
_GRID, _LENGTH = [64, 64], [2.0, 2.0]
_SPACING = _LENGTH[0] / _GRID[0]


class LocalNO(FourierNetwork):
    """Local neural operator on grids of two axes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dims: Axes of the grid: 2 for (time, x) or (y, x).
        time_conditioned: Modulate the input of every layer by the diffusion time.
        padding: "zeros" or "circular" for each axis; zeros if not given.
        modes: Frequencies kept along each axis, as for the network `fno`.
        width: Hidden channels.
        layers: Layers.
        radius: Reach of the integrals, in points.
        positional_embedding: Append the coordinate of each axis that is not periodic to the input.
        domain_padding: Zeros put before and after each axis that is not periodic, as a share of its
            points.

    Raises:
        ValueError: If an argument is out of range.
        ImportError: If torch-harmonics is missing.
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
        layers: int = 4,
        radius: int = 1,
        positional_embedding: bool = True,
        domain_padding: float = 0.0625,
    ) -> None:
        super().__init__("local_no", in_channels, dims, padding, time_conditioned=time_conditioned)
        if dims != 2:
            raise ValueError(f"local_no: expected a grid of 2 axes, got {dims}")
        self.modes = check_modes("local_no", modes, dims)
        check_positive("local_no", width=width, layers=layers, radius=radius)
        if problem := missing():
            raise ImportError(f"local_no: {problem}")
        self.bounds = Bounds(
            "local_no", self.padding, coordinates=positional_embedding, margin=domain_padding
        )
        self.wrapped = tuple(
            axis for axis, kind in enumerate(self.padding, start=2) if kind == "circular"
        )
        self.radius = radius

        from neuralop.models.local_no import LocalNO as Package  # takes seconds

        parts = Package(
            n_modes=self.modes,
            in_channels=in_channels + len(self.bounds.located),
            out_channels=out_channels,
            hidden_channels=width,
            default_in_shape=_GRID,
            domain_length=_LENGTH,
            radius_cutoff=radius * _SPACING,
            n_layers=layers,
            conv_padding_mode="zeros",
            positional_embedding=None,
            conv_module=spectral_convolution(self.padding),
        )
        self.lifting, self.projection = parts.lifting, parts.projection
        blocks = parts.local_no_blocks
        self.convolutions, self.skips = blocks.convs, blocks.local_no_skips
        self.differences, self.integrals = blocks.differential, blocks.local_convs
        as_products(self)
        self.modulation = TimeModulation(time_conditioned, [width] * layers)

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        h = self.bounds.widen(self.lifting(self.bounds.locate(x).contiguous()))
        embedding = self.modulation.embedding(t, x.dtype)
        layers = zip(self.convolutions, self.skips, strict=True)
        for layer, (convolution, skip) in enumerate(layers):
            h = self.modulation(h, layer, embedding)
            h = convolution(h) + skip(h) + self._local(h, layer)
            h = functional.gelu(h) if layer < len(self.skips) - 1 else h
        y: Tensor = self.projection(self.bounds.crop(h, x.shape[2:]))
        return y.contiguous()

    def _local(self, h: Tensor, layer: int) -> Tensor:
        """Differences and integrals of ``h`` [B, width, *grid]."""
        grid = h.shape[2:]
        for axis in self.wrapped:
            n, more = h.shape[axis], self.radius
            h = torch.cat((h.narrow(axis, n - more, more), h, h.narrow(axis, 0, more)), dim=axis)
        y: Tensor = self.differences[layer](h, 1.0) + self.integrals[layer](h)
        for axis in self.wrapped:
            y = y.narrow(axis, self.radius, grid[axis - 2])
        return y


Network = LocalNO
