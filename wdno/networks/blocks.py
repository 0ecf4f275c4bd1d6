r"""Building blocks of convolutional networks on grids of one to three axes.

A residual block with feature-wise modulation by the diffusion time t is

.. math::  h = K_1 * s(N(x)), \qquad
           y = R x + K_2 * s\big( (1 + a(t)) \odot N(h) + b(t) \big),

where N normalises groups of channels (arXiv 1803.08494), s is the SiLU, K_1 and K_2 are
convolution kernels, R the identity or a 1 x 1 convolution, and a, b are linear in an embedding
of t (arXiv 1709.07871, 2105.05233). K_2 starts at zero, so every block starts as R.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from wdno.networks.conditioning import Modulation

Padding = Literal["zeros", "circular"]

_CONVOLUTIONS: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_GROUP_SIZE = 16


class Convolution(nn.Module):
    """Convolution padded with zeros or periodically, as each axis asks, to the size of its input.

    With stride s an axis of n points becomes one of ceil(n / s).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Size of the kernel along every axis; odd.
        padding: "zeros" or "circular" for each axis.
        stride: Of each axis; 1 if not given.
        bias: Add a number to each channel.
        zero: Start with all weights zero.

    Raises:
        ValueError: If the kernel is even.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        padding: Sequence[str],
        *,
        stride: Sequence[int] | None = None,
        bias: bool = True,
        zero: bool = False,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0 or kernel < 1:
            raise ValueError(f"convolution: expected an odd kernel size, got {kernel}")
        dims = len(padding)
        self.margin = kernel // 2
        self.wrapped = tuple(
            axis + 2 for axis, kind in enumerate(padding) if kind == "circular" and self.margin
        )
        self.convolution = _CONVOLUTIONS[dims](
            in_channels,
            out_channels,
            kernel,
            stride=(1,) * dims if stride is None else tuple(stride),
            padding=tuple(self.margin if kind == "zeros" else 0 for kind in padding),
            bias=bias,
        )
        if zero:
            _zero(self.convolution)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``x`` [B, in_channels, *grid]; the result is [B, out_channels, *grid / stride].

        Raises:
            ValueError: If a periodic axis has fewer points than the kernel reaches over its end.
        """
        for axis in self.wrapped:
            n = x.shape[axis]
            if n < self.margin:
                raise ValueError(
                    f"convolution: a periodic axis of {n} point(s) is too short for a kernel that "
                    f"reaches {self.margin} over its end; use a larger grid or fewer levels"
                )
            # functional.pad(mode="circular") would lose the channels-last layout.
            ends = x.narrow(axis, n - self.margin, self.margin), x.narrow(axis, 0, self.margin)
            x = torch.cat((ends[0], x, ends[1]), dim=axis)
        y: Tensor = self.convolution(x)
        return y


class Pointwise(nn.Linear):
    """Linear map of the channels at every point of a grid, [B, in, *grid] to [B, out, *grid].

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        zero: Start with all weights zero.
    """

    def __init__(self, in_channels: int, out_channels: int, *, zero: bool = False) -> None:
        super().__init__(in_channels, out_channels)
        if zero:
            _zero(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` [B, in_channels, *grid] to [B, out_channels, *grid]."""
        if x.device.type == "cpu":
            # Convolutions of size 1 lose the channels-last layout of three axes, and much time.
            return functional.linear(x.movedim(1, -1), self.weight, self.bias).movedim(-1, 1)
        weight = self.weight.view(*self.weight.shape, *(1,) * (x.ndim - 2))
        convolve: Any = getattr(functional, f"conv{x.ndim - 2}d")
        y: Tensor = convolve(x, weight, self.bias)
        return y


class PointNorm(nn.LayerNorm):
    """Normalisation of all channels at each point of a grid alone (arXiv 1607.06450).

    Args:
        channels: Number of channels.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x`` [B, channels, *grid]."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


Norm = Literal["group", "point", "none"]


def normalisation(channels: int, groups: int, kind: Norm = "group") -> nn.Module:
    """Normalisation of channels: over the grid in groups, at each point, or none.

    Of groups the number is the largest one that divides ``channels``, is at most ``groups`` and
    leaves 16 channels or more in a group (one group, where there are fewer than 32). Smaller groups
    were several times slower in the channels-last layout and made networks of width 16 worse.

    Raises:
        ValueError: If ``groups`` is not positive, or there is no such kind.
    """
    if groups < 1:
        raise ValueError(f"normalisation: expected at least 1 group, got {groups}")
    if kind == "point":
        return PointNorm(channels)
    if kind == "none":
        return nn.Identity()
    if kind != "group":
        raise ValueError(f"normalisation: expected group, point or none, got {kind!r}")
    most = max(1, min(groups, channels // _GROUP_SIZE))
    return nn.GroupNorm(max(g for g in range(1, most + 1) if channels % g == 0), channels)


class ResidualBlock(nn.Module):
    """Two convolutions with normalisation and SiLU before each, added to the input.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Size of the kernels; odd.
        padding: "zeros" or "circular" for each axis.
        groups: Most groups of the normalisation.
        embedding: Channels of the time embedding; 0 for a block without modulation.
        norm: Kind of the normalisation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        padding: Sequence[str],
        groups: int,
        embedding: int,
        norm: Norm = "group",
    ) -> None:
        super().__init__()
        self.norm1 = normalisation(in_channels, groups, norm)
        self.conv1 = Convolution(in_channels, out_channels, kernel, padding)
        self.norm2 = normalisation(out_channels, groups, norm)
        self.conv2 = Convolution(out_channels, out_channels, kernel, padding, zero=True)
        self.skip = (
            nn.Identity() if in_channels == out_channels else Pointwise(in_channels, out_channels)
        )
        self.modulation = Modulation(embedding, out_channels) if embedding else None

    def forward(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        """Map ``x`` [B, in_channels, *grid], with ``embedding`` [B, embedding] if modulated."""
        h = self.norm2(self.conv1(functional.silu(self.norm1(x))))
        if self.modulation is not None:
            h = self.modulation(h, embedding)
        y: Tensor = self.skip(x) + self.conv2(functional.silu(h))
        return y


class Attention(nn.Module):
    """Self-attention among all points of the grid (arXiv 1706.03762), added to the input.

    It knows no positions but those that the features carry, so it commutes with translations.

    Args:
        channels: Channels of the input and output.
        heads: Number of heads.
        head_dim: Channels of a head.
        groups: Most groups of the normalisation.
    """

    def __init__(self, channels: int, *, heads: int, head_dim: int, groups: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = normalisation(channels, groups)
        self.qkv = nn.Linear(channels, 3 * heads * head_dim, bias=False)
        self.out = nn.Linear(heads * head_dim, channels)
        _zero(self.out)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` [B, channels, *grid] to the same shape."""
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = self.mix(q, k, v).transpose(1, 2).flatten(2)
        y: Tensor = x + self.out(mixed).transpose(1, 2).unflatten(2, x.shape[2:])
        return y

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return the values, by their keys, of each query; all ``[B, heads, points, head_dim]``."""
        return functional.scaled_dot_product_attention(q, k, v)


class LinearAttention(Attention):
    r"""Attention whose cost is linear in the number of points (arXiv 1812.01243, equation 5).

    With a softmax $\rho_q$ of each query over its channels and a softmax $\rho_k$ of each channel
    of the keys over all points, the values of $n$ points are summed up in one small matrix for
    each head, before any query is made:

    $$ \frac{1}{\sqrt d}\, \rho_q(Q) \left( \rho_k(K)^T V \right). $$

    Arguments and shapes are those of :class:`Attention`.
    """

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return the values, summed up by the keys, as each query asks for them."""
        summary = k.softmax(dim=-2).transpose(-1, -2) @ v
        mixed: Tensor = (q.softmax(dim=-1) * q.shape[-1] ** -0.5) @ summary
        return mixed


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
