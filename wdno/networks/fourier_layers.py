"""Fourier layers of the package ``neuraloperator``, as networks of several kinds use them here.

Structure, parameters and their initial values are the package's. Parts that compute in a way of
their own:

* The spectral convolution. On an axis of an odd number of points, other than the last, that of
  version 2.0.0 returns from the spectrum one frequency off (``fftshift`` for ``ifftshift``) and so
  is no convolution. Its coefficients are kept as pairs of real numbers, which the fused optimisers
  of PyTorch need and which follow ``.double()``. To another grid it leads by the frequencies that
  it keeps.
* What is led to another grid beside it: the package interpolates by cubic polynomials, in 3D by a
  spectrum that is wrong at odd sizes; here by :mod:`wdno.networks.resampling`.
* The point-wise convolutions are matrix products, which on a CPU makes a training step of an FNO
  1.4 times as fast.
* The package prints while it builds some networks; :func:`quiet` drops that.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from wdno.networks.arguments import GridNetwork, check_points
from wdno.networks.resampling import resample
from wdno.networks.spectral import real_at_zero


class FourierNetwork(GridNetwork):
    """A network that keeps some frequencies of each axis, and computes in single precision or more.

    Attributes:
        modes: frequencies kept along each axis.
    """

    mixed_precision = False  # which complex numbers do not know
    modes: tuple[int, ...]

    def check_grid(self, grid: Sequence[int]) -> None:
        """Refuse a grid with fewer points along an axis than modes.

        Raises:
            ValueError: Naming the axis.
        """
        check_points(self.name, grid, self.modes)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what is printed meanwhile: remarks of the package's for its developers."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def as_products(network: nn.Module) -> None:
    """Replace the point-wise convolutions of a network by matrix products of the same weights."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv1d):
                setattr(parent, name, _Pointwise.of(child))


class _Pointwise(nn.Conv1d):
    """Convolution of kernel size 1 as a matrix product."""

    @classmethod
    def of(cls, layer: nn.Conv1d) -> _Pointwise:
        """One with the parameters of a convolution."""
        if layer.kernel_size != (1,):
            raise ValueError(
                f"Fourier layers: expected a kernel of size 1, got {layer.kernel_size}"
            )
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
def spectral_convolution(padding: tuple[str, ...]) -> type[nn.Module]:
    """The package's spectral convolution, with a forward pass that is right on all grids.

    Args:
        padding: "zeros" or "circular" for each axis, for what is led to other grids beside it.
    """
    from neuralop.layers.spectral_convolution import SpectralConv  # takes seconds

    periodic = tuple(kind == "circular" for kind in padding)

    class SpectralConvolution(SpectralConv):
        """Product with a matrix for each of the lowest frequencies of all axes."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            initial: Any = self._modules.pop("weight")
            if self.factorization is None:
                self.weight = _pairs(initial.to_tensor())
            else:
                self.factors = nn.ParameterList(
                    _pairs(part) for part in _parts(initial, self.factorization)
                )
                self.product = _product(self.factorization, len(initial.shape))

        def matrices(self) -> Tensor:
            """Matrices of channels, complex, [in_channels, out_channels, *modes]."""
            if self.factorization is None:
                return torch.view_as_complex(self.weight)
            return torch.einsum(self.product, *map(torch.view_as_complex, self.factors))

        def transform(self, x: Tensor, output_shape: Sequence[int] | None = None) -> Tensor:
            """Lead what goes past the convolution, [B, C, *old], to the grid of its output."""
            return x if output_shape is None else resample(x, output_shape, periodic)

        def forward(self, x: Tensor, output_shape: Sequence[int] | None = None) -> Tensor:
            """Convolve ``x`` [B, in_channels, *grid], to the same grid or a given one."""
            weight = self.matrices()
            *kept, last = weight.shape[2:]
            *sizes, _ = x.shape[2:]
            *wanted, n = x.shape[2:] if output_shape is None else output_shape
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
            for axis, size, modes in zip(leading, wanted, kept, strict=True):
                low = modes // 2
                rest = z.new_zeros([*z.shape[:axis], size - modes, *z.shape[axis + 1 :]])
                z = torch.cat(
                    (z.narrow(axis, low, modes - low), rest, z.narrow(axis, 0, low)), dim=axis
                )
            z = torch.fft.ifftn(z, dim=leading, norm="forward") if leading else z
            y: Tensor = torch.fft.irfft(real_at_zero(z, -1), n=n, dim=-1, norm="forward")
            return y if self.bias is None else y + self.bias

    return SpectralConvolution


def _pairs(values: Tensor) -> nn.Parameter:
    """Complex values as a parameter of pairs of real numbers."""
    return nn.Parameter(torch.view_as_real(values.detach()).clone())


def _parts(tensor: Any, factorization: str) -> list[Tensor]:
    """The tensors that a factorised one of the package is a product of."""
    core = {"tucker": "core", "cp": "weights"}.get(factorization)
    return [*([] if core is None else [getattr(tensor, core)]), *tensor.factors]


def _product(factorization: str, order: int) -> str:
    """What :func:`torch.einsum` makes a tensor of its parts by.

    Of Tucker's decomposition these are a core and a matrix for each axis; of CP weights and such
    matrices; of a tensor train an array [rank, axis, rank] for each axis.
    """
    axes, ranks = "iouvw"[:order], "abcdef"[: order + 1]
    parts = {
        "tucker": [ranks[:order], *(axis + rank for axis, rank in zip(axes, ranks, strict=False))],
        "cp": ["a", *(axis + "a" for axis in axes)],
        "tt": [ranks[k] + axis + ranks[k + 1] for k, axis in enumerate(axes)],
    }
    return f"{','.join(parts[factorization])}->{axes}"
