r"""Wavelet neural operator (arXiv 2205.02191), written from the paper.

A lifting P, layers of a wavelet kernel beside a point-wise map V, and a projection Q of one hidden
layer of 128:

.. math::  h_0 = P x, \qquad
           h_{l+1} = s\big( V_l h_l + W^{-1} (R_l \cdot W h_l) \big), \qquad y = Q h_L,

with s the Mish (arXiv 1908.08681) but after the last layer. W is a wavelet transform of J levels,
of which only the coarsest counts: the approximation and the details there are multiplied by a
matrix of channels for each position, details of finer levels are set to zero. So along an axis of n
points W is a matrix [2m, n] and its inverse one [n, 2m], with m coefficients in a sub-band:

.. math::  W = A_J L_{J-1} \cdots L_1, \qquad W^{-1} = U_1 \cdots U_{J-1} S_J,

with A_j, S_j one level of the transform and of its inverse, and L_j, U_j their halves of the
approximation; of several axes it is the product of theirs. Weights belong to positions, 2^d m_1
\cdots m_d of them, so the network is built for one grid. As in the paper it takes finer ones by one
level more for each doubling, where that leaves as many coefficients; here of each axis for itself.

As the paper's program does, time can be folded into channels (`time = channels`): a network on
space alone whose channels are those of all times. With 1 channel and a coordinate on 80 x 120,
sym4, 5 levels and width 40 that has the 153 408 parameters that arXiv 2412.04833 gives.

The published runs differ in their gradients: pytorch_wavelets, which they use, returns wrong ones
for mode `symmetric`. Here they are exact for all modes. Coordinates are given for axes that end
alone; periodic axes wrap around (`periodization`).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from wdno.networks import coarsening
from wdno.networks.arguments import GridNetwork, check_positive
from wdno.networks.blocks import Pointwise
from wdno.networks.conditioning import TimeModulation
from wdno.networks.domain import Bounds
from wdno.representations.separable import products
from wdno.representations.wavelet_transform import (
    analysis_matrix,
    check_family,
    check_modes,
    synthesis_matrix,
)

_HIDDEN = 128


class WNO(GridNetwork):
    """Wavelet neural operator on grids of one to three axes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dims: Axes of the grid: 1 for (x), 2 for (time, x) or (y, x), 3 for (time, y, x).
        grid: Grid that it is built for; it takes that and others with axes doubled, once or more
            often.
        time_conditioned: Modulate the input of every layer by the diffusion time.
        padding: "zeros" or "circular" for each axis; zeros if not given.
        time: Whether the first axis is an "axis" of the transform, or its points are "channels".
        family: Discrete wavelet of PyWavelets.
        mode: Extension at the ends of each axis that is not circular, one of PyWavelets'.
        levels: Levels of the transform; one number, or one for each axis that is transformed.
        width: Hidden channels.
        layers: Wavelet layers.

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
        time: Literal["axis", "channels"] = "axis",
        family: str = "sym4",
        mode: str = "symmetric",
        levels: int | Sequence[int] = 5,
        width: int = 40,
        layers: int = 4,
    ) -> None:
        super().__init__("wno", in_channels, dims, padding, time_conditioned=time_conditioned)
        padding = self.padding
        check_positive("wno", width=width, layers=layers)
        if len(grid) != dims:
            raise ValueError(f"wno: expected a grid of {dims} axes, got {list(grid)}")
        if time not in ("axis", "channels") or (time == "channels" and dims < 2):
            raise ValueError(
                f"wno: expected time 'axis', or 'channels' on a grid of 2 axes or more, got "
                f"{time!r} on {dims}"
            )
        self.out_channels = out_channels
        self.grid, self.family = tuple(grid), check_family(family)
        self.folded = 1 if time == "channels" else 0
        frames = grid[0] if self.folded else 1
        padding, built = padding[self.folded :], self.grid[self.folded :]
        self.levels = (levels,) * len(built) if isinstance(levels, int) else tuple(levels)
        if len(self.levels) != len(built) or min(self.levels) < 1:
            raise ValueError(
                f"wno: expected levels as one number, or one for each of the {len(built)} axes "
                f"that are transformed, all 1 or more; got {levels}"
            )
        self.modes = tuple(
            "periodization" if kind == "circular" else given
            for kind, given in zip(padding, check_modes(mode, len(built)), strict=True)
        )
        for size, way, count in zip(built, self.modes, self.levels, strict=True):
            if problem := coarsening.too_many(size, family, way, count):
                raise ValueError(f"wno: {problem}")
        coarsest = tuple(
            2 * coarsening.sizes(size, family, way, count)[-1]
            for size, way, count in zip(built, self.modes, self.levels, strict=True)
        )
        self.bounds = Bounds("wno", padding, coordinates=True)
        self.lift = Pointwise(frames * in_channels + len(self.bounds.located), width)
        self.kernels = nn.ModuleList(_Kernel(width, coarsest) for _ in range(layers))
        self.maps = nn.ModuleList(Pointwise(width, width) for _ in range(layers))
        self.project = nn.Sequential(
            Pointwise(width, _HIDDEN),
            nn.Mish() if len(built) == 3 else nn.GELU(),
            Pointwise(_HIDDEN, frames * out_channels),
        )
        self.modulation = TimeModulation(time_conditioned, [width] * layers)

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        grid = x.shape[2:]
        analysis, synthesis = self._transform(tuple(grid), x.device)
        if self.folded:
            x = x.flatten(1, 2)
        h = self.lift(self.bounds.locate(x))
        embedding = self.modulation.embedding(t, x.dtype)
        last = len(self.kernels) - 1
        for layer, (kernel, pointwise) in enumerate(zip(self.kernels, self.maps, strict=True)):
            h = self.modulation(h, layer, embedding)
            h = kernel(h, analysis, synthesis) + pointwise(h)
            h = h if layer == last else nn.functional.mish(h)
        y: Tensor = self.project(h)
        return y.reshape(len(y), self.out_channels, *grid)

    def _transform(
        self, grid: tuple[int, ...], device: torch.device
    ) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """Matrices of W and of its inverse, by axis of [B, C, *grid]."""
        found: tuple[dict[int, Tensor], dict[int, Tensor]] = {}, {}
        axes = zip(
            grid[self.folded :], self.grid[self.folded :], self.modes, self.levels, strict=True
        )
        fits = not self.folded or grid[0] == self.grid[0]
        for axis, (size, built, mode, levels) in enumerate(axes, start=2):
            count = coarsening.refined(size, built, self.family, mode, levels)
            if count is None or not fits:
                raise ValueError(
                    f"wno: built for the grid {list(self.grid)}, got {list(grid)}; its weights "
                    "belong to positions and fit that grid, and grids with axes of space (or all, "
                    "with time = 'axis') doubled that have as many coefficients"
                )
            pair = _coarsest(size, self.family, mode, count, device)
            found[0][axis], found[1][axis] = pair
        return found


class _Kernel(nn.Module):
    """A matrix of channels for each position of the coarsest coefficients.

    Args:
        width: Channels.
        positions: Coefficients along each axis, of both sub-bands.
    """

    def __init__(self, width: int, positions: Sequence[int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(*positions, width, width) / width**2)

    def forward(
        self, h: Tensor, analysis: dict[int, Tensor], synthesis: dict[int, Tensor]
    ) -> Tensor:
        """Apply to ``h`` [B, width, *grid], with the matrices of W and of its inverse by axis."""
        # Weights for all positions add up what half precision would lose.
        with torch.autocast(h.device.type, enabled=False):
            h = h if h.dtype == torch.float64 else h.float()
            c = products({axis: matrix.to(h) for axis, matrix in analysis.items()}, h)
            rows = c.flatten(2).permute(2, 0, 1).contiguous()
            mixed = torch.bmm(rows, self.weight.flatten(0, -3)).permute(1, 2, 0)
            return products(
                {axis: matrix.to(h) for axis, matrix in synthesis.items()},
                torch.unflatten(mixed, 2, c.shape[2:]),
            )


@functools.lru_cache(maxsize=128)
def _coarsest(
    size: int, family: str, mode: str, levels: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """W [2m, size] and its inverse [size, 2m] along an axis, in double precision. Read only."""
    cpu = torch.device("cpu")
    found = coarsening.sizes(size, family, mode, levels)
    with torch.inference_mode(False):
        down = up = torch.eye(size, dtype=torch.float64)
        for n, m in itertools.pairwise(found[:-1]):
            down = analysis_matrix(n, family, mode, torch.float64, cpu)[:m] @ down
            up = up @ synthesis_matrix(n, family, mode, torch.float64, cpu)[:, :m]
        down = analysis_matrix(found[-2], family, mode, torch.float64, cpu) @ down
        up = up @ synthesis_matrix(found[-2], family, mode, torch.float64, cpu)
        return down.to(device), up.to(device)


Network = WNO
