r"""Errors of predictions on grids that are finer than a base grid, level by level.

On a level's own grid, with error $e$ and the values of the next coarser grid called *old*:

| name | per case |
|---|---|
| `mse` | mean of $e^2$ over all values, as in :mod:`.pointwise` |
| `mse_old` | mean of $e^2$ where the coarser grid has points; of the mean of $e$ over its cells |
| `mse_new` | mean of $e^2$ elsewhere; of what is left of $e$ without the means over those cells |
| `spectrum_error_new` | spectrum error of the wavenumbers that the coarser grid cannot hold |
| `relative_error_new` | norm of the error at those wavenumbers over the norm of the truth there |

A spectrum can be right and all its waves in the wrong place, which the last one tells: 1 where they
are missing.

On the finest grid, to which coarser predictions are interpolated:

- `mse_aligned_linear`, `mse_aligned_cubic`: by coordinates, from the given frames on;
- `mse_published_linear`, `mse_published_nearest`: every axis resampled as if its values were those
  of cells, as WDNO's tables are made (arXiv 2412.04833), so that what is at points is shifted.

The *floor* of a score is that of the exact solution on the coarser grid, :func:`exact`: no method
can be told from a better one below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch.nn import functional

from wdno.evaluation.metric import Metric
from wdno.evaluation.scores.pointwise import MSE, Float, check_shapes, float64, mse
from wdno.evaluation.scores.spectrum import energy_spectrum, spectrum_distance
from wdno.grids.axis import GridAxis
from wdno.grids.levels import Grid
from wdno.grids.maps import interpolate, restrict

if TYPE_CHECKING:
    from wdno.evaluation.scores.pointwise import Array

MSE_OLD = Metric(
    "mse_old",
    "MSE, old points",
    "field^2",
    note="Old points are those of the next coarser grid; where values are means over cells, the "
    "means over its cells.",
)
MSE_NEW = Metric("mse_new", "MSE, new points", "field^2")
SPECTRUM_ERROR_NEW = Metric(
    "spectrum_error_new",
    "Spectrum error, new",
    "decades",
    note="New: of the wavenumbers that the next coarser grid cannot hold.",
)
RELATIVE_ERROR_NEW = Metric(
    "relative_error_new",
    "Rel. error, new",
    "relative",
    note="Rel. error, new: norm of the error over norm of the truth at the new wavenumbers; 1 "
    "where they are missing from the prediction.",
)
ALIGNED = (
    "Aligned: the prediction interpolated to the finest grid by coordinates, and compared there."
)
PUBLISHED = (
    "Published protocol: the same as if values were those of cell centres, which shifts them; a "
    "score near the floor is the interpolation's."
)
FINEST = {
    (by, kind): Metric(f"mse_{by}_{kind}", f"MSE, {by}, {kind}", "field^2", note=note)
    for by, kinds, note in (
        ("aligned", ("linear", "cubic"), ALIGNED),
        ("published", ("linear", "nearest"), PUBLISHED),
    )
    for kind in kinds
}
"""Scores on the finest grid, by the kind of interpolation."""

FLOORS = {
    metric.name: Metric(
        f"floor_{metric.name}",
        f"{metric.label}, floor",
        "field^2",
        note="Floor: the same score of the exact solution on the level's grid.",
    )
    for metric in FINEST.values()
}
"""Scores of the exact solution, by the names of those that they are beside."""

METRICS = (
    *(MSE, MSE_OLD, MSE_NEW, SPECTRUM_ERROR_NEW, RELATIVE_ERROR_NEW),
    *(*FINEST.values(), *FLOORS.values()),
)


def exact(state: Array, finest: Grid, level: Grid) -> Float:
    """Return the exact solution on a level, as one sample, of which the scores are the floors.

    Args:
        state: All frames on the finest grid, `[N, F, g + T, *S]`.
        finest: That grid.
        level: A coarser one.

    Returns:
        `[N, 1, F, t, *s]`, the generated frames.

    Raises:
        GridError: The level is no coarsening of the grid.
    """
    found = restrict(torch.from_numpy(float64(state)), finest.axes("state"), level.axes("state"))
    generated: Float = found[:, None, :, level.given :].numpy()
    return generated


def errors_on_level(
    truth: Array, prediction: Array, level: Grid, coarser: Grid
) -> dict[str, Float]:
    """Return the scores on a level's own grid.

    Args:
        truth: Generated frames `[N, F, t, *s]` on the level's grid.
        prediction: M samples of them, `[N, M, F, t, *s]`.
        level: The grid.
        coarser: The next coarser one, in space alone or in time too.

    Returns:
        By name, `[N]` each; the mean over samples, and that of spectra over fields too.

    Raises:
        ValueError: Shapes do not fit.
        GridError: They do not fit the grids.
    """
    check_shapes(truth, prediction)
    y, x = float64(truth), float64(prediction)
    old, new = old_and_new(x - y[:, None], level, coarser)
    periodic = [axis.boundary == "periodic" for axis in level.space]
    highest = min(axis.count for axis in coarser.space) // 2
    _, energy = energy_spectrum(y, periodic)
    distance = spectrum_distance(energy[:, None], energy_spectrum(x, periodic)[1], above=highest)
    wrong = energy_spectrum(x - y[:, None], periodic)[1][..., highest + 1 :].sum(axis=-1)
    whole = energy[:, None, :, highest + 1 :].sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(whole > 0, np.sqrt(wrong / whole), np.nan)
    return {
        MSE.name: mse(y, x),
        MSE_OLD.name: old,
        MSE_NEW.name: new,
        SPECTRUM_ERROR_NEW.name: distance.mean(axis=(1, 2)),
        RELATIVE_ERROR_NEW.name: relative.mean(axis=(1, 2)),
    }


def old_and_new(error: Float, level: Grid, coarser: Grid) -> tuple[Float, Float]:
    """Mean squares of errors `[N, M, F, t, *s]` at old and at new values, `[N]` each."""
    axes, kept = level.axes("generated"), coarser.axes("generated")
    values = torch.from_numpy(error)
    known = restrict(values, axes, kept)
    places = torch.from_numpy(_old_places(axes, kept))
    left = values.clone()
    averaged = [i for i, (a, b) in enumerate(zip(axes, kept, strict=True)) if a.means and a != b]
    if averaged:
        # What is left of old values is their departure from the mean over the cell.
        source = [
            b if i in averaged else a for i, (a, b) in enumerate(zip(axes, kept, strict=True))
        ]
        means = interpolate(restrict(values, axes, source), source, axes, "nearest")
        left = torch.where(places, left - means, left)
        places = torch.zeros_like(places)
    weight = (~places).double().expand(left.shape)
    of_case = tuple(range(1, left.ndim))
    new = (left.square() * weight).sum(of_case) / weight.sum(of_case)
    return known.square().mean(of_case).numpy(), new.numpy()


def _old_places(axes: Sequence[GridAxis], kept: Sequence[GridAxis]) -> np.ndarray:
    """Where values are old, `[*n]`: points of the coarser axes; anywhere along cells."""
    places = np.ones([axis.count for axis in axes], dtype=bool)
    for position, (axis, coarse) in enumerate(zip(axes, kept, strict=True)):
        if axis == coarse or axis.means:
            continue
        old = np.zeros(axis.count, dtype=bool)
        nearest = np.rint((coarse.coordinates - axis.first) / axis.spacing).astype(int)
        old[nearest] = True
        places &= old.reshape([-1 if i == position else 1 for i in range(len(axes))])
    return places


def mse_aligned(
    state: Array, prediction: Array, finest: Grid, level: Grid, kind: Literal["linear", "cubic"]
) -> Float:
    """Mean squared error on the finest grid of a prediction interpolated by coordinates, `[N]`.

    Args:
        state: All frames on the finest grid, `[N, F, g + T, *S]`; the given ones are those that
            the interpolation starts from.
        prediction: Generated frames on the level's grid, `[N, M, F, t, *s]`.
        finest: The finest grid.
        level: The prediction's.
        kind: Of the interpolation.

    Raises:
        ValueError: Shapes do not fit each other.
        GridError: They do not fit the grids.
    """
    y = torch.from_numpy(float64(state))
    x = torch.from_numpy(float64(prediction))
    first = restrict(y, finest.axes("state"), level.axes("state"))[:, None, :, : level.given]
    all_frames = torch.cat([first.expand(-1, x.shape[1], -1, -1, *x.shape[4:]), x], dim=3)
    found = interpolate(all_frames, level.axes("state"), finest.axes("state"), kind)
    return mse(y[:, :, finest.given :], found[:, :, :, finest.given :])


def mse_published(truth: Array, prediction: Array, kind: Literal["linear", "nearest"]) -> Float:
    """Mean squared error on the finest grid as the published tables have it, `[N]`.

    Args:
        truth: Generated frames on the finest grid, `[N, F, T, *S]`, in one to two axes of space.
        prediction: On a coarser grid, `[N, M, F, t, *s]`.
        kind: Of the interpolation, between values taken as those of cell centres in time and space.
    """
    y, x = float64(truth), float64(prediction)
    mode = {"linear": {2: "bilinear", 3: "trilinear"}[y.ndim - 2], "nearest": "nearest"}[kind]
    flat = torch.from_numpy(x.reshape(-1, *x.shape[2:]))
    found = functional.interpolate(flat, size=y.shape[2:], mode=mode)
    return mse(y, found.reshape(*x.shape[:3], *y.shape[2:]))


def errors_on_finest(
    state: Array, prediction: Array, finest: Grid, level: Grid
) -> dict[str, Float]:
    """Return all scores of `FINEST` by name, `[N]` each; arguments as for :func:`mse_aligned`."""
    truth = state[:, :, finest.given :]
    return {
        metric.name: mse_aligned(state, prediction, finest, level, kind)  # type: ignore[arg-type]
        if by == "aligned"
        else mse_published(truth, prediction, kind)  # type: ignore[arg-type]
        for (by, kind), metric in FINEST.items()
    }
