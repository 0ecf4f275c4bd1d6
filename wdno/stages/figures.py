"""Stage ``figures``: from evaluations, studies, training logs and data to figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wdno import config as configuration
from wdno import tasks
from wdno.data.statistics import read_statistics
from wdno.evaluation import figures
from wdno.stages import _read
from wdno.stages._studied import studied
from wdno.studies.figure import study_figure


def figure(
    config: Sequence[Path], task: str, name: str, inputs: Sequence[Path], output: Path
) -> None:
    """Draw a figure of a task, of one system.

    Args:
        config: configuration files.
        task: name of the task.
        name: one of the figures of the task, as ``trajectories``.
        inputs: folders of evaluations.
        output: any of the files that are written, ``.png`` and ``.pdf``, or ``.gif``.

    Raises:
        EvaluationError: a folder holds no complete record, or one of another task, or they do not
            fit together.
        ConfigError: the configuration is invalid, or the task has no such figure.
        UnknownPieceError: there is no such task.
    """
    loaded = configuration.load(*config)
    drawn = tasks.REGISTRY.module(task, "figures").FIGURES
    if name not in drawn:
        raise configuration.ConfigError(
            f"unknown figure {name!r}: the task {task!r} has {', '.join(drawn) or 'none'}"
        )
    records = _read.records(loaded, inputs, examples=True)
    _read.require_task(records, task, inputs)
    options = _read.evaluation_options(loaded, task, records)
    drawn[name](records, output.with_suffix(""), options)


def training(
    config: Sequence[Path],
    system: str,
    task: str,
    statistics: Path,
    inputs: Sequence[Path],
    output: Path,
) -> None:
    """Draw the losses of all models that are trained for a task on a system.

    Args:
        config: configuration files.
        system: name of the system.
        task: name of the task that the models are trained for.
        statistics: of the training data, for the name of the system.
        inputs: files ``train.jsonl`` in the folders ``{model}/seed{seed}``.
        output: any of the files that are written, ``.png`` and ``.pdf``.

    Raises:
        EvaluationError: a log is absent or damaged.
        ConfigError: the configuration is invalid, or a model is not configured.
    """
    loaded = configuration.load(*config)
    known = read_statistics(statistics)
    name = configuration.title(loaded, system, known.title, stand_in=known.stand_in)
    heading = f"{name}: {tasks.REGISTRY.light(task).Options.title.lower()}"
    histories = _histories(loaded, system, inputs)
    figures.training_curves(histories, output.with_suffix(""), title=heading)


def _histories(
    config: configuration.Config, system: str, inputs: Sequence[Path]
) -> dict[str, dict[str, list[Path]]]:
    """Group the logs by model, and the models by what makes their losses comparable."""
    grouped: dict[str, dict[str, list[Path]]] = {}
    keys = list(dict.fromkeys(path.parent.parent.name for path in inputs))
    labels = [configuration.model(config, system, key).label or key for key in keys]
    # Two models may have the same name for readers.
    names = {
        key: label if labels.count(label) == 1 else f"{label} ({key})"
        for key, label in zip(keys, labels, strict=True)
    }
    for path in inputs:
        key = path.parent.parent.name
        options = configuration.model(config, system, key)
        parts = [options.objective.name, options.representation.name]
        if options.objective.stepping is not None:
            parts.insert(1, "frame to frame")
        grouped.setdefault(", ".join(parts), {}).setdefault(names[key], []).append(path)
    return grouped


def scene(data: Path, output: Path) -> None:
    """Draw the scene of a data set.

    Args:
        data: one of its files.
        output: any of the files that are written, ``.png`` and ``.pdf``.

    Raises:
        DataError: the file is absent or damaged, or has no scene.
    """
    figures.scene(data, output.with_suffix(""))


def study(config: Sequence[Path], study: str, inputs: Sequence[Path], output: Path) -> None:
    """Draw the figure of a study.

    Args:
        config: configuration files.
        study: name of the study.
        inputs: folders of the evaluations of its variations.
        output: any of the files that are written, ``.png`` and ``.pdf``.

    Raises:
        EvaluationError: a folder holds no complete record, or they are not those of the study.
        ConfigError: the configuration is invalid, or there is no such study.
    """
    study_figure(studied(configuration.load(*config), study, inputs), output.with_suffix(""))
