r"""Transolver (arXiv 2402.02366), written from the paper: attention among slices of the grid.

A perceptron lifts the values and the position of each point, layers of attention and of a
feed-forward part are added to it, each after a normalisation, and a normalisation and a linear map
make the output. Attention costs what the points are, not their square: each head has M slices, and
point i belongs to slice m by w_{im}, which add up to one,

.. math::  w_{im} = \mathrm{softmax}_m \big( (L g_i)_m / \tau \big), \qquad
           z_m = \frac{\sum_i w_{im} f_i}{\sum_i w_{im}}, \qquad
           y_i = \sum_m w_{im} \, \mathrm{Attention}(z)_m,

where f and g are convolutions of kernel 3 of the input, as the paper has it on regular grids, and
tau is learnt for each head, from 0.5 on, within 0.1 and 5. L and the maps to queries, keys and
values are the same for all heads.

With 1 channel on (y, x), width 128, 8 layers and heads, 64 slices and 8 x 8 reference points that
has 2 826 817 parameters, the 2.83 million of the published setting for Darcy flow.

It takes any grid, but its convolutions have the reach of the grid's points. On an axis that is
periodic they wrap around and there are no positions, so that the network commutes with translation.
Diffusion time modulates the normalised input of each attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from wdno.networks.arguments import GridNetwork, check_positive
from wdno.networks.blocks import Convolution, PointNorm, Pointwise
from wdno.networks.conditioning import TimeModulation

_COLDEST, _HOTTEST = 0.1, 5.0


class Transolver(GridNetwork):
    """Transolver on grids of one to three axes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dims: Axes of the grid: 1 for (x), 2 for (time, x) or (y, x), 3 for (time, y, x).
        time_conditioned: Modulate the input of every layer by the diffusion time.
        padding: "zeros" or "circular" for each axis; zeros if not given.
        width: Hidden channels, a multiple of ``heads``.
        heads: Attention heads.
        layers: Layers.
        slices: Slices of each head.
        expansion: Channels inside each feed-forward part, as a multiple of the width.
        references: Reference points along each axis that is not circular, from 0 to 1; a position
            is given by the distances to all of them.

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
        width: int = 128,
        heads: int = 8,
        layers: int = 8,
        slices: int = 64,
        expansion: int = 1,
        references: int = 8,
    ) -> None:
        super().__init__(
            "transolver", in_channels, dims, padding, time_conditioned=time_conditioned
        )
        padding = self.padding
        check_positive(
            "transolver",
            width=width,
            heads=heads,
            layers=layers,
            slices=slices,
            expansion=expansion,
            references=references,
        )
        if width % heads:
            raise ValueError(
                f"transolver: expected a width that is a multiple of heads = {heads}, got {width}"
            )
        self.references = references
        self.ends = tuple(axis for axis, kind in enumerate(padding) if kind != "circular")
        positions = references ** len(self.ends) if self.ends else 0
        self.lift = Pointwise(in_channels + positions, 2 * width)
        self.lifted = nn.Sequential(nn.GELU(), Pointwise(2 * width, width))
        self.layers = nn.ModuleList(
            _SliceLayer(width, heads, slices, expansion, padding) for _ in range(layers)
        )
        self.project = nn.Sequential(PointNorm(width), Pointwise(width, out_channels))
        self.modulation = TimeModulation(time_conditioned, [width] * layers)

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        # Positions are those of all samples: their part of the map is computed once.
        count = self.in_channels
        weight, bias = self.lift.weight, self.lift.bias
        h = torch.einsum("bi...,oi->bo...", x, weight[:, :count])
        h = h + torch.einsum("i...,oi->o...", self._distances(x), weight[:, count:])
        h = self.lifted(h + bias.view(-1, *(1,) * self.dims))
        embedding = self.modulation.embedding(t, x.dtype)
        for index, module in enumerate(self.layers):
            layer = cast(_SliceLayer, module)
            h = h + layer.attention(self.modulation(layer.before(h), index, embedding))
            h = h + layer.feed_forward(h)
        y: Tensor = self.project(h)
        return y

    def _distances(self, x: Tensor) -> Tensor:
        """Distance of each point of [B, C, *grid] to each reference point, [points, *grid]."""
        if not self.ends:
            return x.new_zeros(0, *x.shape[2:])
        marks = torch.linspace(0.0, 1.0, self.references, device=x.device, dtype=x.dtype)
        squares = x.new_zeros(*(1,) * len(self.ends), *x.shape[2:])
        for index, axis in enumerate(self.ends):
            n = x.shape[axis + 2]
            along = torch.arange(n, device=x.device, dtype=x.dtype) / n
            square = (along - marks[:, None]) ** 2
            shape = [1] * squares.ndim
            shape[index], shape[len(self.ends) + axis] = self.references, n
            squares = squares + square.view(shape)
        return squares.flatten(0, len(self.ends) - 1).sqrt()


class SliceAttention(nn.Module):
    """Attention among the slices of each head.

    Args:
        width: Channels, a multiple of ``heads``.
        heads: Number of heads.
        slices: Slices of each head.
        padding: "zeros" or "circular" for each axis.
    """

    def __init__(self, width: int, heads: int, slices: int, padding: Sequence[str]) -> None:
        super().__init__()
        size = width // heads
        self.heads = heads
        self.membership = Convolution(width, width, 3, padding)
        self.features = Convolution(width, width, 3, padding)
        self.slices = nn.Linear(size, slices)
        nn.init.orthogonal_(self.slices.weight)
        self.temperature = nn.Parameter(torch.full((heads, 1, 1), 0.5))
        self.q = nn.Linear(size, size, bias=False)
        self.k = nn.Linear(size, size, bias=False)
        self.v = nn.Linear(size, size, bias=False)
        self.out = Pointwise(width, width)

    def forward(self, h: Tensor) -> Tensor:
        """Map ``h`` [B, width, *grid] to the same shape."""
        g, f = self._per_head(self.membership(h)), self._per_head(self.features(h))
        temperature = self.temperature.clamp(_COLDEST, _HOTTEST)
        weights = torch.softmax(self.slices(g) / temperature, dim=3)
        z = weights.mT @ f / (weights.sum(2)[..., None] + 1e-5)
        z = functional.scaled_dot_product_attention(self.q(z), self.k(z), self.v(z))
        y = (weights.to(z.dtype) @ z).mT.flatten(1, 2)
        found: Tensor = self.out(torch.unflatten(y, 2, h.shape[2:]))
        return found

    def _per_head(self, h: Tensor) -> Tensor:
        """[B, heads, points, size] of [B, width, *grid]."""
        return torch.unflatten(h.flatten(2), 1, (self.heads, -1)).mT


class _SliceLayer(nn.Module):
    """Attention and a feed-forward part, with a normalisation before each."""

    def __init__(
        self, width: int, heads: int, slices: int, expansion: int, padding: Sequence[str]
    ) -> None:
        super().__init__()
        self.before = PointNorm(width)
        self.attention = SliceAttention(width, heads, slices, padding)
        self.feed_forward = nn.Sequential(
            PointNorm(width),
            Pointwise(width, expansion * width),
            nn.GELU(),
            Pointwise(expansion * width, width),
        )


Network = Transolver
