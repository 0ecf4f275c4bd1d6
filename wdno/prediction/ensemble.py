"""From a trained model and given cases to an ensemble: samples of each case, as a data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from tqdm import tqdm

from wdno import model as models
from wdno import tasks
from wdno.data.netcdf import DataError
from wdno.devices import resolve_device
from wdno.evaluation.predictor import ModelPredictor, at_a_time, require_finite, samples_of
from wdno.options import shown
from wdno.prediction.description import described, origin
from wdno.prediction.inputs import GivenCases
from wdno.prediction.sampler import SamplerError, chosen
from wdno.problem import ProblemError, along

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wdno.model import Model
    from wdno.prediction.inputs import Divide
    from wdno.problem import Problem

BATCH_SIZE = 32
"""Cases that are predicted at a time, where no other number is asked for."""


def predict(
    model: str | Path,
    inputs: str | Path | xr.Dataset,
    *,
    samples: int = 1,
    sampler: Mapping[str, Any] | None = None,
    seed: int = 0,
    cases: int | None = None,
    batch_size: int = BATCH_SIZE,
    device: str = "auto",
) -> xr.Dataset:
    """Predict cases of one's own with a trained model.

    Args:
        model: file of the model, ``model.safetensors``.
        inputs: the cases: a NetCDF file or Zarr folder in the layout of the project's data files
            (:mod:`wdno.prediction.inputs`), such as ``data/test.nc``, or its content. Given frames,
            and forcing where the model has it, are enough.
        samples: samples M of each case; 1 of a model that draws nothing.
        sampler: name, steps and options of the sampler, as in the configuration, such as
            ``{"name": "ddim", "steps": 4, "eta": 0.0}``; None: see
            :func:`wdno.prediction.sampler.chosen`.
        seed: of the noise; sample m of case k depends on the seed, k and m alone.
        cases: the first ones, so many; None: all.
        batch_size: most cases that are predicted at a time.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Returns:
        The generated fields ``[sample, realization, time, *space]``: the frames after the given
        ones, with coordinates and units of the inputs, in attributes where all comes from.

    Raises:
        CheckpointError: the model's file is absent or damaged.
        DataError: the inputs do not fit the model, or a value is not finite.
        SamplerError: the model has no such sampler.
        ProblemError: a model of this task is not asked by what files hold.
        FloatingPointError: a prediction is not finite.
    """
    forecast = Forecast(model, inputs, samples=samples, sampler=sampler, seed=seed, cases=cases)
    return forecast.draw(batch_size=batch_size, device=device)


class Forecast:
    """A prediction that is asked for: all is checked, nothing is drawn yet.

    Attributes:
        model: the model, on the grid of the inputs.
        facts: what its training left beside the weights.
        inputs: the cases.
        cases: how many of them, N.
        samples: of each case, M.
        sampling: options of the sampler; None of a model that draws nothing.
        seed: of the noise.
    """

    def __init__(
        self,
        model: str | Path,
        inputs: str | Path | xr.Dataset,
        *,
        samples: int = 1,
        sampler: Mapping[str, Any] | None = None,
        seed: int = 0,
        cases: int | None = None,
    ) -> None:
        """Load and compare model and inputs; see :func:`predict`."""
        self.path, self.source, self.seed = Path(model), inputs, seed
        self.model, self.facts = models.load(self.path)
        self.sampling = chosen(self.model, sampler)
        if samples < 1 or (samples > 1 and self.sampling is None):
            what = "draws nothing: all samples would be the same" if samples > 1 else "predicts"
            raise SamplerError(
                f"samples: expected {'at least ' * (samples < 1)}1, got {samples}: the model {what}"
            )
        problem = self.model.problem
        divide = _divide(self.path, problem, str(self.facts["task"]))
        self.inputs = GivenCases(inputs, problem, divide, stepwise=self.model.stepwise)
        if self.inputs.problem.grid != problem.grid:
            self.model = _on_grid(self.model, self.inputs)
        self.cases = _count(cases, self.inputs)
        self.samples = samples
        # Before the first case is drawn, which may be hours before the last.
        for rows in self._batches(BATCH_SIZE):
            self.inputs.batch(rows)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of all samples of each generated part, ``[N, M, C, ...]``."""
        grid = self.model.problem.grid
        return {
            part.name: (self.cases, self.samples, len(part.fields), *along(part.span, grid))
            for part in self.model.problem.generated
        }

    @property
    def nbytes(self) -> int:
        """Bytes of all samples, not compressed."""
        return 4 * sum(int(np.prod(shape)) for shape in self.shapes.values())

    def _batches(self, batch_size: int) -> list[NDArray[np.int64]]:
        """Return the numbers of the cases, so many at a time."""
        size = at_a_time(batch_size, self.model.problem.grid)
        starts = range(0, self.cases, size)
        return [np.arange(start, min(start + size, self.cases)) for start in starts]

    def draw(self, *, batch_size: int = BATCH_SIZE, device: str = "auto") -> xr.Dataset:
        """Draw the samples; see :func:`predict`."""
        if batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {batch_size}")
        computed_on = resolve_device(device)
        asked = ModelPredictor(
            self.model, seed=self.seed, sampling=self.sampling, device=computed_on
        )
        drawn = {name: np.empty(shape, np.float32) for name, shape in self.shapes.items()}
        with tqdm(total=self.cases, desc="predict", unit="case", mininterval=1.0) as progress:
            for rows in self._batches(batch_size):
                batch = self.inputs.batch(rows)
                for name, values in samples_of(asked, batch, self.samples).items():
                    require_finite(values, batch["index"], f"predict {self.path}")
                    drawn[name][rows] = values.numpy()
                progress.update(len(rows))
        return described(self.inputs, self.model.problem, drawn).assign_attrs(
            origin(
                self.inputs,
                self.path,
                self.facts,
                source=self.source,
                sampler=self.sampling,
                seed=self.seed,
                samples=self.samples,
                device=str(computed_on),
            )
        )


def _divide(path: Path, problem: Problem, task: str) -> Divide:
    """Return what makes the given parts of a model of a task.

    Raises:
        ProblemError: the task has no such function, or the model sees single frames.
    """
    found: Divide | None = getattr(tasks.REGISTRY.module(task, "problem"), "given", None)
    names = [part.name for part in problem.given]
    if found is None or problem.levels or "first" not in names:
        raise ProblemError(
            f"model {path}: of the task {task!r}, given {', '.join(names)}; expected one that is "
            "given what a data file holds, such as one of simulation. `wdno evaluate` asks the "
            "models of every task"
        )
    return found


def _on_grid(model: Model, inputs: GivenCases) -> Model:
    """Return the model on the grid of the inputs.

    Raises:
        DataError: it does not take that grid.
    """
    grid = inputs.problem.grid
    try:
        return model.on_grid(grid)
    except ValueError as error:
        raise DataError(
            f"{inputs.where}: the grid is {shown(grid)}, the model was trained on "
            f"{shown(model.problem.grid)} and cannot take it: {error}"
        ) from error


def _count(cases: int | None, inputs: GivenCases) -> int:
    there = len(inputs)
    wanted = there if cases is None else cases
    if not 1 <= wanted <= there:
        raise DataError(
            f"{inputs.where}: holds {there} cases, {'all' if cases is None else cases} are to be "
            "predicted; expected at least 1 and no more than there are"
        )
    return wanted
