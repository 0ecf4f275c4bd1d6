r"""How a network is told the diffusion time t: feature-wise modulation (arXiv 1709.07871).

.. math::  h \to (1 + a(t)) \odot h + b(t),

with a and b, a number for each channel, linear in an embedding of t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class TimeEmbedding(nn.Module):
    """Sinusoids of the diffusion time (arXiv 2006.11239), mixed by a perceptron.

    Args:
        channels: Size of the embedding.
        frequencies: Number of frequencies, from 1000 to 0.1 in geometric progression.
    """

    frequencies: Tensor

    def __init__(self, channels: int, frequencies: int = 32) -> None:
        super().__init__()
        exponents = torch.linspace(0.0, 1.0, frequencies)
        self.register_buffer(
            "frequencies", 1000.0 * torch.exp(-math.log(1e4) * exponents), persistent=False
        )
        self.mix = nn.Sequential(
            nn.Linear(2 * frequencies, channels),
            nn.SiLU(),
            nn.Linear(channels, channels),
            nn.SiLU(),
        )

    def forward(self, t: Tensor) -> Tensor:
        """Embedding [B, channels] of times ``t`` [B] in [0, 1]."""
        phase = t[:, None] * self.frequencies
        embedding: Tensor = self.mix(torch.cat((phase.sin(), phase.cos()), dim=1))
        return embedding


class Modulation(nn.Linear):
    """Scale and shift of the channels, linear in an embedding.

    Args:
        embedding: Size of the embedding.
        channels: Channels that are modulated.
    """

    def __init__(self, embedding: int, channels: int) -> None:
        super().__init__(embedding, 2 * channels)

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:  # type: ignore[override]
        """Modulate ``h`` [B, channels, *grid] by ``embedding`` [B, embedding]."""
        modulation = super().forward(embedding)
        scale, shift = modulation.view(*modulation.shape, *(1,) * (h.ndim - 2)).chunk(2, dim=1)
        return torch.addcmul(shift, h, scale + 1)


class TimeModulation(nn.Module):
    """Modulation of the input of each layer of a network; none, if it is not time-conditioned.

    Args:
        time_conditioned: Whether the network is told a diffusion time.
        channels: Channels of the input of each layer.
    """

    def __init__(self, time_conditioned: bool, channels: Sequence[int]) -> None:
        super().__init__()
        size = 4 * max(channels)
        self.embed = TimeEmbedding(size) if time_conditioned else None
        self.layers = nn.ModuleList(
            Modulation(size, count) for count in (channels if time_conditioned else ())
        )

    def embedding(self, t: Tensor | None, dtype: torch.dtype) -> Tensor | None:
        """Embedding of times ``t`` [B] in [0, 1]; None without."""
        return None if self.embed is None or t is None else self.embed(t.to(dtype))

    def forward(self, h: Tensor, layer: int, embedding: Tensor | None) -> Tensor:
        """Modulate ``h`` [B, channels, *grid], the input of a layer."""
        if embedding is None:
            return h
        y: Tensor = self.layers[layer](h, embedding)
        return y
