r"""Operator transformer, OFormer (arXiv 2205.13671), written from the paper.

Points of the grid are tokens. The encoder lifts each point's values and coordinates, then has
layers of self-attention and of a gated map; the decoder makes a token of each point that is asked
for, from Fourier features of its position, which attends to the encoder's tokens, and maps it to
the output. Attention is linear, of Galerkin type (arXiv 2105.14995),

.. math::  z_i = \frac1n \sum_j \langle R(x_i) q_i, R(x_j) \tilde k_j \rangle \tilde v_j,

a Riemann sum over the n points, with k and v normalised, and rotations R (arXiv 2104.09864) by
angles that are linear in the position x: products depend on the difference of two positions.
In channels 2j, 2j + 1 of the d channels of an axis the angle is s r 10000^{-2j/d} x_a, with x_a
from 0 to 1, r the `resolution` and s = r, r / 4, 1, 1, ... from layer to layer.

As the published program runs it: k and v are normalised over the channels of a head at each point,
where the paper normalises over points; each residual of an attention starts from the normalised
tokens; and matrices of q, k and v start as orthogonal ones plus the identity, both divided by the
number of channels of a head. With 1 channel and 2 coordinates that has the 2 556 321 parameters
that arXiv 2412.04833 gives, 1 080 096 of them in the encoder.

The network is a function of functions: it takes any grid. On an axis that is periodic there are no
coordinates and the angles are whole turns, so that it commutes with translation. Diffusion time
modulates the normalised tokens of each layer, and those of the decoder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from wdno.networks.arguments import GridNetwork, check_positive
from wdno.networks.conditioning import TimeModulation


class OFormer(GridNetwork):
    """Operator transformer on grids of one to three axes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dims: Axes of the grid: 1 for (x), 2 for (time, x) or (y, x), 3 for (time, y, x).
        time_conditioned: Modulate the tokens of every layer by the diffusion time.
        padding: "zeros" or "circular" for each axis; zeros if not given.
        width: Channels of a token of the encoder, and of each of its heads.
        latent: The same of the decoder.
        heads: Attention heads.
        layers: Layers of the encoder.
        resolution: The r of the angles.
        frequency: Standard deviation of the frequencies of the decoder's Fourier features, in turns
            across an axis.

    Raises:
        ValueError: If an argument is out of range.
    """

    frequencies: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dims: int = 2,
        time_conditioned: bool = False,
        padding: Sequence[str] | None = None,
        width: int = 96,
        latent: int = 256,
        heads: int = 4,
        layers: int = 6,
        resolution: int = 64,
        frequency: float = 8.0,
    ) -> None:
        super().__init__("oformer", in_channels, dims, padding, time_conditioned=time_conditioned)
        padding = self.padding
        check_positive(
            "oformer", width=width, latent=latent, heads=heads, layers=layers, resolution=resolution
        )
        if min(width, latent) < 2 * dims or latent % 2:
            raise ValueError(
                f"oformer: expected a width and an even latent of at least {2 * dims}, 2 for each "
                f"axis, got {width} and {latent}"
            )
        self.periodic = tuple(kind == "circular" for kind in padding)
        located = self.periodic.count(False)

        self.embed = nn.Linear(in_channels + located, width, bias=False)
        scales = [float(resolution), resolution / 4, *[1.0] * layers][:layers]
        self.encoder = nn.ModuleList(
            _Layer(width, heads, _Rotation(width, self.periodic, resolution * scale))
            for scale in scales
        )
        self.encode = nn.Linear(width, latent, bias=False)

        self.register_buffer("frequencies", frequency * torch.randn(located, latent // 2))
        self.query = nn.Sequential(
            nn.Linear(latent, latent, bias=False), nn.GELU(), nn.Linear(latent, latent, bias=False)
        )
        self.cross = GalerkinAttention(latent, heads, _Rotation(latent, self.periodic, resolution))
        self.gated = _Gated(latent)
        self.project = nn.Sequential(
            nn.Linear(latent + located, latent, bias=False),
            nn.GELU(),
            nn.Linear(latent, latent // 2, bias=False),
            nn.GELU(),
            nn.Linear(latent // 2, out_channels),
        )
        self.modulation = TimeModulation(time_conditioned, [width] * layers + [latent])

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        positions = _positions(x)
        ends = [axis for axis, wraps in enumerate(self.periodic) if not wraps]
        located = positions[:, ends].expand(len(x), -1, -1)
        embedding = self.modulation.embedding(t, x.dtype)

        h = self.embed(torch.cat((x.flatten(2).mT, located), dim=2))
        for index, module in enumerate(self.encoder):
            layer = cast(_Layer, module)
            h = self._modulate(layer.normalise(h), index, embedding)
            h = layer(h, positions)
        h = self.encode(h)

        turns = (located[..., None] * self.frequencies).sum(2)
        phases = 2 * math.pi * turns
        q = self.query(torch.cat((phases.sin(), phases.cos()), dim=2))
        q = q + self.cross(q, h, positions)
        q = self._modulate(q, len(self.encoder), embedding)
        q = q + self.gated(q)
        y: Tensor = self.project(torch.cat((q, located.to(q.dtype)), dim=2))
        return torch.unflatten(y.mT, 2, x.shape[2:])

    def _modulate(self, h: Tensor, layer: int, embedding: Tensor | None) -> Tensor:
        y: Tensor = self.modulation(h.mT, layer, embedding).mT
        return y


def _positions(x: Tensor) -> Tensor:
    """Coordinates k / n along all axes of [B, C, *grid], [points, axes]."""
    axes = [torch.arange(n, device=x.device, dtype=x.dtype) / n for n in x.shape[2:]]
    return torch.stack([axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij")], dim=1)


class _Rotation:
    """Rotations of pairs of channels by angles that are linear in positions.

    Channels that are left over, where they cannot be shared out evenly, are not turned.

    Args:
        channels: Channels of a head.
        periodic: Whether each axis is, so that angles are whole turns across it.
        largest: Largest angle across an axis, in radians.
    """

    def __init__(self, channels: int, periodic: Sequence[bool], largest: float) -> None:
        pairs = channels // (2 * len(periodic))
        rates = [largest * 10000.0 ** (-pair / pairs) for pair in range(pairs)]
        whole = [round(rate / (2 * math.pi)) * 2 * math.pi for rate in rates]
        self.rates = [whole if wraps else rates for wraps in periodic]

    def __call__(self, h: Tensor, positions: Tensor) -> Tensor:
        """Turn ``h`` [B, heads, n, channels] of points at ``positions`` [n, axes]."""
        rates = torch.tensor(self.rates, device=positions.device, dtype=positions.dtype)
        angles = (positions[..., None] * rates).flatten(1)
        turned, rest = h[..., : 2 * angles.shape[1]], h[..., 2 * angles.shape[1] :]
        a, b = turned[..., ::2], turned[..., 1::2]
        cos, sin = angles.cos(), angles.sin()
        turned = torch.stack((a * cos - b * sin, a * sin + b * cos), dim=4).flatten(3)
        return torch.cat((turned, rest.to(turned.dtype)), dim=3)


class GalerkinAttention(nn.Module):
    """Attention without softmax, a Riemann sum over points.

    Args:
        channels: Channels of a token, and of a head.
        heads: Number of heads.
        rotation: What turns q and k by their positions.
    """

    def __init__(self, channels: int, heads: int, rotation: _Rotation) -> None:
        super().__init__()
        self.heads, self.rotation = heads, rotation
        self.q = nn.Linear(channels, heads * channels, bias=False)
        self.kv = nn.Linear(channels, 2 * heads * channels, bias=False)
        self.out = nn.Linear(heads * channels, channels)
        with torch.no_grad():
            for layer in (self.q, self.kv):
                for block in layer.weight.view(-1, channels, channels):
                    nn.init.orthogonal_(block, gain=1 / channels)
                    block.diagonal().add_(1 / channels)

    def forward(self, q: Tensor, h: Tensor, positions: Tensor) -> Tensor:
        """Let ``q`` attend to ``h``, both [B, n, channels] of points at ``positions`` [n, axes]."""
        channels = h.shape[2:]
        q = self.q(q).unflatten(2, (self.heads, -1)).transpose(1, 2)
        k, v = self.kv(h).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        k, v = functional.layer_norm(k, channels), functional.layer_norm(v, channels)
        q, k = self.rotation(q, positions), self.rotation(k, positions)
        mixed = q @ (k.mT @ v / k.shape[2])
        y: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return y


class _Gated(nn.Module):
    """Two linear maps, the first gated by the GELU of half of it (arXiv 2002.05202)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Linear(channels, 2 * channels)
        self.outer = nn.Linear(channels, channels)

    def forward(self, h: Tensor) -> Tensor:
        """Map ``h`` [B, n, channels] to the same shape."""
        value, gate = self.inner(h).chunk(2, dim=2)
        y: Tensor = self.outer(value * functional.gelu(gate))
        return y


class _Layer(nn.Module):
    """Self-attention and a gated map, each added to what it starts from."""

    def __init__(self, channels: int, heads: int, rotation: _Rotation) -> None:
        super().__init__()
        self.normalise = nn.LayerNorm(channels)
        self.attention = GalerkinAttention(channels, heads, rotation)
        self.norm = nn.LayerNorm(channels)
        self.gated = _Gated(channels)

    def forward(self, h: Tensor, positions: Tensor) -> Tensor:
        """Map normalised tokens ``h`` [B, n, channels] to the next ones."""
        h = h + self.attention(h, h, positions)
        y: Tensor = h + self.gated(self.norm(h))
        return y


Network = OFormer
