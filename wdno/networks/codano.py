r"""Codomain attention neural operator, CoDA-NO (arXiv 2403.12553), from ``neuraloperator``.

Every channel is a token, a function on the grid, and attention is among them. What a network gives
are channels, too: they enter as zero, and their tokens are read at the end. Each channel v is
lifted together with the coordinates and with learned functions of its own, which tell it from
others,

.. math::  w_v = P(v, x, e_v), \qquad e_v(x) = \sum_k c_{vk} \prod_a \cos(\pi k_a x_a),

a layer, that of the package, has

.. math::  w' = N\Big(w + \sum_u \mathrm{softmax}_u \langle Q w, K w_u \rangle \, V w_u\Big), \qquad
           w \to w' + N M N w',

where Q, K, V and, with several heads, a map of their outputs are Fourier layers, M is two, and N
normalises each hidden channel over the grid; the last tokens are projected. All channels share all
but e.

Where it is not the package's: products of tokens are means over the grid, so that they converge to
integrals (sums over points, which the package has, make attention sharper on finer grids), Fourier
layers are one tensor each and those of :mod:`wdno.networks.fourier_layers`, and e is a series of
cosines, and constant along periodic axes, so that the network commutes with translation along them.
Normalisation, which hides the amplitudes of channels from each attention, can be left out.
Diffusion time modulates the tokens of each layer; axes that end are widened by zeros, as with the
network `fno`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from wdno.networks.arguments import check_modes, check_positive
from wdno.networks.blocks import Pointwise
from wdno.networks.conditioning import TimeModulation
from wdno.networks.domain import Bounds
from wdno.networks.fourier_layers import FourierNetwork, as_products, quiet, spectral_convolution
from wdno.representations.separable import products

_NORMALISATIONS = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


class CoDANO(FourierNetwork):
    """Codomain attention neural operator on grids of one to three axes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dims: Axes of the grid: 1 for (x), 2 for (time, x) or (y, x), 3 for (time, y, x).
        time_conditioned: Modulate the tokens of every layer by the diffusion time.
        padding: "zeros" or "circular" for each axis; zeros if not given.
        modes: Frequencies kept along each axis, as for the network `fno`.
        width: Hidden channels of a token.
        layers: Layers.
        heads: Attention heads.
        encoding: Learned functions of each channel.
        encoding_modes: Cosines that they are made of along each axis that is not periodic.
        normalisation: Of each hidden channel over the grid ("instance"), or "none".
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
        width: int = 16,
        layers: int = 4,
        heads: int = 2,
        encoding: int = 8,
        encoding_modes: int = 4,
        normalisation: Literal["instance", "none"] = "instance",
        domain_padding: float = 0.0625,
    ) -> None:
        super().__init__("codano", in_channels, dims, padding, time_conditioned=time_conditioned)
        self.modes = check_modes("codano", modes, dims)
        check_positive(
            "codano",
            width=width,
            layers=layers,
            heads=heads,
            encoding=encoding,
            encoding_modes=encoding_modes,
        )
        ends = [kind != "circular" for kind in self.padding]
        if normalisation not in ("instance", "none"):
            raise ValueError(
                f"codano: expected normalisation 'instance' or 'none', got {normalisation!r}"
            )
        if normalisation == "instance" and not any(ends):
            raise ValueError(
                "codano: on a grid without an end normalisation takes away what tells channels "
                "apart; use normalisation 'none'"
            )
        self.out_channels, self.width = out_channels, width
        self.bounds = Bounds("codano", self.padding, coordinates=True, margin=domain_padding)
        # Each starts with unit variance, whatever the number of cosines.
        terms = [encoding_modes if end else 1 for end in ends]
        self.encoding = nn.Parameter(
            torch.randn(in_channels + out_channels, encoding, *terms) / math.prod(terms) ** 0.5
        )
        self.lift = _perceptron(1 + len(self.bounds.located) + encoding, width, width)
        self.layers = nn.ModuleList(
            _layer(self.modes, width, heads, self.padding, normalisation) for _ in range(layers)
        )
        as_products(self.layers)
        self.project = _perceptron(width, width, 1)
        self.modulation = TimeModulation(time_conditioned, [width] * layers)

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        batch, grid = len(x), x.shape[2:]
        tokens = self.bounds.widen(self.lift(self._tokens(x)))
        embedding = self.modulation.embedding(t, x.dtype)
        if embedding is not None:
            embedding = embedding.repeat_interleave(len(tokens) // batch, dim=0)
        points = tokens.shape[2:]
        for index, layer in enumerate(self.layers):
            tokens = self.modulation(tokens, index, embedding)
            # The package divides sums over points by their root.
            cast(Any, layer).temperature = math.sqrt(points.numel())
            mixed = layer(tokens.reshape(batch, -1, *points).contiguous())
            tokens = mixed.reshape(-1, self.width, *points)
        asked = torch.unflatten(tokens, 0, (batch, -1))[:, self.in_channels :].flatten(0, 1)
        y: Tensor = self.project(self.bounds.crop(asked, grid))
        return y.reshape(batch, self.out_channels, *grid)

    def _tokens(self, x: Tensor) -> Tensor:
        """What each channel is lifted from, [B * channels, 1 + axes that end + encoding, *grid]."""
        batch, grid = len(x), x.shape[2:]
        values = torch.cat((x, x.new_zeros(batch, self.out_channels, *grid)), dim=1)[:, :, None]
        cosines = {}
        for axis, (n, terms) in enumerate(zip(grid, self.encoding.shape[2:], strict=True), start=2):
            place = (torch.arange(n, device=x.device, dtype=x.dtype) + 0.5) / n
            order = torch.arange(terms, device=x.device, dtype=x.dtype)
            cosines[axis] = (math.pi * place[:, None] * order).cos()
        encodings = products(cosines, self.encoding).expand(batch, -1, -1, *grid)
        coordinates = self.bounds.locate(x[:, :0])[:, None].expand(-1, values.shape[1], -1, *grid)
        return torch.cat((values, coordinates, encodings), dim=2).flatten(0, 1)


def _perceptron(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(Pointwise(inputs, 2 * width), nn.GELU(), Pointwise(2 * width, outputs))


def _layer(
    modes: Sequence[int], width: int, heads: int, padding: tuple[str, ...], normalisation: str
) -> nn.Module:
    """The package's layer, with its normalisations on grids of any number of axes."""
    from neuralop.layers.coda_layer import CODALayer  # takes seconds

    with quiet():
        layer: nn.Module = CODALayer(
            n_modes=list(modes),
            n_heads=heads,
            token_codimension=width,
            per_channel_attention=False,
            norm=None,
            scale=1,
            factorization=None,
            conv_module=spectral_convolution(padding),
        )
    if normalisation == "none":
        cast(Any, layer).mixer.norm = None
        return layer
    for name in ("norm1", "attention_normalizer", "mixer_in_normalizer", "mixer_out_normalizer"):
        setattr(layer, name, _NORMALISATIONS[len(modes)](width, affine=True))
    return layer


Network = CoDANO
