"""What a model is trained on and validated with, as its task makes it of data files."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wdno import tasks
from wdno.data import HALVED

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions
    from wdno.data.dataset import ProblemData, Trajectories
    from wdno.tasks.base import TaskOptions


def sets_of(
    trajectories: Sequence[Trajectories],
    options: ModelOptions,
    task: str,
    task_options: TaskOptions | None,
    needs: Mapping[str, Path],
    known: int | None,
    seed: int,
) -> list[ProblemData]:
    """Return training and validation data as the task's problem.

    Args:
        trajectories: training and validation data.
        options: of the model.
        task: name of the task.
        task_options: its options.
        needs: trained models by their roles.
        known: how many training samples those know whose outputs the model learns from, see
            :func:`wdno.config.known_samples`; None: it learns from no outputs.
        seed: of outputs that are drawn.

    Raises:
        CheckpointError: a model whose outputs are learnt from is not trained.
        ProblemError: it is one of another problem, or the data have not the parts that the model is
            to generate.
        DataError: the data do not suit the task, or no sample is left to make outputs of.
    """
    opened = partial(
        tasks.REGISTRY.module(task, "problem").data, framewise=options.objective.framewise
    )
    if hasattr(tasks.REGISTRY.light(task), "ModelSection"):
        opened = partial(opened, section=getattr(options, task))
    further: list[dict[str, Any]] = [{} for _ in trajectories]
    if known is not None:
        make = partial(tasks.REGISTRY.module(task, "outputs").predicted, seed=seed)
        section = getattr(options, task)
        # Models never learn from validation data.
        further = [
            {"predicted": make(one, task_options, section, needs, first=first)}
            for one, first in zip(trajectories, (known, 0), strict=True)
        ]

    def made(one: Trajectories, **more: Any) -> ProblemData:
        found: ProblemData = opened(one, task_options, **more)
        return found.generating(options.generates)

    if options.data.mixed:
        # By name: only trainings on several grids depend on it.
        several = importlib.import_module(HALVED).HalvedData
        return [several(one, options.data.halvings, made) for one in trajectories]
    return [made(one, **more) for one, more in zip(trajectories, further, strict=True)]
