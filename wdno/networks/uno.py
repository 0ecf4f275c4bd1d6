r"""U-shaped neural operator, U-NO (arXiv 2204.11127), from the ``neuraloperator`` package.

Fourier layers whose output may live on another grid than their input: with L halvings of the grid
one layer on the finest, L that each lead to the next coarser one with twice the channels, one on
the coarsest, L that lead back, and one more on the finest. Those after the middle see the output of
the layer on the same grid before it, too.

Structure, parameters and their initial values are the package's, with its blocks: a convolution K
given by its lowest Fourier coefficients beside a point-wise map W, and a perceptron Q of the
channels, which has the only non-linearity, beside another one, W',

.. math::  v_{i+1} = Q_i\big( K_i v_i + W_i v_i \big) + W'_i v_i.

From grid to grid it goes in ways of its own (:mod:`wdno.networks.fourier_layers`): version 2.0.0 of
the package leaves negative frequencies of all axes but the last where they stood on the old grid. A
half is rounded up, so grids have any size, and of (time, y, x) only space is halved. Diffusion time
modulates the input of each layer; axes that end have coordinates and are widened by zeros, as with
the network `fno`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from wdno.networks import levels as coarser
from wdno.networks.arguments import check_modes, check_positive
from wdno.networks.conditioning import TimeModulation
from wdno.networks.domain import Bounds
from wdno.networks.fourier_layers import FourierNetwork, as_products, quiet, spectral_convolution

_INSIDE = 4  # channels inside lifting and projection, as a multiple of the width


class UNO(FourierNetwork):
    """U-shaped neural operator on grids of one to three axes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dims: Axes of the grid: 1 for (x), 2 for (time, x) or (y, x), 3 for (time, y, x).
        time_conditioned: Modulate the input of every layer by the diffusion time.
        padding: "zeros" or "circular" for each axis; zeros if not given.
        modes: Frequencies kept along each axis of the finest grid, as for the network `fno`; of a
            layer to or from a coarser grid in proportion.
        width: Channels of a layer on the finest grid; one to, on or from a coarser grid has twice
            as many for each halving.
        levels: Times that the grid is halved.
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
        width: int = 32,
        levels: int = 1,
        positional_embedding: bool = True,
        domain_padding: float = 0.0625,
    ) -> None:
        super().__init__("uno", in_channels, dims, padding, time_conditioned=time_conditioned)
        padding = self.padding
        self.modes = check_modes("uno", modes, dims)
        check_positive("uno", width=width, levels=levels)
        self.bounds = Bounds(
            "uno", padding, coordinates=positional_embedding, margin=domain_padding
        )
        # Of each layer: the level of its output, 0 for the finest grid.
        self.levels = levels
        self.goals = [*range(levels + 1), *reversed(range(levels + 1)), 0]
        sources = [0, *self.goals[:-1]]
        deeper = [max(pair) for pair in zip(self.goals, sources, strict=True)]
        channels = [width << level for level in deeper]
        kept = coarser.grids(self.modes, levels)
        scales = [
            [float(stride) ** (source - goal) for stride in coarser.strides(dims)]
            for goal, source in zip(self.goals, sources, strict=True)
        ]

        from neuralop.layers.fno_block import FNOBlocks
        from neuralop.models import UNO as Package  # takes seconds

        with quiet():
            parts = Package(
                in_channels=in_channels + len(self.bounds.located),
                out_channels=out_channels,
                hidden_channels=width,
                lifting_channels=_INSIDE * width,
                projection_channels=_INSIDE * width,
                n_layers=len(channels),
                uno_out_channels=channels,
                uno_n_modes=[list(kept[level]) for level in deeper],
                uno_scalings=scales,
                positional_embedding=None,
                channel_mlp_skip="linear",
                operator_block=partial(FNOBlocks, conv_module=spectral_convolution(padding)),
            )
        self.lifting = parts.lifting
        self.blocks = parts.fno_blocks
        self.skips = parts.horizontal_skips
        self.projection = parts.projection
        as_products(self)
        self.modulation = TimeModulation(
            time_conditioned, [block.in_channels for block in self.blocks]
        )

    def check_grid(self, grid: Sequence[int]) -> None:
        """Refuse a grid with fewer points than modes, or one that cannot be halved so often."""
        super().check_grid(grid)
        if problem := coarser.refusal(f"levels = {self.levels}", tuple(grid), self.levels):
            raise ValueError(f"uno: {problem}")

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        h = self.bounds.widen(self.lifting(self.bounds.locate(x).contiguous()))
        embedding = self.modulation.embedding(t, x.dtype)
        grids = coarser.grids(h.shape[2:], self.levels)
        middle = len(self.blocks) // 2
        across: list[Tensor] = []
        for layer, (block, goal) in enumerate(zip(self.blocks, self.goals, strict=True)):
            if layer > middle:
                h = torch.cat((h, across.pop()), dim=1)
            h = block(self.modulation(h, layer, embedding), output_shape=grids[goal])
            if layer < middle:
                across.append(self.skips[str(layer)](h))
        y: Tensor = self.projection(self.bounds.crop(h, x.shape[2:]))
        return y.contiguous()


Network = UNO
