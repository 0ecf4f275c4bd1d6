"""From a method and a test set to a record: what is predicted, scored and kept.

A predictor sees the given frames and the forcing and returns the frames after them, which are what
is scored; the given frames never enter a score.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from wdno import tasks
from wdno.data import HALVED
from wdno.data.dataset import Trajectories
from wdno.data.measured import MeasuredTrajectories
from wdno.data.scene import SceneMap
from wdno.data.statistics import Statistics, read_statistics
from wdno.devices import resolve_device
from wdno.evaluation.predictor import Draws, OnMeasured, Predictor
from wdno.evaluation.record import CASE, Record
from wdno.evaluation.scores.flow import FlowMeasure
from wdno.evaluation.scores.forecast import latitude_weights
from wdno.provenance import provenance
from wdno.tasks.simulation import baselines, problem
from wdno.tasks.simulation.examples import Examples
from wdno.tasks.simulation.reconstruction import RECONSTRUCTION, reconstruction
from wdno.tasks.simulation.scores import Measure, Series, join, score

if TYPE_CHECKING:
    from pathlib import Path

    from wdno.data.dataset import ProblemData
    from wdno.evaluation.job import Job
    from wdno.model import Model
    from wdno.problem import Batch, Problem
    from wdno.tasks.simulation.options import DrawingSection, Options

STATE, SERIES = "state", "series"


def evaluate(job: Job) -> Record:
    """Predict the test cases with a method and score them.

    Args:
        job: the method, its options and its files: the data of the split `test`, and the checkpoint
            with the role `model` unless the method is a baseline.

    Raises:
        EvaluationError: a file is not among the job's.
        ProblemError: the model was trained on another grid, other fields or another domain.
        DataError: the test set is damaged, or a baseline needs what the data do not have.
        FloatingPointError: a prediction is not finite; the message names the case.
    """
    path = job.split("test")
    options = cast("Options", job.task_options)
    section: DrawingSection | None = getattr(job.options, job.task, None)
    stored = Trajectories(path)
    test = problem.data(_halved(stored, section.halved if section else 0), options)
    statistics = read_statistics(job.statistics_file())
    predict: Predictor
    model: Model | None = None
    metadata: dict[str, Any] = {}
    if job.options.model is None:
        device = torch.device("cpu")
        predict = baselines.build(str(job.options.baseline), test, statistics)
    else:
        device = resolve_device()
        model, metadata = job.load()
        _require_trained(model, problem.problem(stored.layout, options), path, job)
        if section is not None and section.halved:
            model = model.on_grid(test.problem.grid)
        predict = job.predictor(model, device)
        if section is not None:
            guided = tasks.REGISTRY.module(job.task, "guided")
            guided.guide(predict, job, section, test.trajectories, statistics)
    if section is not None and section.noise:
        spread = statistics.standard_deviation
        read = MeasuredTrajectories(test.trajectories, section.noise, spread)
        predict = OnMeasured(predict, problem.data(read, options))
    cases = job.cases(len(test))
    outcome = predict_and_score(
        predict,
        test,
        statistics,
        samples=job.options.samples,
        cases=cases,
        batch_size=job.batch_size,
        examples=min(job.evaluation.examples, cases),
        deterministic=job.deterministic,
        description=job.description,
        device=device,
    )
    scores = outcome.scores
    if model is not None:
        scores[RECONSTRUCTION.name] = CASE, reconstruction(model, test, cases, job.batch_size)
    dims = outcome.examples["truth"].dims[2:]
    return Record(
        identity=job.identity(
            test.trajectories, {str(name): outcome.examples.sizes[name] for name in dims}
        ),
        design=job.design(model, **_chosen(section)),
        cost=job.cost(model, metadata, outcome.seconds, device).with_memory(
            outcome.memory, outcome.batch_size
        ),
        scores=scores,
        examples=outcome.examples,
        provenance=provenance(),
    )


def _halved(stored: Trajectories, halvings: int) -> Trajectories:
    """Return trajectories on the grid that is halved so often."""
    if not halvings:
        return stored
    # By name: only methods on coarser grids depend on it.
    found: Trajectories = importlib.import_module(HALVED).HalvedTrajectories(stored, halvings)
    return found


def _require_trained(model: Model, stored: Problem, path: Path, job: Job) -> None:
    """Refuse data of another problem than the model's; it may have learnt from coarser grids too.

    Raises:
        ProblemError: naming what differs.
    """
    own = model.problem
    same = replace(stored, levels=own.levels, doubled=own.doubled)
    own.require(same, path, job.checkpoint())


def _chosen(section: DrawingSection | None) -> dict[str, Any]:
    """Return what a section chooses, without what is left as it is."""
    values = {} if section is None else section.model_dump(mode="json", exclude_none=True)
    return {name: value for name, value in values.items() if value}


@dataclass(frozen=True)
class Outcome:
    """What a method did on a test set.

    Attributes:
        scores: of a record, on the N cases.
        examples: of a record, the first E cases whole, with their first sample.
        seconds: time of one sample of one case.
        memory: most that predicting a batch took at once, beyond the weights, in MB.
        batch_size: cases of that batch.
    """

    scores: xr.Dataset
    examples: xr.Dataset
    seconds: float
    memory: float
    batch_size: int


def predict_and_score(
    predict: Predictor,
    data: ProblemData,
    statistics: Statistics,
    *,
    samples: int,
    cases: int,
    batch_size: int,
    examples: int = 1,
    deterministic: bool = False,
    description: str = "simulation",
    device: torch.device | str = "cpu",
) -> Outcome:
    """Predict the first cases of a test set and score them, batch by batch.

    Args:
        predict: the method.
        data: the test set.
        statistics: of the training set.
        samples: samples M of each case.
        cases: number of cases N.
        batch_size: most cases predicted at a time, see :class:`Draws`.
        examples: cases that are kept whole, E > 0.
        deterministic: whether the method gives one prediction and no distribution.
        description: name of the progress bar, and of the method in messages.
        device: where the method predicts.

    Raises:
        FloatingPointError: a prediction is not finite; the message names the case.
    """
    draws = Draws(
        predict,
        data,
        cases=cases,
        samples=samples,
        batch_size=batch_size,
        description=description,
        device=device,
    )
    measure = _measure(data.trajectories, statistics, deterministic)
    layout = data.trajectories.layout
    parts: list[xr.Dataset] = []
    kept: list[dict[str, Tensor]] = []
    for batch, drawn in draws:
        series = None
        if layout.series:
            series = Series(layout.series, batch[SERIES], drawn[SERIES])
        parts.append(
            score(
                batch[STATE],
                drawn[STATE],
                layout.state,
                measure=measure,
                climatology=_climatology(data.trajectories, statistics, batch),
                series=series,
            )
        )
        if (wanted := max(examples - int(batch["index"][0]), 0)) > 0:
            kept.append(_first(data, batch, drawn, wanted))
    whole = _examples(data.trajectories, kept)
    scores = join(parts).assign_coords(time=whole["time"])
    blocks = _blocks(data.trajectories)
    if blocks is not None:
        scores = scores.assign_coords(block=("case", blocks[: scores.sizes["case"]]))
    cost = draws.seconds_per_sample, draws.memory, draws.batch_size
    return Outcome(scores, whole, *cost)


def _first(
    data: ProblemData, batch: Batch, drawn: Mapping[str, Tensor], count: int
) -> dict[str, Tensor]:
    """Copies of the first cases of a batch; a view would hold the whole batch."""
    cases = {name: batch[name] for name in drawn}
    cases |= {f"{name}_drawn": samples[:, 0] for name, samples in drawn.items()}
    cases["given"] = data.problem.latest(STATE, batch)[:, :, 0]
    return {name: values[:count].clone() for name, values in cases.items()}


def _examples(data: Trajectories, kept: Sequence[dict[str, Tensor]]) -> xr.Dataset:
    layout = data.layout
    together = {name: torch.cat([cases[name] for cases in kept]).numpy() for name in kept[0]}
    space = [str(name) for name in data.dataset[layout.state[0]].dims[2:]]
    return Examples(
        cases=data.dataset["sample"].to_numpy()[: len(together[STATE])],
        axes={
            "time": data.coordinates["time"][layout.given_frames :],
            **{name: data.coordinates[name] for name in space},
        },
        fields=layout.state,
        truth=together[STATE],
        prediction=together[f"{STATE}_drawn"],
        given=together["given"],
        given_time=float(data.coordinates["time"][layout.given_frames - 1]),
        series=layout.series,
        series_truth=together.get(SERIES),
        series_prediction=together.get(f"{SERIES}_drawn"),
        units={
            str(name): str(variable.attrs.get("units", ""))
            for name, variable in data.dataset.variables.items()
        },
        scene=SceneMap.from_dataset(data.dataset),
    ).dataset()


def _climatology(
    data: Trajectories, statistics: Statistics, batch: Batch
) -> NDArray[np.float32] | None:
    """Hourly mean of the training period at the generated frames, `[B, F, T, *space]`.

    None without a calendar.
    """
    if data.reference_times is None:
        return None
    generated = slice(data.layout.given_frames, None)
    return baselines.climatology(data, statistics, batch, generated)


def _blocks(data: Trajectories) -> NDArray[np.int64] | None:
    """Number the periods, as long as a window, that cases begin in; None without a calendar."""
    if data.reference_times is None:
        return None
    time = data.coordinates["time"]
    length = int(time[-1] - time[0]) + int(time[1] - time[0])
    blocks: NDArray[np.int64] = (data.reference_times - data.reference_times.min()) // length
    return blocks


def _measure(data: Trajectories, statistics: Statistics, deterministic: bool) -> Measure:
    """What the errors of a data set are measured with."""
    layout = data.layout
    space = [str(dim) for dim in data.dataset[layout.state[0]].dims[2:]]
    weights = np.ones(layout.grid[1:])
    latitudes = [data.dataset[name].attrs.get("units") == "degrees_north" for name in space]
    for axis, (name, latitude) in enumerate(zip(space, latitudes, strict=True)):
        if latitude:
            shape = [-1 if i == axis else 1 for i in range(len(space))]
            weights = weights * latitude_weights(data.coordinates[name]).reshape(shape)
    return Measure(
        periodic=[kind == "periodic" for kind in layout.boundaries],
        spreads=statistics.standard_deviation if len(layout.state) > 1 else None,
        weights=weights if any(latitudes) else None,
        flow=_flow(data, space),
        deterministic=deterministic,
    )


def _flow(data: Trajectories, space: Sequence[str]) -> FlowMeasure | None:
    """What the data file says of its mass and its velocity; None: nothing."""
    dataset, state = data.dataset, data.layout.state
    density = dataset.attrs.get("mass_density")
    velocity = str(dataset.attrs.get("divergence_free", "")).split()
    if density is None and not velocity:
        return None
    scene = SceneMap.from_dataset(dataset)
    return FlowMeasure(
        density=None if density is None else state.index(density),
        velocity=tuple(state.index(name) for name in velocity),
        spacing=tuple(float(np.diff(data.coordinates[name]).mean()) for name in space),
        inside=None if scene is None else scene.free(data.layout.grid[1:]),
    )
