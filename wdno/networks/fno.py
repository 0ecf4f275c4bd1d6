r"""Fourier neural operator (arXiv 2010.08895), from the ``neuraloperator`` package.

A lifting P, layers of a convolution with a kernel given by its lowest Fourier coefficients R
beside a point-wise map W, and a projection Q:

.. math::  h_0 = P x, \qquad
           h_{l+1} = s\big( W_l h_l + F^{-1} (R_l \cdot F h_l) \big), \qquad y = Q h_L.

Diffusion time enters by feature-wise modulation of the input of each layer,
h_l -> (1 + a_l(t)) h_l + b_l(t), with a_l, b_l linear in an embedding of t. (The package's adaptive
instance norm takes one embedding for a whole batch, so it cannot follow times that differ from
sample to sample.)

Structure, parameters and their initial values are the package's. Two of its parts compute in a way
of their own here:

* The spectral convolution. On an axis of an odd number of points, other than the last, that of
  version 2.0.0 returns from the spectrum one frequency off (``fftshift`` for ``ifftshift``) and so
  is no convolution. Its coefficients are kept as pairs of real numbers, which the fused optimisers
  of PyTorch need and which follow ``.double()``.
* The point-wise convolutions are matrix products, which on a CPU makes a training step 1.4 times
  as fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from wdno.networks.arguments import AXES, GridNetwork, check_modes, check_positive
from wdno.networks.conditioning import TimeModulation
from wdno.networks.domain import Bounds
from wdno.networks.spectral import real_at_zero


class FNO(GridNetwork):
    """Fourier neural operator on grids of one to three axes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dims: Axes of the grid: 1 for (x), 2 for (time, x) or (y, x), 3 for (time, y, x).
        time_conditioned: Modulate the input of every layer by the diffusion time.
        padding: "zeros" or "circular" for each axis; zeros if not given. The Fourier layers are
            periodic in any case; it decides which axes ``positional_embedding`` and
            ``domain_padding`` concern.
        modes: Frequencies kept along each axis, positive and negative ones together (so that
            modes // 2 + 1 coefficients are kept of the last axis, where the input is real); one
            number, or one for each axis. At most the number of points of the axis.
        width: Hidden channels.
        layers: Fourier layers.
        positional_embedding: Append the coordinate, from 0 to 1, of each axis that is not periodic
            to the input.
        domain_padding: Zeros put before and after each axis that is not periodic, as a share of its
            points, between lifting and projection, so that its ends do not meet. On Burgers, 1/16
            lowered the error by a quarter at equal time of training.

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
        layers: int = 4,
        positional_embedding: bool = True,
        domain_padding: float = 0.0625,
    ) -> None:
        super().__init__("fno", in_channels, dims, padding, time_conditioned=time_conditioned)
        padding = self.padding
        self.modes = check_modes("fno", modes, dims)
        check_positive("fno", width=width, layers=layers)
        self.layers = layers
        self.bounds = Bounds(
            "fno", padding, coordinates=positional_embedding, margin=domain_padding
        )

        from neuralop.models import FNO as Package  # takes seconds

        parts = Package(
            n_modes=self.modes,
            in_channels=in_channels + len(self.bounds.located),
            out_channels=out_channels,
            hidden_channels=width,
            n_layers=layers,
            positional_embedding=None,
            conv_module=_spectral_convolution(),
        )
        # The package's FNO puts an entry that is no tensor into every state_dict it is part of.
        self.lifting = parts.lifting
        self.blocks = parts.fno_blocks
        self.projection = parts.projection
        for parent in list(self.modules()):
            for name, child in parent.named_children():
                if isinstance(child, nn.Conv1d):
                    setattr(parent, name, _Pointwise.of(child))
        self.modulation = TimeModulation(time_conditioned, [width] * layers)

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """Map channels on a grid to channels on the same grid.

        Args:
            x: Input, [B, in_channels, *grid].
            t: Diffusion time in [0, 1], [B]; None if not time-conditioned.

        Returns:
            Output, [B, out_channels, *grid].

        Raises:
            ValueError: If a shape is wrong, ``t`` is missing or unwanted, or an axis has fewer
                points than modes.
        """
        self.check_input(x, t)
        grid = tuple(x.shape[2:])
        for name, size, modes in zip(AXES[self.dims], grid, self.modes, strict=True):
            if size < modes:
                raise ValueError(
                    f"fno: a grid of {' x '.join(map(str, grid))} has {size} modes along axis "
                    f"{name!r}, the network keeps {modes}; give modes of at most {min(grid)}, or "
                    "one number for each axis, or a larger grid"
                )
        # Complex numbers know no mixed precision.
        with torch.autocast(x.device.type, enabled=False):
            return self._map(x if x.dtype == torch.float64 else x.float(), t)

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        h = self.bounds.widen(self.lifting(self.bounds.locate(x).contiguous()))
        embedding = self.modulation.embedding(t, x.dtype)
        for layer in range(self.layers):
            h = self.blocks(self.modulation(h, layer, embedding), layer)
        y: Tensor = self.projection(self.bounds.crop(h, x.shape[2:]))
        return y


class _Pointwise(nn.Conv1d):
    """Convolution of kernel size 1 as a matrix product."""

    @classmethod
    def of(cls, layer: nn.Conv1d) -> _Pointwise:
        """One with the parameters of a convolution."""
        if layer.kernel_size != (1,):
            raise ValueError(f"fno: expected a kernel of size 1, got {layer.kernel_size}")
        new = cls(layer.in_channels, layer.out_channels, 1, bias=layer.bias is not None)
        new.weight, new.bias = layer.weight, layer.bias
        return new

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` [B, in_channels, N] to [B, out_channels, N]."""
        weight = self.weight[:, :, 0].expand(len(x), -1, -1)
        if self.bias is None:
            return torch.bmm(weight, x)
        return torch.baddbmm(self.bias[:, None], weight, x)


@cache
def _spectral_convolution() -> type[nn.Module]:
    """The package's spectral convolution, with a forward pass that is right on all grids."""
    from neuralop.layers.spectral_convolution import SpectralConv

    class SpectralConvolution(SpectralConv):
        """Product with a matrix for each of the lowest frequencies of all axes."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            initial: Any = self._modules.pop("weight")
            self.weight = nn.Parameter(torch.view_as_real(initial.to_tensor().detach()).clone())

        def forward(self, x: Tensor, output_shape: None = None) -> Tensor:
            """Convolve ``x`` [B, in_channels, *grid]."""
            weight = torch.view_as_complex(self.weight)
            *kept, last = weight.shape[2:]
            *sizes, n = x.shape[2:]
            leading = tuple(range(2, 2 + len(sizes)))
            z = torch.fft.rfft(x, dim=-1, norm="forward").narrow(-1, 0, last)
            z = torch.fft.fftn(z, dim=leading, norm="forward") if leading else z
            for axis, size, modes in zip(leading, sizes, kept, strict=True):
                # Frequencies from -(modes // 2) upwards, as in the package.
                negative = modes // 2
                ends = (
                    z.narrow(axis, size - negative, negative),
                    z.narrow(axis, 0, modes - negative),
                )
                z = torch.cat(ends, dim=axis)
            axes = "uvw"[: len(sizes) + 1]
            z = torch.einsum(f"bi{axes},io{axes}->bo{axes}", z, weight)
            for axis, size, modes in zip(leading, sizes, kept, strict=True):
                low = modes // 2
                rest = z.new_zeros([*z.shape[:axis], size - modes, *z.shape[axis + 1 :]])
                z = torch.cat(
                    (z.narrow(axis, low, modes - low), rest, z.narrow(axis, 0, low)), dim=axis
                )
            z = torch.fft.ifftn(z, dim=leading, norm="forward") if leading else z
            y: Tensor = torch.fft.irfft(real_at_zero(z, -1), n=n, dim=-1, norm="forward")
            return y if self.bias is None else y + self.bias

    return SpectralConvolution


Network = FNO
