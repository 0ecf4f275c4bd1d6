"""From a trained model, or the baseline, to the record of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import xarray as xr

from wdno.data.dataset import Trajectories
from wdno.devices import resolve_device
from wdno.evaluation.predictor import Draws
from wdno.evaluation.record import Record
from wdno.provenance import provenance
from wdno.tasks.last_frame.metrics import METRICS
from wdno.tasks.last_frame.problem import data as problem_data

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.evaluation.job import Job
    from wdno.problem import Batch, Problem


class Persistence:
    """The baseline: the last given state, at all times."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __call__(self, batch: Batch, sample: int) -> dict[str, Tensor]:
        """Repeat it."""
        latest = self.problem.latest("path", batch)
        return {"path": latest.expand(-1, -1, self.problem.grid[0], *latest.shape[3:])}


def evaluate(job: Job) -> Record:
    """Predict the test cases and score the last frame."""
    trajectories = Trajectories(job.split("test"))
    test = problem_data(trajectories, job.task_options)
    model, metadata, device = None, {}, "cpu"
    predict = Persistence(test.problem)
    if job.options.model is not None:
        model, metadata = job.load()
        model.problem.require(test.problem, job.split("test"), job.checkpoint())
        device = str(resolve_device())
        predict = job.predictor(model, device)
    cases = job.cases(len(test))
    draws = Draws(
        predict,
        test,
        cases=cases,
        samples=job.options.samples,
        batch_size=job.evaluation.batch_size,
        description=job.description,
    )
    section = job.options.last_frame
    shrink = 1.0 if section is None else section.shrink
    truths, ends = [], []
    for batch, drawn in draws:
        truths.append(batch["path"][:, :, -1])
        ends.append(shrink * drawn["path"][:, 0, :, -1])
    truth, end = torch.cat(truths), torch.cat(ends)
    error = (end - truth).double().flatten(1)
    scores = xr.Dataset(
        {
            "last_mse": ("case", error.square().mean(1).numpy()),
            "last_worst": ("case", error.abs().amax(1).numpy()),
        }
    )
    shown = min(job.evaluation.examples, cases)
    ends_shown = {"truth": truth, "prediction": end}
    space = [f"axis{k}" for k in range(truth.ndim - 2)]
    examples = xr.Dataset(
        {
            name: (("example", "field", *space), values[:shown].numpy())
            for name, values in ends_shown.items()
        },
        coords={"example": np.arange(shown), "field": list(trajectories.layout.state)},
    )
    grid = dict(zip(["time", *space], test.problem.grid, strict=True))
    record = Record(
        identity=job.identity(trajectories, grid),
        design=job.design(model, shrink=shrink),
        cost=job.cost(model, metadata, draws.seconds_per_sample, device),
        scores=scores,
        examples=examples,
        provenance=provenance(),
    )
    record.check(METRICS)
    return record
