"""From a method and the finer test set to a record: every level predicted, scored and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
import xarray as xr
from tqdm import tqdm

from wdno.data.coarser import levels_below
from wdno.data.dataset import Trajectories
from wdno.data.grid import grid_of
from wdno.devices import resolve_device
from wdno.equation import equation_of
from wdno.evaluation.predictor import MOST_POINTS, require_finite
from wdno.evaluation.record import Record
from wdno.networks.tiling import Tiled
from wdno.options import shown
from wdno.problem import ProblemError
from wdno.provenance import provenance
from wdno.tasks.superresolution.base_model import require_base
from wdno.tasks.superresolution.cascade import Cascade, Learned
from wdno.tasks.superresolution.options import Options
from wdno.tasks.superresolution.problem import problem
from wdno.tasks.superresolution.scores import LEVEL, Scoring
from wdno.tasks.superresolution.sections import section_of

if TYPE_CHECKING:
    from wdno.equation import Equation
    from wdno.evaluation.job import Job
    from wdno.grids.levels import Grid
    from wdno.model import Model


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
        if role == "base":
            require_base(model, fine.layout, grids[0], path, job.checkpoint(role))
        else:
            _require(model, fine, grids[0], options, path, job.checkpoint(role))
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
            periodic = (False, *refine.model.wraps)
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
        batch_size=job.batch_size,
        examples=min(job.evaluation.examples, cases),
        equation=equation_of(job.system, job.system_options),
        description=job.description,
    )
    seconds = np.array(cascade.seconds) / (cases * job.options.samples)
    scores["seconds"] = LEVEL, seconds
    dims = [str(dim) for dim in fine.dataset[fine.layout.state[0]].dims[1:]]
    # Of a method without a super-resolution model what is learned is its base.
    learned: tuple[Model | None, dict[str, Any]] = models.get(
        "model", models.get("base", (None, {}))
    )
    cost = job.cost(*learned, float(seconds.sum()), device)
    return Record(
        identity=job.identity(fine, dict(zip(dims, grids[-1].shape, strict=True))),
        design=job.design(
            learned[0],
            base=section.base.model or "exact solution",
            base_sampler=base.sampling if base is not None else None,
            refine=job.options.baseline or "model",
            impose=section.impose,
            tile=section.tile,
            **({"noise": section.noise} if section.noise else {}),
        ),
        cost=cost.with_evaluations(cascade.evaluations),
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


def _require(
    model: Model, fine: Trajectories, grid: Grid, options: Options, path: object, file: object
) -> None:
    """Refuse a model of another grid, other fields or another domain.

    Extents of a grid that is halved differ from stored ones by rounding, and are not compared; the
    scene of a finer grid has another digest.
    """
    layout = replace(fine.layout, grid=grid.shape, given_frames=grid.given, scene="")
    own = model.problem
    like = replace(own, scene="", extent=())
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
    scoring = Scoring(fine, grids, examples, equation)
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
            scoring.add(stored, [level.numpy() for level in levels])
            progress.update(len(index))
    scores = scoring.scores()
    scores["memory"] = LEVEL, np.array(memory) / 1e6
    return scores, scoring.examples()
