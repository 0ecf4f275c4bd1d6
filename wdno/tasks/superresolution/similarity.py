r"""How alike the grids of a solution are: what zero-shot super-resolution rests on.

Of the exact solution on each grid,

| name | |
|---|---|
| `detail_ratio` | root mean square of the details over that of the approximation, one Haar level |
| `residual` | root mean square of what cubic interpolation of the next coarser grid misses |

A model that was trained on some grids expects the residual of a further one to follow from them at
a constant ratio, $r(2N) = r(N)^2 / r(N/2)$, see :mod:`wdno.representations.scaling`.
"""

from __future__ import annotations

import numpy as np
import torch

from wdno.data.coarser import restricted
from wdno.grids.levels import Grid
from wdno.representations.wavelet import Wavelet
from wdno.tasks.superresolution.level_fields import coarse

MEASURES = ("detail_ratio", "residual")


def similarity(
    state: np.ndarray, truth: np.ndarray, finest: Grid, grid: Grid, coarser: Grid | None
) -> dict[str, np.ndarray]:
    """Return mean squares of each case, of which the measures are made.

    Args:
        state: all frames on the finest grid, ``[N, F, g + T, *S]``.
        truth: generated frames on the grid that is measured, ``[N, F, t, *s]``.
        finest: that of all frames.
        grid: the grid that is measured.
        coarser: the next coarser one; None: none is known, and the residual is NaN.

    Returns:
        `detail`, `approximation` and `residual`, ``[N]`` each.
    """
    solution = torch.from_numpy(truth)
    periodic = [axis.boundary == "periodic" for axis in grid.space]
    haar = Wavelet("haar", dims=solution.ndim - 2, periodic=periodic).double()
    bands = haar.bands()
    found = haar.encode(solution, tuple(solution.shape[2:])).square()
    squares = found.reshape(len(found), -1, len(bands), found[0, 0].numel()).sum(dim=(1, 3))
    missed = torch.full((len(solution),), torch.nan, dtype=torch.float64)
    if coarser is not None:
        stored = {"state": torch.from_numpy(state).double()}
        below = restricted(stored, finest, coarser, ("state",))["state"]
        missed = (solution - coarse(below, coarser, grid)).square().flatten(1).mean(1)
    return {
        "detail": squares[:, 1:].sum(1).numpy(),
        "approximation": squares[:, 0].numpy(),
        "residual": missed.numpy(),
    }


def measures(squares: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the measures of all cases from their mean squares."""
    details = squares["detail"].sum() / squares["approximation"].sum()
    return {
        "detail_ratio": float(np.sqrt(details)),
        "residual": float(np.sqrt(squares["residual"].mean())),
    }
