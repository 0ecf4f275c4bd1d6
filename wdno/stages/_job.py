"""A method of a task as a job, whether it is evaluated or its controls are collected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wdno import config as configuration
from wdno.evaluation.job import Job
from wdno.runtime import set_threads
from wdno.stages._files import require_files


def job_of(
    config: configuration.Config,
    *,
    system: str,
    task: str,
    method: str,
    seed: int,
    data: Mapping[str, Path],
    statistics: Path | None,
    models: Mapping[str, Path],
    threads: int,
    split: str = "test",
) -> Job:
    """Return the job of a method, once its files are known to be those that it needs.

    Args:
        config: the configuration.
        system: name of the system.
        task: name of the task.
        method: name of the method.
        seed: seed of the training, and of the samples.
        data: data files by their splits.
        statistics: of the training set, where it is read.
        models: trained models by their roles.
        threads: processor threads.
        split: whose cases it is asked for.

    Raises:
        ConfigError: the system, the task or the method is not configured, or the files are not
            those that the method needs.
    """
    options = configuration.method(config, system, method)
    configured = configuration.tasks(config, system)
    if task not in configured:
        raise configuration.ConfigError(
            f"systems.{system}.tasks: {task!r} is not configured; configured: "
            f"{', '.join(configured)}"
        )
    task_options = configured[task]
    owner = f"method {method!r}"
    require_files(owner, "--data", data, task_options.splits(options, split))
    require_files(owner, "--model", models, task_options.checkpoints(task, options))
    return Job(
        run=config.run,
        system=system,
        system_options=configuration.system(config, system).options,
        task=task,
        method=method,
        seed=seed,
        options=options,
        task_options=task_options,
        evaluation=config.evaluation,
        data=data,
        statistics=statistics,
        models=models,
        threads=set_threads(threads),
    )
