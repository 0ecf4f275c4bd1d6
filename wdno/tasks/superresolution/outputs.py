r"""Training on a base model's predictions of samples that it has not learnt from.

A super-resolution model is trained on what is exact, and used on what a base model predicts. It
then takes every error of that for the solution. Here the coarser state in training is a prediction
too, as the inputs of stacked models are (Wolpert, Neural Networks 5, 1992): with the base model
$b$, the restriction $R$ to half of the stored grid and a sample that $b$ has not learnt from,

$$ \text{given } R\, b(f, u_0), \qquad \text{to be generated } u, $$

where $u$ is the exact solution on the stored grid. Of samples that $b$ has learnt from the errors
would be smaller than those in use, so only the others are predicted.

All pairs of the stored grid with its half are such; samples that $b$ has learnt from serve on
coarser pairs alone, which have the exact solution unless `pairs` says otherwise. Exact ones among
the finest would teach that what is given can be trusted, and nothing tells them apart: the model
would learn a mean of the two, though in use it never meets an exact one.

What is learnt is the mean error of the base, which an objective that draws only adds to. Scales of
a level are those of what there is to be generated, errors included: with predictions on one level
of two they are not alike, and continue to finer grids as too large (`docs/superresolution.md`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from wdno import model as models
from wdno.data.coarser import levels_below, restricted
from wdno.data.grid import grid_of
from wdno.data.netcdf import DataError
from wdno.devices import resolve_device
from wdno.evaluation.predictor import MOST_POINTS, require_finite
from wdno.tasks.superresolution.base_model import require_base
from wdno.tasks.superresolution.cascade import Cascade, Learned, with_first
from wdno.tasks.superresolution.options import OUTPUTS

if TYPE_CHECKING:
    from wdno.data.dataset import Trajectories
    from wdno.grids.levels import Grid
    from wdno.tasks.superresolution.options import Options
    from wdno.tasks.superresolution.sections import LevelsSection, OutputsSection

logger = logging.getLogger(__name__)

AT_ONCE = 100
"""Samples that are predicted at a time, at most."""


class Predicted:
    """Predictions of the last samples of a data file, on half of its grid, in memory.

    Attributes:
        first: number of the first sample that is predicted; all after it are, too.
        pairs: pairs of grids, from the finest on, whose coarser solution they are.
    """

    def __init__(self, first: int, pairs: int, grid: Grid, parts: Mapping[str, Tensor]) -> None:
        """Keep predictions.

        Args:
            first: number of the first sample.
            pairs: pairs of grids that they are for.
            grid: half of the file's.
            parts: `state` ``[N, F, g + t, *s]`` and, where there are series, `series`
                ``[N, S, g + t]``, of all samples from the first on, given frames included.
        """
        self.first, self.pairs = first, pairs
        self._grid, self._parts = grid, dict(parts)

    def on(self, grid: Grid, samples: np.ndarray) -> dict[str, Tensor]:
        """Return what is predicted of samples on half of the file's grid, or on a coarser one.

        Args:
            grid: the grid.
            samples: numbers in the file, none below the first.
        """
        rows = torch.from_numpy(np.asarray(samples, dtype=np.int64) - self.first)
        chosen = {name: values[rows] for name, values in self._parts.items()}
        return restricted(chosen, self._grid, grid, ("state", "series"))


def predicted(
    trajectories: Trajectories,
    options: Options | None,
    section: LevelsSection,
    needs: Mapping[str, Path],
    *,
    first: int,
    seed: int,
) -> Predicted:
    """Predict samples of a data set by the trained model that `outputs` of a model names.

    One prediction of each sample, whose noise depends on the seed and its number alone: a training
    that goes on makes the same ones again.

    Args:
        trajectories: the data set.
        options: of the task.
        section: how the super-resolution model is trained, with `outputs`.
        needs: the trained model, under the role `outputs`.
        first: number of the first sample that the model has not learnt from.
        seed: of the noise.

    Raises:
        CheckpointError: the model is not trained, or its file is damaged.
        ProblemError: it was trained on another grid or other fields.
        DataError: no sample is left, or the grid cannot be halved.
        FloatingPointError: a prediction is not finite; the message names the sample.
    """
    outputs, file, count = section.outputs, needs[OUTPUTS], len(trajectories)
    if outputs is None:
        raise ValueError("super-resolution: predictions to train on are asked for without outputs")
    if first >= count:
        raise DataError(
            f"data file {trajectories.path}: the model {file} has learnt from the first {first} of "
            f"the {count} samples that are trained on, which leaves none to predict; train it on "
            "fewer, by data.samples"
        )
    grids = levels_below(grid_of(trajectories.dataset), 1, options is None or options.time)
    cascade = _base(file, outputs, trajectories, grids[0], seed)
    size = int(np.clip(MOST_POINTS // np.prod(grids[0].shape), 1, AT_ONCE))
    label = f"predictions of {trajectories.path.name} by {outputs.model}"
    started, batches = time.perf_counter(), []
    with tqdm(total=count - first, desc=label, unit="case", mininterval=1.0) as progress:
        for start in range(first, count, size):
            samples = np.arange(start, min(start + size, count))
            batches.append(_halved(cascade, trajectories, samples, grids, label))
            progress.update(len(samples))
    seconds = time.perf_counter() - started
    logger.info("%s: samples %d to %d in %.1f s", label, first, count - 1, seconds)
    parts = {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
    return Predicted(first, outputs.pairs, grids[1], parts)


def _base(
    file: Path, outputs: OutputsSection, trajectories: Trajectories, grid: Grid, seed: int
) -> Cascade:
    """Load the model that predicts, as a cascade of the stored grid alone."""
    model, _ = models.load(file)
    require_base(model, trajectories.layout, grid, trajectories.path, file)
    sampler = outputs.sampler
    sampling = None if sampler is None else sampler.model_dump(exclude_none=True)
    return Cascade([grid], Learned(model.to(resolve_device()), sampling), "cubic", seed=seed)


def _halved(
    cascade: Cascade,
    trajectories: Trajectories,
    samples: np.ndarray,
    grids: list[Grid],
    label: str,
) -> dict[str, Tensor]:
    """Predict samples on the stored grid, and restrict that to half of it."""
    grid, half = grids
    stored = trajectories.batch(samples)
    state, series = cascade.predict_base(restricted(stored, grid, grid), grid, stored["index"], 0)
    require_finite(state, stored["index"], label)
    whole = {"state": with_first(state, stored["state"])}
    if series is not None:
        whole["series"] = series
    return restricted(whole, grid, half, ("state", "series"))
