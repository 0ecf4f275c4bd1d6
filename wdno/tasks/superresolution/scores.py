"""All scores of predictions on every level, and the cases that a record keeps whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from wdno.data.dataset import Trajectories
from wdno.evaluation.record import CASE
from wdno.evaluation.scores.levels import FLOORS, errors_on_finest, errors_on_level, exact
from wdno.evaluation.scores.pointwise import MSE, mse
from wdno.evaluation.scores.residual import residuals
from wdno.evaluation.scores.spectrum import energy_spectrum
from wdno.grids.axis import GridError
from wdno.options import shown
from wdno.tasks.superresolution.similarity import MEASURES, measures, similarity

if TYPE_CHECKING:
    import torch

    from wdno.equation import Equation
    from wdno.evaluation.scores.pointwise import Float
    from wdno.grids.levels import Grid

LEVEL, FIELD = "level", "field"


class Scoring:
    """Scores of batches of cases, put together in the end."""

    def __init__(
        self, fine: Trajectories, grids: Sequence[Grid], kept: int, equation: Equation | None
    ) -> None:
        """Begin.

        Args:
            fine: the finer test set.
            grids: of all levels, that of the test set last.
            kept: how many cases are kept whole.
            equation: what predictions are held against on every level; None: nothing.
        """
        self._fine, self._grids, self._wanted, self._equation = fine, grids, kept, equation
        self._coarser = [_below(grids[0], grids[1]), *grids[:-1]]
        self._levels: list[dict[str, Float]] = []
        self._fields: list[Float] = []
        self._curves: list[dict[str, Float]] = []
        self._alike: list[list[dict[str, Float]]] = []
        self._kept: list[dict[str, np.ndarray]] = []

    def add(self, stored: Mapping[str, torch.Tensor], predictions: Sequence[np.ndarray]) -> None:
        """Score a batch.

        Args:
            stored: the cases on the finest grid, as the data file has them.
            predictions: of each level ``[N, M, F, t, *s]``.
        """
        state, grids = stored["state"].numpy(), self._grids
        truths = [exact(state, grids[-1], grid)[:, 0] for grid in grids]
        self._levels.append(_scores(stored, truths, predictions, grids, self._equation))
        error = predictions[-1] - truths[-1][:, None]
        self._fields.append(np.square(error).mean(axis=(1, *range(3, error.ndim))).T)
        self._curves.append(_spectra(truths, predictions, grids))
        self._alike.append(
            [
                similarity(state, truth, grids[-1], grid, coarser)
                for truth, grid, coarser in zip(truths, grids, self._coarser, strict=True)
            ]
        )
        if (wanted := max(self._wanted - int(stored["index"][0]), 0)) > 0:
            self._kept.append(_kept(truths, predictions, wanted))

    def scores(self) -> xr.Dataset:
        """Return the scores of a record: of each level, and those of the finest by themselves."""
        names = [shown(grid.shape) for grid in self._grids]
        whole = {
            name: np.concatenate([part[name] for part in self._levels], axis=1)
            for name in self._levels[0]
        }
        cases = len(whole[MSE.name][0])
        scores = xr.Dataset(
            coords={
                CASE: np.arange(cases),
                LEVEL: names,
                FIELD: list(self._fine.layout.state),
            }
        )
        for name, values in whole.items():
            scores[name] = (CASE,), values[-1]
        for name, values in whole.items():
            scores[f"{LEVEL}_{name}"] = (LEVEL, CASE), values
        scores[f"{FIELD}_{MSE.name}"] = (FIELD, CASE), np.concatenate(self._fields, axis=1)
        of_levels = [
            measures({name: np.concatenate([part[name] for part in of]) for name in of[0]})
            for of in zip(*self._alike, strict=True)
        ]
        for name in MEASURES:
            scores[name] = LEVEL, [one[name] for one in of_levels]
        for name in self._curves[0]:
            shells = f"wavenumber_{name.rsplit('_', 1)[1]}"
            values = np.concatenate([curve[name] for curve in self._curves]).mean(axis=0)
            scores[name] = (FIELD, shells), values
            scores = scores.assign_coords({shells: np.arange(values.shape[-1], dtype=np.float64)})
        return scores

    def examples(self) -> xr.Dataset:
        """Return the cases that are kept whole."""
        return _examples(self._fine, self._kept, self._grids)


def _below(grid: Grid, finer: Grid) -> Grid | None:
    """Return the grid that is to another as that to a finer one; None if it cannot be halved."""
    try:
        return grid.coarser(time=grid.intervals != finer.intervals)
    except GridError:
        return None


def _spectra(
    truths: Sequence[Float], predictions: Sequence[np.ndarray], grids: Sequence[Grid]
) -> dict[str, Float]:
    """Energy spectra of truth and predictions on every level, ``[N, F, K]`` each."""
    found = {}
    for number, (truth, prediction, grid) in enumerate(
        zip(truths, predictions, grids, strict=True)
    ):
        periodic = [axis.boundary == "periodic" for axis in grid.space]
        found[f"spectrum_truth_{number}"] = energy_spectrum(truth, periodic)[1]
        drawn = energy_spectrum(prediction.astype(np.float64), periodic)[1]
        found[f"spectrum_prediction_{number}"] = drawn.mean(axis=1)
    return found


def _scores(
    stored: Mapping[str, torch.Tensor],
    truths: Sequence[Float],
    predictions: Sequence[np.ndarray],
    grids: Sequence[Grid],
    equation: Equation | None,
) -> dict[str, Float]:
    """All scores, ``[L, N]`` each; NaN where a level does not have them."""
    finest, (state, forcing) = grids[-1], (stored[of].numpy() for of in ("state", "forcing"))
    found: list[dict[str, Float]] = []
    for number, (truth, prediction, grid) in enumerate(
        zip(truths, predictions, grids, strict=True)
    ):
        if number:
            row = errors_on_level(truth, prediction, grid, grids[number - 1])
        else:
            row = {MSE.name: mse(truth, prediction)}
        row |= errors_on_finest(state, prediction, finest, grid)
        floor = errors_on_finest(state, truth[:, None], finest, grid)
        row |= {FLOORS[name].name: values for name, values in floor.items()}
        if equation is not None:
            row |= residuals(equation, state, forcing, prediction, finest, grid)
        found.append(row)
    nothing = np.full(len(state), np.nan)
    return {name: np.stack([row.get(name, nothing) for row in found]) for name in found[-1]}


def _kept(
    truths: Sequence[Float], predictions: Sequence[np.ndarray], count: int
) -> dict[str, np.ndarray]:
    found = {}
    for number, (truth, prediction) in enumerate(zip(truths, predictions, strict=True)):
        found[f"truth_{number}"] = truth[:count].astype(np.float32)
        found[f"prediction_{number}"] = prediction[:count, 0].copy()
    return found


def _examples(
    fine: Trajectories, kept: Sequence[Mapping[str, np.ndarray]], grids: Sequence[Grid]
) -> xr.Dataset:
    """Truth and prediction of the first cases on every level, with its axes."""
    layout = fine.layout
    space = [str(dim) for dim in fine.dataset[layout.state[0]].dims[2:]]
    together = {name: np.concatenate([one[name] for one in kept]) for name in kept[0]}
    count = len(next(iter(together.values())))
    examples = xr.Dataset(
        coords={
            "example": fine.dataset["sample"].to_numpy()[:count],
            "field": list(layout.state),
        }
    )
    for number, grid in enumerate(grids):
        dims = [f"{name}_{number}" for name in ("time", *space)]
        for name, axis in zip(dims, grid.axes("generated"), strict=True):
            examples = examples.assign_coords({name: axis.coordinates})
        for kind in ("truth", "prediction"):
            values = together[f"{kind}_{number}"]
            examples[f"{kind}_{number}"] = ("example", "field", *dims), values
    return examples
