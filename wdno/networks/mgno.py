r"""Multigrid neural operator (arXiv 2310.19809), with the stencils of its authors' program (MIT).

Each layer is a linear operator W between functions, beside a point-wise map V, and the GELU,

.. math::  h_{l+1} = s(W_l h_l + V_l h_l),

and a point-wise map without bias makes the output. W f is what a V-cycle of multigrid makes of the
equation A u = f, with every stencil learned, and its own on each grid. From the finest grid, where
u starts at zero, to the coarsest, u is smoothed and led to the next grid together with f,

.. math::  u \leftarrow u + S (f - A u), \qquad u \to \Pi u, \quad f \to R f,

and on the way back each grid adds what the coarser one has found, u + P u'. A, S are stencils of
kernel 3, Pi and R of stride 2, P is a transposed one of kernel 4 and stride 2; none has a bias. As
in the authors' program f itself is restricted, not the residual f - A u, and nothing is smoothed on
the way back.

With one channel in and out, width 24, 4 layers and 6 grids it has the 572 661 parameters of that
program's setting for Darcy flow. Its normalisations for Navier-Stokes, whose weights belong to the
points of one grid, are left out. Grids of any size are halved with the half rounded up, and a
refined one is cut to the size that it was; of (time, y, x), only space is halved. Periodic axes
wrap around.

Diffusion time modulates the input of each layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from wdno.networks import levels
from wdno.networks.arguments import GridNetwork, check_positive
from wdno.networks.blocks import Convolution, Pointwise
from wdno.networks.conditioning import TimeModulation

_TRANSPOSED: dict[int, Any] = {
    1: nn.ConvTranspose1d,
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}


class MgNO(GridNetwork):
    """Multigrid neural operator on grids of one to three axes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dims: Axes of the grid: 1 for (x), 2 for (time, x) or (y, x), 3 for (time, y, x).
        time_conditioned: Modulate the input of every layer by the diffusion time.
        padding: "zeros" or "circular" for each axis; zeros if not given.
        width: Hidden channels.
        layers: V-cycles.
        smoothings: Smoothing steps on each grid of a V-cycle, from fine to coarse.

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
        width: int = 24,
        layers: int = 4,
        smoothings: Sequence[int] = (1, 1, 1, 1, 1, 2),
    ) -> None:
        super().__init__("mgno", in_channels, dims, padding, time_conditioned=time_conditioned)
        check_positive("mgno", width=width, layers=layers)
        self.smoothings = list(smoothings)
        if not self.smoothings or min(self.smoothings) < 1:
            raise ValueError(
                f"mgno: expected smoothings of 1 or more, for one grid or more, got {smoothings}"
            )
        channels = [in_channels] + [width] * (layers - 1)
        self.cycles = nn.ModuleList(
            VCycle(size, width, self.smoothings, self.padding) for size in channels
        )
        self.maps = nn.ModuleList(Pointwise(size, width) for size in channels)
        self.project = nn.Linear(width, out_channels, bias=False)
        self.modulation = TimeModulation(time_conditioned, channels)

    def check_grid(self, grid: Sequence[int]) -> None:
        """Refuse a grid that cannot be halved as often as the V-cycle halves it.

        Raises:
            ValueError: Naming how often it can.
        """
        halvings = len(self.smoothings) - 1
        if problem := levels.refusal(f"smoothings = {self.smoothings}", grid, halvings):
            raise ValueError(f"mgno: {problem}")

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        embedding = self.modulation.embedding(t, x.dtype)
        h = x
        for layer, (cycle, pointwise) in enumerate(zip(self.cycles, self.maps, strict=True)):
            h = self.modulation(h, layer, embedding)
            h = functional.gelu(cycle(h) + pointwise(h))
        y: Tensor = self.project(h.movedim(1, -1)).movedim(-1, 1)
        return y


class VCycle(nn.Module):
    """A V-cycle of multigrid for u, with f given; linear in f.

    Args:
        in_channels: Channels of f.
        width: Channels of u.
        smoothings: Smoothing steps on each grid, from fine to coarse.
        padding: "zeros" or "circular" for each axis.
    """

    def __init__(
        self, in_channels: int, width: int, smoothings: Sequence[int], padding: Sequence[str]
    ) -> None:
        super().__init__()
        stride = levels.strides(len(padding))

        def stencils(inputs: int, outputs: int, count: int, coarsen: bool = False) -> nn.ModuleList:
            return nn.ModuleList(
                Convolution(
                    inputs, outputs, 3, padding, stride=stride if coarsen else None, bias=False
                )
                for _ in range(count)
            )

        halvings = len(smoothings) - 1
        # On the finest grid u starts at zero, and its first residual is f.
        self.smooth = nn.ModuleList(stencils(in_channels, width, count) for count in smoothings)
        self.apply_to_u = nn.ModuleList(
            stencils(width, in_channels, count - (index == 0))
            for index, count in enumerate(smoothings)
        )
        self.coarsen_u = stencils(width, width, halvings, coarsen=True)
        self.coarsen_f = stencils(in_channels, in_channels, halvings, coarsen=True)
        self.refine = nn.ModuleList(_Refinement(width, padding) for _ in range(halvings))

    def forward(self, f: Tensor) -> Tensor:
        """Map ``f`` [B, in_channels, *grid] to u [B, width, *grid]."""
        found: list[Tensor] = []
        for index, module in enumerate(self.smooth):
            smooth = list(cast(nn.ModuleList, module))
            apply_to_u = list(cast(nn.ModuleList, self.apply_to_u[index]))
            u: Tensor
            if index == 0:
                u = smooth.pop(0)(f)
            else:
                u, f = self.coarsen_u[index - 1](found[-1]), self.coarsen_f[index - 1](f)
            for s, a in zip(smooth, apply_to_u, strict=True):
                u = u + s(f - a(u))
            found.append(u)
        u = found.pop()
        while found:
            fine = found.pop()
            u = fine + self.refine[len(found)](u, fine.shape[2:])
        return u


class _Refinement(nn.Module):
    """A transposed convolution that doubles each axis that is halved, cut to a given size.

    Args:
        width: Channels.
        padding: "zeros" or "circular" for each axis.
    """

    def __init__(self, width: int, padding: Sequence[str]) -> None:
        super().__init__()
        stride = levels.strides(len(padding))
        self.wrapped = tuple(
            (axis, by)
            for axis, (kind, by) in enumerate(zip(padding, stride, strict=True), start=2)
            if kind == "circular"
        )
        kernel = tuple(4 if by == 2 else 3 for by in stride)
        self.convolution = _TRANSPOSED[len(padding)](
            width, width, kernel, stride=stride, padding=1, bias=False
        )

    def forward(self, h: Tensor, grid: Sequence[int]) -> Tensor:
        """Map ``h`` [B, width, *coarse] to [B, width, *grid]."""
        for axis, _ in self.wrapped:
            n = h.shape[axis]
            h = torch.cat((h.narrow(axis, n - 1, 1), h, h.narrow(axis, 0, 1)), dim=axis)
        h = self.convolution(h)
        for axis, by in self.wrapped:
            h = h.narrow(axis, by, h.shape[axis] - 2 * by)
        for axis, n in enumerate(grid, start=2):
            h = h.narrow(axis, 0, n)
        return h


Network = MgNO
