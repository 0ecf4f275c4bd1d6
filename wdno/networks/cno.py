r"""Convolutional neural operator (arXiv 2302.01178), written from the paper.

A U-Net of functions with limited bandwidth. What makes frequencies that a grid cannot hold is the
activation s; so it acts on a grid twice as fine, and a filter takes the result to the grid of the
next layer, be it the same, half or twice as fine (:mod:`wdno.networks.resampling`):

.. math::  \Sigma_{N \to M} h = D_{2N \to M} \, s\big( U_{N \to 2N} h \big).

A block is a convolution K of kernel 3 and Sigma; a residual block adds K Sigma K h to h. On its way
down the network has a block on each level, and on its way up one more, which sees what residual
blocks and a block made of the level that it comes to. Lifting and projection are K Sigma K with
`latent` channels between, and s is the leaky ReLU. Kernels are those of grid points: the paper,
too, trains and evaluates on one grid.

With 1 channel in and out on 128 x 128, four levels and 4 + 4 residual blocks of width 16 it has
2 005 481 parameters, as the authors' program without normalisation, which is left out: its
statistics are those of a batch. The filter differs: that program has bicubic ones, on square grids;
here each axis has its own, an ideal one where it is periodic. Grids of any size are halved with the
half rounded up; of (time, y, x), only space.

Diffusion time modulates the input of the residual blocks of each level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from wdno.networks import levels as coarser
from wdno.networks.arguments import GridNetwork, check_positive
from wdno.networks.blocks import Convolution
from wdno.networks.conditioning import TimeModulation
from wdno.networks.resampling import resample


class CNO(GridNetwork):
    """Convolutional neural operator on grids of one to three axes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dims: Axes of the grid: 1 for (x), 2 for (time, x) or (y, x), 3 for (time, y, x).
        time_conditioned: Modulate the features of each level by the diffusion time.
        padding: "zeros" or "circular" for each axis; zeros if not given.
        width: Channels of the first coarser level; each next has twice as many, the finest half.
        levels: Times that the grid is halved.
        blocks: Residual blocks of each level but the coarsest.
        middle_blocks: Residual blocks of the coarsest level.
        latent: Channels inside lifting and projection.

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
        width: int = 16,
        levels: int = 4,
        blocks: int = 4,
        middle_blocks: int = 4,
        latent: int = 64,
    ) -> None:
        super().__init__("cno", in_channels, dims, padding, time_conditioned=time_conditioned)
        padding = self.padding
        check_positive("cno", width=width, levels=levels, latent=latent)
        if min(blocks, middle_blocks) < 0:
            raise ValueError(
                f"cno: expected blocks and middle_blocks of 0 or more, got {blocks}, "
                f"{middle_blocks}"
            )
        self.levels = levels
        channels = [-(-width // 2), *(width << level for level in range(levels))]
        counts = [blocks] * levels + [middle_blocks]

        self.lift = _Pair(in_channels, latent, channels[0], padding)
        self.residual = nn.ModuleList(
            nn.ModuleList(_Pair(size, size, size, padding) for _ in range(count))
            for size, count in zip(channels, counts, strict=True)
        )
        self.across = nn.ModuleList(_ActivatedBlock(size, size, padding) for size in channels)
        self.down = nn.ModuleList(
            _ActivatedBlock(channels[level], channels[level + 1], padding)
            for level in range(levels)
        )
        # Of all levels but the coarsest it sees what came across, too.
        self.up = nn.ModuleList(
            _ActivatedBlock(channels[level + 1] * (1 if level == levels - 1 else 2), size, padding)
            for level, size in enumerate(channels[:-1])
        )
        self.project = _Pair(2 * channels[0], latent, out_channels, padding)
        self.modulation = TimeModulation(time_conditioned, channels)

    def check_grid(self, grid: Sequence[int]) -> None:
        """Refuse a grid that cannot be halved as often as there are levels.

        Raises:
            ValueError: Naming how often it can.
        """
        if problem := coarser.refusal(f"levels = {self.levels}", grid, self.levels):
            raise ValueError(f"cno: {problem}")

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        grids = coarser.grids(tuple(x.shape[2:]), self.levels)
        embedding = self.modulation.embedding(t, x.dtype)

        h = self.lift(x)
        skips = []
        for level in range(self.levels):
            skips.append(self._across(h, level, embedding))
            h = self.down[level](h, grids[level + 1])
        h = self._across(h, self.levels, embedding)
        for level in reversed(range(self.levels)):
            h = torch.cat((self.up[level](h, grids[level]), skips[level]), dim=1)
        y: Tensor = self.project(h)
        return y

    def _across(self, h: Tensor, level: int, embedding: Tensor | None) -> Tensor:
        """What the decoder sees of a level."""
        h = self.modulation(h, level, embedding)
        for pair in cast(nn.ModuleList, self.residual[level]):
            h = h + pair(h)
        y: Tensor = self.across[level](h, h.shape[2:])
        return y


def activated(h: Tensor, grid: Sequence[int], periodic: Sequence[bool]) -> Tensor:
    """Apply the leaky ReLU to ``h`` [B, C, *old] as a function; [B, C, *grid], without aliases."""
    fine = [2 * n for n in h.shape[2:]]
    return resample(functional.leaky_relu(resample(h, fine, periodic)), grid, periodic)


class _ActivatedBlock(nn.Module):
    """A convolution and an activation that leads to another grid."""

    def __init__(self, in_channels: int, out_channels: int, padding: Sequence[str]) -> None:
        super().__init__()
        self.periodic = tuple(kind == "circular" for kind in padding)
        self.convolution = Convolution(in_channels, out_channels, 3, padding)

    def forward(self, h: Tensor, grid: Sequence[int]) -> Tensor:
        """Map ``h`` [B, in_channels, *old] to [B, out_channels, *grid]."""
        return activated(self.convolution(h), grid, self.periodic)


class _Pair(nn.Module):
    """Two convolutions with an activation between, on one grid."""

    def __init__(
        self, in_channels: int, latent: int, out_channels: int, padding: Sequence[str]
    ) -> None:
        super().__init__()
        self.first = _ActivatedBlock(in_channels, latent, padding)
        self.second = Convolution(latent, out_channels, 3, padding)

    def forward(self, h: Tensor) -> Tensor:
        """Map ``h`` [B, in_channels, *grid] to [B, out_channels, *grid]."""
        y: Tensor = self.second(self.first(h, h.shape[2:]))
        return y


Network = CNO
