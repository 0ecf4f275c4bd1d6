"""From a method and the finer test set to a record: every level predicted, scored and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
import xarray as xr
from tqdm import tqdm

from wdno import systems
from wdno.data.dataset import Trajectories
from wdno.data.grid import grid_of
from wdno.equation import Equation
from wdno.evaluation.predictor import MOST_POINTS, require_finite
from wdno.evaluation.record import CASE, Record
from wdno.evaluation.scores.levels import FLOORS, errors_on_finest, errors_on_level, exact
from wdno.evaluation.scores.pointwise import MSE, mse
from wdno.evaluation.scores.residual import residuals
from wdno.evaluation.scores.spectrum import energy_spectrum
from wdno.grids.axis import GridError
from wdno.networks.tiling import Tiled
from wdno.options import shown
from wdno.problem import ProblemError
from wdno.provenance import provenance
from wdno.runtime import resolve_device
from wdno.tasks.superresolution.cascade import Cascade, Learned
from wdno.tasks.superresolution.options import BASE_TASK, Options, section_of
from wdno.tasks.superresolution.problem import levels_below, problem
from wdno.tasks.superresolution.similarity import MEASURES, measures, similarity

if TYPE_CHECKING:
    from wdno.evaluation.job import Job
    from wdno.evaluation.scores.pointwise import Float
    from wdno.grids.levels import Grid
    from wdno.model import Model

LEVEL = "level"


def evaluate(job: Job) -> Record:
    """Predict the cases of the finer test set on every level, and score them.

    Args:
        job: the method, its options and its files: the data of the split `fine`, and the
            checkpoints with the roles `model` and `base`, if the method has them.

    Raises:
        EvaluationError: a file is not among the job's.
        ProblemError: a model was trained on another grid, other fields or another domain.
        DataError: the test set is damaged, or its grid is not the stored one doubled.
        FloatingPointError: a prediction is not finite; the message names the case.
    """
    path = job.split("fine")
    fine = Trajectories(path)
    options = cast(Options, job.task_options)
    grids = levels_of(fine, job.system_options.grid_shape(), options)
    device, section = resolve_device(), section_of(job.options)
    models: dict[str, tuple[Model, dict[str, Any]]] = {}
    for role in job.models:
        model, metadata = job.load(role)
        _require(model, fine, grids[0], options, path, job.checkpoint(role), base=role == "base")
        models[role] = model.to(device).eval(), metadata
    base = None
    if "base" in models:
        sampler = section.base.sampler
        sampling = None if sampler is None else sampler.model_dump(exclude_none=True)
        base = Learned(models["base"][0], sampling)
    refine: Learned | str = str(job.options.baseline)
    if "model" in models:
        refine = Learned(models["model"][0], job.sampling)
        if section.tile is not None:
            periodic = (False, *refine.model.problem.periodic)
            refine.model.objective.surround(partial(Tiled, tile=section.tile, periodic=periodic))
    cascade = Cascade(
        grids, base, refine, impose=section.impose, noise=section.noise, seed=job.seed
    )
    cases = job.cases(len(fine))
    scores, examples = predict_and_score(
        cascade,
        fine,
        samples=job.options.samples,
        cases=cases,
        batch_size=job.evaluation.batch_size,
        examples=min(job.evaluation.examples, cases),
        equation=_equation(job),
        description=job.description,
    )
    seconds = np.array(cascade.seconds) / (cases * job.options.samples)
    scores["seconds"] = LEVEL, seconds
    dims = [str(dim) for dim in fine.dataset[fine.layout.state[0]].dims[1:]]
    refined: tuple[Model | None, dict[str, Any]] = models.get("model", (None, {}))
    return Record(
        identity=job.identity(fine, dict(zip(dims, grids[-1].shape, strict=True))),
        design=job.design(
            refined[0],
            base=section.base.model or "exact solution",
            base_sampler=base.sampling if base is not None else None,
            refine=job.options.baseline or "model",
            impose=section.impose,
            tile=section.tile,
            **({"noise": section.noise} if section.noise else {}),
        ),
        cost=job.cost(*refined, float(seconds.sum()), device),
        scores=scores,
        examples=examples,
        provenance=provenance(),
    )


def levels_of(fine: Trajectories, stored: Sequence[int], options: Options) -> list[Grid]:
    """Return the grids from the stored one to that of the finer test set.

    Raises:
        ProblemError: that is not the stored grid, doubled a whole number of times.
    """
    finest = grid_of(fine.dataset)
    doublings = options.doublings(stored, finest.shape)
    if doublings is None:
        raise ProblemError(
            f"{fine.path}: its grid {shown(finest.shape)} is not the stored grid {shown(stored)}, "
            "doubled a whole number of times; delete it and run again"
        )
    return levels_below(finest, doublings, options.time)[::-1]


def _equation(job: Job) -> Equation | None:
    """Return the system, if it has an equation that predictions can be held against."""
    system = systems.REGISTRY.load(job.system)
    return system(job.system_options) if issubclass(system, Equation) else None


def _require(
    model: Model,
    fine: Trajectories,
    grid: Grid,
    options: Options,
    path: object,
    file: object,
    *,
    base: bool,
) -> None:
    """Refuse a model of another grid, other fields or another domain.

    Extents of a grid that is halved differ from stored ones by rounding, and are not compared; the
    scene of a finer grid has another digest.
    """
    layout = replace(fine.layout, grid=grid.shape, given_frames=grid.given, scene="")
    own = model.problem
    like = replace(own, scene="", extent=())
    if base:
        fields = {part.name: part.fields for part in own.generated}
        wanted = {"state": layout.state} | ({"series": layout.series} if layout.series else {})
        if (own.grid, own.boundaries, fields) == (layout.grid, layout.boundaries, wanted):
            return
        raise ProblemError(
            f"the model {file} of the task {BASE_TASK} generates {fields} on {shown(own.grid)}, "
            f"expected {wanted} on {shown(layout.grid)}, from which {path} is refined; train it "
            "again, or generate the data with the options that the model had"
        )
    made = problem(layout, options)
    expected = replace(
        made, scene="", extent=(), levels=own.levels, given=own.given, generated=own.generated
    )
    like.require(expected, path, file)
    generated = own.part("state").fields
    if generated != layout.state:
        raise ProblemError(
            f"the model {file} generates {', '.join(generated)}, {path} has "
            f"{', '.join(layout.state)}; train it again"
        )


def predict_and_score(
    cascade: Cascade,
    fine: Trajectories,
    *,
    samples: int,
    cases: int,
    batch_size: int,
    examples: int = 1,
    equation: Equation | None = None,
    description: str = "super-resolution",
) -> tuple[xr.Dataset, xr.Dataset]:
    """Predict the first cases on all levels and score them, batch by batch.

    The first case is predicted once more beforehand, untimed, so that start-up is not counted: its
    memory is measured meanwhile, `memory` of each level in MB.

    Args:
        cascade: the method, whose finest grid is that of the data.
        fine: the finer test set.
        samples: samples M of each case.
        cases: number of cases N.
        batch_size: most cases predicted at a time.
        examples: cases that are kept whole.
        equation: what predictions are held against on every level; None: nothing.
        description: name of the progress bar, and of the method in messages.

    Returns:
        Scores and examples of a record.

    Raises:
        FloatingPointError: a prediction is not finite; the message names the case.
    """
    grids = cascade.grids
    size = min(batch_size, max(1, MOST_POINTS // int(np.prod(grids[-1].shape))))
    parts: list[dict[str, Float]] = []
    curves: list[dict[str, Float]] = []
    alike: list[list[dict[str, Float]]] = []
    kept: list[dict[str, Float]] = []
    first = fine.batch(np.arange(1))
    memory = cascade.memory(first, first["index"])
    with tqdm(total=cases, desc=description, unit="case", mininterval=1.0) as progress:
        for start in range(0, cases, size):
            stored = fine.batch(np.arange(start, min(start + size, cases)))
            index = stored["index"]
            drawn = [cascade(stored, index, m) for m in range(samples)]
            levels = [torch.stack(of, dim=1) for of in zip(*drawn, strict=True)]
            for level in levels:
                require_finite(level, index, description)
            state = stored["state"].numpy()
            predictions = [level.numpy() for level in levels]
            parts.append(_scores(stored, predictions, grids, equation))
            curves.append(_spectra(state, predictions, grids))
            pairs = zip(grids, [_below(grids[0], grids[1]), *grids], strict=False)
            alike.append([similarity(state, grids[-1], *pair) for pair in pairs])
            if (wanted := max(examples - start, 0)) > 0:
                kept.append(_kept(state, predictions, grids, wanted))
            progress.update(len(index))
    names = [shown(grid.shape) for grid in grids]
    scores = xr.Dataset(coords={CASE: np.arange(cases), LEVEL: names})
    for name in parts[0]:
        values = np.concatenate([part[name] for part in parts], axis=1)
        scores[f"{LEVEL}_{name}"] = (LEVEL, CASE), values
    finest = scores.isel({LEVEL: -1}, drop=True)
    for name in parts[0]:
        scores[name] = (CASE,), finest[f"{LEVEL}_{name}"].values
    of_levels = [
        measures({name: np.concatenate([part[name] for part in of]) for name in of[0]})
        for of in zip(*alike, strict=True)
    ]
    for name in MEASURES:
        scores[name] = LEVEL, [one[name] for one in of_levels]
    scores["memory"] = LEVEL, np.array(memory) / 1e6
    for name in curves[0]:
        shells = f"wavenumber_{name.rsplit('_', 1)[1]}"
        values = np.concatenate([curve[name] for curve in curves]).mean(axis=0)
        scores[name] = ("field", shells), values
        scores = scores.assign_coords({shells: np.arange(values.shape[-1], dtype=np.float64)})
    scores = scores.assign_coords({"field": list(fine.layout.state)})
    return scores, _examples(fine, kept, grids)


def _below(grid: Grid, finer: Grid) -> Grid | None:
    """Return the grid that is to another as that to a finer one; None if it cannot be halved."""
    try:
        return grid.coarser(time=grid.intervals != finer.intervals)
    except GridError:
        return None


def _spectra(
    state: np.ndarray, predictions: Sequence[np.ndarray], grids: Sequence[Grid]
) -> dict[str, Float]:
    """Energy spectra of truth and predictions on every level, ``[N, F, K]`` each."""
    found = {}
    for number, (grid, prediction) in enumerate(zip(grids, predictions, strict=True)):
        periodic = [axis.boundary == "periodic" for axis in grid.space]
        truth = exact(state, grids[-1], grid)[:, 0]
        found[f"spectrum_truth_{number}"] = energy_spectrum(truth, periodic)[1]
        drawn = energy_spectrum(prediction.astype(np.float64), periodic)[1]
        found[f"spectrum_prediction_{number}"] = drawn.mean(axis=1)
    return found


def _scores(
    stored: Mapping[str, torch.Tensor],
    predictions: Sequence[np.ndarray],
    grids: Sequence[Grid],
    equation: Equation | None,
) -> dict[str, Float]:
    """All scores, ``[L, N]`` each; NaN where a level does not have them."""
    finest, (state, forcing) = grids[-1], (stored[of].numpy() for of in ("state", "forcing"))
    found: list[dict[str, Float]] = []
    for number, (grid, prediction) in enumerate(zip(grids, predictions, strict=True)):
        solution = exact(state, finest, grid)
        if number:
            row = errors_on_level(solution[:, 0], prediction, grid, grids[number - 1])
        else:
            row = {MSE.name: mse(solution[:, 0], prediction)}
        row |= errors_on_finest(state, prediction, finest, grid)
        floor = errors_on_finest(state, solution, finest, grid)
        row |= {FLOORS[name].name: values for name, values in floor.items()}
        if equation is not None:
            row |= residuals(equation, state, forcing, prediction, finest, grid)
        found.append(row)
    nothing = np.full(len(state), np.nan)
    return {name: np.stack([row.get(name, nothing) for row in found]) for name in found[-1]}


def _kept(
    state: np.ndarray, predictions: Sequence[np.ndarray], grids: Sequence[Grid], count: int
) -> dict[str, np.ndarray]:
    found = {}
    for number, (grid, prediction) in enumerate(zip(grids, predictions, strict=True)):
        found[f"truth_{number}"] = exact(state[:count], grids[-1], grid)[:, 0].astype(np.float32)
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
