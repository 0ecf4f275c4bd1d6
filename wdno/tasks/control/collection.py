"""Further training data: what the solver makes of a method's controls on the training cases.

A generative model proposes what it has seen, and the training set was drawn without regard to cost.
Trajectories under controls that a method found, solved by the true solver, show it cheaper ones
(SEDC, arXiv 2502.17893: sample, simulate, add, train again). Each starts as a training case and is
controlled towards the target of that case; what it is an example of is what it really reaches, its
last state, as of any other trajectory.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wdno import systems
from wdno.data.generate import part_size, solve_parts
from wdno.data.netcdf import DataError
from wdno.files import digest_of
from wdno.solvers.grids import DivergedError
from wdno.systems.base import SEED
from wdno.tasks.control import controllers
from wdno.tasks.control.cases import cases_at
from wdno.tasks.control.options import controller_of
from wdno.tasks.control.setting import setting_of

if TYPE_CHECKING:
    from wdno.evaluation.job import Job

logger = logging.getLogger(__name__)

SPLIT = "train"


def collect(job: Job, *, cases: int | None, output: Path, state: Path, code: str) -> None:
    """Solve training cases under the controls of a method; write them as a data file.

    Args:
        job: the method, its options and its files: the training set, what else its controller
            reads, and its checkpoint if it has one.
        cases: training cases, from the first on; None: all.
        output: the file, in the format of ``wdno generate``.
        state: folder of finished parts, from which an interrupted call continues.
        code: digest of the code that makes the data; parts made by other code are discarded.

    Raises:
        ControlError: a control is none of the system.
        CheckpointError: the method's model is not trained, or its file is damaged.
        DataError: there are fewer training cases.
        DivergedError: a solution under a control is not finite or unstable.
        ProblemError: the model was trained on other data.
    """
    setting, data = setting_of(job, SPLIT)
    objective, chosen = setting.objective, controller_of(job.options)
    count = len(data) if cases is None else cases
    if count > len(data):
        raise DataError(
            f"data file {job.split(SPLIT)}: {count} cases are to be controlled, it holds "
            f"{len(data)}; lower `cases`, or draw more"
        )
    controller = controllers.REGISTRY.load(chosen.name)(setting, chosen)
    seeds = data.trajectories.dataset[SEED.name].to_numpy()

    def solve(part: range) -> Mapping[str, np.ndarray]:
        some = cases_at(data, np.arange(part.start, part.stop))
        control = objective.require(some, controller(some))
        try:
            samples = objective.system.sampled(some.first, control, threads=job.threads)
        except DivergedError as error:
            at_fault = [part.start + sample for sample in error.samples]
            problem = f"{job.description}, training cases {at_fault}: {error.problem}"
            raise DivergedError(at_fault, problem, error.remedy) from error
        return {**samples, SEED.name: seeds[part.start : part.stop]}

    system = systems.REGISTRY.load(job.system)(job.system_options)
    settings = job.system_options.model_dump(mode="json")
    solve_parts(
        system,
        solve,
        count=count,
        size=min(part_size(system), job.batch_size),
        key={"fingerprint": _fingerprint(job), "code": code},
        description=f"{job.description}, training cases",
        output=output,
        state=state,
        attributes={
            "split": SPLIT,
            "config": settings,
            "code": code,
            "collected": _identity(job) | {"notes": controller.notes},
        },
    )
    logger.info("%s: %d trajectories; %s", job.description, count, controller.notes or "no notes")


def _identity(job: Job) -> dict[str, Any]:
    """What the controls are of, as plain values."""
    models = {role: digest_of(path) for role, path in job.models.items()}
    return {
        "method": job.method,
        "task": job.task,
        "seed": job.seed,
        "options": job.options.model_dump(mode="json", exclude={"label"}),
        "models": models,
    }


def _fingerprint(job: Job) -> str:
    """Identify what parts belong to: the method with its models, the system, the data."""
    data = {name: digest_of(path) for name, path in job.data.items()}
    system = job.system_options.model_dump(mode="json")
    weights = job.task_options.model_dump(mode="json", exclude=set(job.task_options.showing))
    given = [_identity(job), system, weights, job.batch_size, data]
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()
