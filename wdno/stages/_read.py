"""Records as tables and figures need them: with the names that the configuration gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from wdno import config as configuration
from wdno.evaluation.record import EvaluationError, Record


def records(config: configuration.Config, inputs: Sequence[Path], examples: bool) -> list[Record]:
    """Read records and name them as the configuration does.

    Args:
        config: gives the labels of the methods and the titles of the systems.
        inputs: folders of evaluations.
        examples: whether to read the examples, which only figures need.

    Raises:
        EvaluationError: a folder holds no complete record, or one of a method that the
            configuration does not list for its task.
        ConfigError: a record is of a system or a task that is not configured.
    """
    return [_named(config, Record.read(folder, examples=examples), folder) for folder in inputs]


def evaluation_options(
    config: configuration.Config, task: str, records: Sequence[Record]
) -> configuration.EvaluationOptions:
    """Return how records of a task are compared: with its reference, if that is among them."""
    reference = configuration.reference(config, task)
    if all(record.method != reference for record in records):
        # Some records alone.
        reference = None
    return config.evaluation.model_copy(update={"reference": reference})


def require_task(records: Sequence[Record], task: str, inputs: Sequence[Path]) -> None:
    """Refuse records of another task.

    Args:
        records: one of each folder.
        task: name of the task that they must be of.
        inputs: the folders, for the message.

    Raises:
        EvaluationError: naming the first folder whose record is of another task.
    """
    for record, folder in zip(records, inputs, strict=True):
        if record.identity.task != task:
            raise EvaluationError(
                f"{folder}: the record is of the task {record.identity.task!r}, expected {task!r}"
            )


def _named(config: configuration.Config, record: Record, folder: Path) -> Record:
    identity = record.identity
    labels = configuration.labels(config, identity.system, identity.task)
    if identity.method not in labels:
        raise EvaluationError(
            f"{folder}: the record is of {record.where}, and the task {identity.task!r} of this "
            f"system has the methods {', '.join(labels)}; give records of these"
        )
    title = configuration.title(config, identity.system, identity.title, stand_in=identity.stand_in)
    return dataclasses.replace(
        record,
        label=labels[identity.method],
        identity=dataclasses.replace(identity, title=title),
    )
