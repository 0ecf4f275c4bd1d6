"""From a job to what its controller works with: the system, J, the data as problems."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

import torch

from wdno import systems, tasks
from wdno.controlled import Controlled
from wdno.data.dataset import ProblemData, Trajectories
from wdno.problem import ProblemError
from wdno.runtime import resolve_device
from wdno.tasks.control import problem
from wdno.tasks.control.controllers.base import Setting
from wdno.tasks.control.objective import CountedObjective
from wdno.tasks.control.options import controller_of

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
        ProblemError: a weight is of no term of J.
        DataError: the file is damaged.
    """
    options = cast("Options", job.task_options)
    system = systems.REGISTRY.load(job.system)(job.system_options)
    data = problem.data(Trajectories(job.split(split)), options)
    setting = Setting(
        job=job,
        objective=CountedObjective(system, weights_of(system, options), threads=job.threads),
        grid=data.problem.grid,
        device=resolve_device() if controller_of(job.options).trained_for else torch.device("cpu"),
        open=partial(_open, job, job.task),
        problem_of=lambda split, task, framewise: _open(job, task, split, framewise),
        split=split,
    )
    return setting, data


def weights_of(system: Controlled, options: Options) -> Mapping[str, float]:
    """Return the weight of each term of J of a run.

    Raises:
        ProblemError: a weight is of no term.
    """
    unknown = [name for name in options.weights if name not in system.term_weights]
    if unknown:
        raise ProblemError(
            f"control: weights of {', '.join(unknown)}: J of this system has the terms "
            f"{', '.join(system.term_weights)}"
        )
    return {**system.term_weights, **options.weights}


def _open(job: Job, task: str, split: str, framewise: bool = False) -> ProblemData:
    """Open a data file of the job as the problem of a task."""
    room = tasks.REGISTRY.module(task, "problem")
    data: ProblemData = room.data(Trajectories(job.split(split)), None, framewise=framewise)
    return data
