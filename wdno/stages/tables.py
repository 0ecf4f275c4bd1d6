"""Stage ``tables``: from errors and data to tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wdno import config as configuration
from wdno import tasks
from wdno.data.card import data_card, write_data_card
from wdno.data.netcdf import open_dataset
from wdno.stages import _read
from wdno.stages._studied import studied
from wdno.studies.table import study_table


def card(inputs: Sequence[Path], output: Path) -> None:
    """Describe the data files of a system.

    Args:
        inputs: the files of its splits.
        output: any of the files that are written, ``.csv``, ``.md``, ``.tex``, ``.html``.
    """
    with open_dataset(inputs[0]) as first:
        title = str(first.attrs["title"])
    splits = {path.stem: path for path in inputs}
    write_data_card(data_card(splits), output.with_suffix(""), title)


def table(config: Sequence[Path], task: str, inputs: Sequence[Path], output: Path) -> None:
    """Make the table of a task, all systems and methods.

    Args:
        config: configuration files.
        task: name of the task.
        inputs: folders of evaluations.
        output: any of the files that are written, ``.csv``, ``.md``, ``.tex``, ``.html``.

    Raises:
        ConfigError: the configuration is invalid, or lacks the system of a record.
        UnknownPieceError: there is no such task.
        EvaluationError: a folder holds no complete record, or one of another task, or they do not
            fit together.
    """
    loaded = configuration.load(*config)
    room = tasks.REGISTRY.module(task, "table")
    records = _read.records(loaded, inputs, examples=False)
    _read.require_task(records, task, inputs)
    options = _read.evaluation_options(loaded, task, records)
    room.table(records, output.with_suffix(""), options)


def study(config: Sequence[Path], study: str, inputs: Sequence[Path], output: Path) -> None:
    """Make the table of a study.

    Args:
        config: configuration files.
        study: name of the study.
        inputs: folders of the evaluations of its variations, on all systems.
        output: any of the files that are written, ``.csv``, ``.md``, ``.tex``, ``.html``.

    Raises:
        ConfigError: the configuration is invalid, or there is no such study.
        EvaluationError: a folder holds no complete record, or they are not those of the study.
    """
    loaded = configuration.load(*config)
    results = studied(loaded, study, inputs)
    options = loaded.evaluation
    study_table(
        results,
        output.with_suffix(""),
        digits=options.digits,
        level=options.confidence,
        resamples=options.bootstrap,
    )
