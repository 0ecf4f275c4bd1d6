r"""Convolutional auto-encoders with a transition of their codes (arXiv 2111.04941).

Written from the paper, with the sizes that DiffPhyCon (arXiv 2407.06494) and arXiv 2412.04833 give
their baseline: a frame u and what acts on it, f, each have an encoder E and a decoder D, and the
code of the next frame is a convolution T of both codes,

.. math::  \hat z' = T(E_u u, E_f f), \qquad \hat u' = D_u \hat z'.

An encoder has four convolutions with ELU, two of which halve the grid, and a linear map of all that
comes out; a decoder has four convolutions, before the last two of which the grid is doubled by
linear interpolation. The published loss is

.. math::  2.5 \, \ell(\hat u', u') + 0.5 \, \ell(D_u E_u u, u) + \ell(D_f E_f f, f)
           + \ell(\hat z', E_u u'),

of which all but the first part are auxiliary: :meth:`CNN.supervised`. As channels have unit scale,
errors of fields are mean squares; those of codes, whose scale the network could lower, are relative
to the squares of the code. With one channel each, 120 points and width 8 it has the 156 346
parameters of arXiv 2412.04833.

Linear maps belong to one grid. Axes that are periodic wrap around in convolutions and
interpolations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from wdno.networks.arguments import GridNetwork, check_own_grid, check_positive
from wdno.networks.blocks import Convolution
from wdno.networks.conditioning import TimeModulation

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
# Weights of the auxiliary losses, beside 1 for that of the next frame.
_FRAME, _ACTING, _CODE = 0.5 / 2.5, 1 / 2.5, 1 / 2.5


class CNN(GridNetwork):
    """From a frame, the first ``out_channels`` of the input, and what acts on it to the next frame.

    Args:
        in_channels: Channels of a frame and, after them, of what acts on it, if there is such.
        out_channels: Channels of a frame.
        dims: Axes of a frame.
        grid: Grid that it is built for, the only one that it takes.
        time_conditioned: Modulate both codes by the diffusion time.
        padding: "zeros" or "circular" for each axis; zeros if not given.
        width: Channels of a code.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dims: int = 2,
        grid: Sequence[int],
        time_conditioned: bool = False,
        padding: Sequence[str] | None = None,
        width: int = 8,
    ) -> None:
        super().__init__("cnn", in_channels, dims, padding, time_conditioned=time_conditioned)
        check_positive("cnn", width=width)
        if len(grid) != dims:
            raise ValueError(f"cnn: expected a grid of {dims} axes, got {list(grid)}")
        if in_channels < out_channels:
            raise ValueError(
                f"cnn: expected the {out_channels} channel(s) of a frame first among those of the "
                f"input, got {in_channels} in all; use it with stepping"
            )
        self.grid = tuple(grid)
        self.sizes = [out_channels, in_channels - out_channels][: 1 + (in_channels > out_channels)]
        self.coders = nn.ModuleList(
            _AutoEncoder(channels, width, self.grid, self.padding) for channels in self.sizes
        )
        codes = width * len(self.sizes)
        self.transition = Convolution(codes, width, 3, self.padding)
        self.modulation = TimeModulation(time_conditioned, [codes])

    def check_grid(self, grid: Sequence[int]) -> None:
        """Refuse another grid than that which it was built for.

        Raises:
            ValueError: Naming both.
        """
        check_own_grid(self.name, self.grid, grid)

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        code = self._next(self._codes(x), t)
        return self._coder(0).decode(code)

    def supervised(self, x: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next frame and the auxiliary loss of each sample.

        See :class:`wdno.networks.auxiliary.Supervised`; reconstructions and the code count.

        Raises:
            ValueError: If a shape is wrong, or it needs a diffusion time.
        """
        self.check_input(x, None)
        self.check_grid(x.shape[2:])
        codes = self._codes(x)
        code = self._next(codes, None)
        frame = self._coder(0)
        there = frame.encode(wanted).float()
        loss = _CODE * _mean_square(code - there) / _mean_square(there)
        parts = torch.split(x, self.sizes, dim=1)
        for index, (part, weight) in enumerate(zip(parts, (_FRAME, _ACTING), strict=False)):
            loss = loss + weight * _mean_square(self._coder(index).decode(codes[index]) - part)
        return frame.decode(code), loss

    def _codes(self, x: Tensor) -> list[Tensor]:
        parts = torch.split(x, self.sizes, dim=1)
        return [self._coder(index).encode(part) for index, part in enumerate(parts)]

    def _next(self, codes: Sequence[Tensor], t: Tensor | None) -> Tensor:
        """Code of the next frame, [B, width, *coarse]."""
        h = torch.cat(list(codes), dim=1)
        h = self.modulation(h, 0, self.modulation.embedding(t, h.dtype))
        code: Tensor = self.transition(h)
        return code

    def _coder(self, index: int) -> _AutoEncoder:
        coder = self.coders[index]
        assert isinstance(coder, _AutoEncoder)
        return coder


class _AutoEncoder(nn.Module):
    """An encoder to a quarter of the points of each axis, and a decoder.

    Args:
        channels: Channels of what is encoded.
        width: Channels of a code.
        grid: Points along each axis.
        padding: "zeros" or "circular" for each axis.
    """

    def __init__(
        self, channels: int, width: int, grid: tuple[int, ...], padding: Sequence[str]
    ) -> None:
        super().__init__()
        self.wrapped = tuple(
            axis for axis, kind in enumerate(padding, start=2) if kind == "circular"
        )
        half = tuple(-(-n // 2) for n in grid)
        self.coarse = tuple(-(-n // 2) for n in half)
        self.finer = (half, tuple(grid))
        two = (2,) * len(grid)

        def convolution(
            inputs: int, outputs: int, stride: tuple[int, ...] | None = None
        ) -> Convolution:
            return Convolution(inputs, outputs, 5, padding, stride=stride)

        self.down = nn.ModuleList(
            [
                convolution(channels, width),
                convolution(width, 2 * width, two),
                convolution(2 * width, 4 * width, two),
                convolution(4 * width, width),
            ]
        )
        values = width * math.prod(self.coarse)
        self.mix = nn.Linear(values, values)
        self.up = nn.ModuleList(
            [
                convolution(width, 8 * width),
                convolution(8 * width, 4 * width),
                convolution(4 * width, 2 * width),
                convolution(2 * width, channels),
            ]
        )

    def encode(self, x: Tensor) -> Tensor:
        """Code [B, width, *coarse] of ``x`` [B, channels, *grid]."""
        for layer in self.down:
            x = functional.elu(layer(x))
        code: Tensor = self.mix(x.flatten(1)).view(len(x), -1, *self.coarse)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """What a code [B, width, *coarse] stands for, [B, channels, *grid]."""
        first, second, third, last = self.up
        h = functional.elu(second(functional.elu(first(code))))
        h = functional.elu(third(self._refined(h, self.finer[0])))
        y: Tensor = last(self._refined(h, self.finer[1]))
        return y

    def _refined(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        """Interpolate linearly, from end to end or, on periodic axes, around to the first point."""
        size = list(grid)
        for axis in self.wrapped:
            h = torch.cat((h, h.narrow(axis, 0, 1)), dim=axis)
            size[axis - 2] += 1
        h = functional.interpolate(h, size=size, mode=_LINEAR[len(grid)], align_corners=True)
        for axis in self.wrapped:
            h = h.narrow(axis, 0, grid[axis - 2])
        return h


def _mean_square(h: Tensor) -> Tensor:
    """Mean square of each sample of [B, ...], [B]."""
    return h.float().square().flatten(1).mean(1)


Network = CNN
