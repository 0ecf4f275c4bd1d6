"""Stage ``evaluate``: from trained models and data to errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wdno import config as configuration
from wdno import tasks
from wdno.evaluation.job import Job
from wdno.evaluation.record import Record
from wdno.runtime import set_threads


def evaluate(
    config: Sequence[Path],
    system: str,
    task: str,
    method: str,
    seed: int,
    data: Mapping[str, Path],
    statistics: Path,
    models: Mapping[str, Path],
    output: Path,
    threads: int,
) -> None:
    """Evaluate a method on the test cases of a task and write the record.

    Args:
        config: configuration files.
        system: name of the system.
        task: name of the task.
        method: name of the method.
        seed: seed of the training, and of the samples.
        data: data files by their splits.
        statistics: of the training set.
        models: trained models by their roles; empty for a baseline.
        output: folder of ``metrics.json``, ``scores.nc`` and ``examples.nc``.
        threads: processor threads.

    Raises:
        ConfigError: the configuration is invalid, lacks the system, the task or the method, or the
            files are not those that the method needs.
        EvaluationError: the record does not fit together.
        MetricError: the task has a score without a metric.
        ProblemError: a model was trained on another grid, other fields or another domain.
    """
    loaded = configuration.load(*config)
    options = configuration.method(loaded, system, method)
    configured = configuration.tasks(loaded, system)
    if task not in configured:
        raise configuration.ConfigError(
            f"systems.{system}.tasks: {task!r} is not configured; configured: "
            f"{', '.join(configured)}"
        )
    task_options = configured[task]
    _require("--data", data, task_options.splits(options), method)
    _require("--model", models, tuple(task_options.checkpoints(task, options)), method)
    threads = set_threads(threads)
    job = Job(
        run=loaded.run,
        system=system,
        system_options=configuration.system(loaded, system).options,
        task=task,
        method=method,
        seed=seed,
        options=options,
        task_options=task_options,
        evaluation=loaded.evaluation,
        data=data,
        statistics=statistics,
        models=models,
        threads=threads,
    )
    record: Record = tasks.REGISTRY.module(task, "evaluation").evaluate(job)
    record.check(tasks.REGISTRY.module(task, "metrics").METRICS)
    record.write(output)


def _require(option: str, given: Mapping[str, Path], needed: Sequence[str], method: str) -> None:
    """Refuse other files than a method needs.

    Raises:
        ConfigError: naming the option, what is needed and what was given.
    """
    if set(given) != set(needed):
        raise configuration.ConfigError(
            f"method {method!r} needs {option} of: {', '.join(needed) or 'none'}; given: "
            f"{', '.join(given) or 'none'}"
        )
