"""From a job to what its controller works with: the system, J, the data as problems."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from wdno import systems, tasks
from wdno.data.dataset import ProblemData, Trajectories
from wdno.devices import resolve_device
from wdno.tasks.control import problem
from wdno.tasks.control.cases import cases
from wdno.tasks.control.controllers.base import Setting
from wdno.tasks.control.noise import ControlNoise, bounds
from wdno.tasks.control.objective import CountedObjective, weights_of
from wdno.tasks.control.options import controller_of, noise_of

if TYPE_CHECKING:
    from wdno.evaluation.job import Job
    from wdno.tasks.control.options import Options


def setting_of(job: Job, split: str = "test") -> tuple[Setting, ProblemData]:
    """Return what the controller of a job works with, and the cases.

    Args:
        job: the method, its options and its files.
        split: whose cases are controlled.

    Raises:
        EvaluationError: the job has no file of the split.
        ProblemError: a weight is of no term of J, or noise has bounds of another number of
            components.
        DataError: the file is damaged.
    """
    options = cast("Options", job.task_options)
    system = systems.REGISTRY.load(job.system)(job.system_options)
    data = problem.data(Trajectories(job.split(split)), options)
    objective = CountedObjective(system, weights_of(system, options), threads=job.threads)
    objective.noise = _noise(job, objective.mask)
    setting = Setting(
        job=job,
        objective=objective,
        grid=data.problem.grid,
        device=resolve_device() if controller_of(job.options).trained_for else torch.device("cpu"),
        open=partial(_open, job, job.task),
        problem_of=lambda split, task, framewise: _open(job, task, split, framewise),
        split=split,
    )
    return setting, data


def _open(job: Job, task: str, split: str, framewise: bool = False) -> ProblemData:
    """Open a data file of the job as the problem of a task."""
    room = tasks.REGISTRY.module(task, "problem")
    options = job.task_options if task == job.task else None
    data: ProblemData = room.data(Trajectories(job.split(split)), options, framewise=framewise)
    return data


def _noise(job: Job, mask: Tensor) -> ControlNoise | None:
    options = noise_of(job.options)
    if options.probability == 0:
        return None
    low, high = options.low, options.high
    if low is None or high is None:
        train = _open(job, job.task, "train")
        low, high = bounds((some.own for some in cases(train, job.evaluation.batch_size)), mask)
    return ControlNoise(options.probability, low, high, mask)
