"""Stage ``evaluate``: from trained models and data to errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wdno import config as configuration
from wdno import tasks
from wdno.evaluation.record import Record
from wdno.stages._job import job_of


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
    job = job_of(
        configuration.load(*config),
        system=system,
        task=task,
        method=method,
        seed=seed,
        data=data,
        statistics=statistics,
        models=models,
        threads=threads,
    )
    record: Record = tasks.REGISTRY.module(task, "evaluation").evaluate(job)
    record.check(tasks.REGISTRY.module(task, "metrics").METRICS)
    record.write(output)
