"""Stage ``figures``: from errors, studies and training logs to figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from wdno import config as configuration
from wdno.data.statistics import read_statistics
from wdno.evaluation import figures
from wdno.evaluation.record import Evaluation
from wdno.studies.sampler_study import read_sampler_study


def figure(
    config: Sequence[Path],
    system: str,
    name: str,
    statistics: Path | None,
    inputs: Sequence[Path],
    output: Path,
) -> None:
    """Draw a figure of one system.

    Args:
        config: configuration files.
        system: name of the system.
        name: ``trajectories``, ``animation``, ``series``, ``error_over_time``, ``spectra`` (inputs:
            folders of evaluations), ``error_vs_evaluations`` (files ``sampler_study.csv``),
            ``training`` (files ``train.jsonl`` in the folders ``{model}/seed{seed}``) or ``scene``
            (one data file).
        statistics: of the training data, for the title of ``training``.
        inputs: what is drawn.
        output: any of the files that are written, ``.png`` and ``.pdf``, or ``.gif``.

    Raises:
        EvaluationError: an input is absent or damaged, or they do not fit together.
        DataError: the data file is absent or damaged, or has no scene.
        ConfigError: the configuration is invalid, there is no such figure, or its statistics are
            not given.
    """
    loaded = configuration.load(*config)
    stem = output.with_suffix("")
    if name == "error_vs_evaluations":
        labels = configuration.labels(loaded)
        figures.error_vs_evaluations(read_sampler_study(inputs), stem, labels=labels)
    elif name == "scene":
        figures.scene(inputs[0], stem)
    elif name == "training":
        if statistics is None:
            raise configuration.ConfigError("figure 'training': give --statistics")
        title = read_statistics(statistics).title
        figures.training_curves(_histories(loaded, system, inputs), stem, title=title)
    else:
        evaluations = [Evaluation.read(folder) for folder in inputs]
        learned = dict.fromkeys(record.method for record in evaluations if record.learned)
        untrained = dict.fromkeys(record.method for record in evaluations if not record.learned)
        # What a forecast must beat stands in each of its figures.
        forecast = any(record.blocks is not None for record in evaluations)
        beside = list(untrained) if forecast else []
        if name == "trajectories":
            available = [*learned, *untrained]
            shown = [method for method in loaded.evaluation.show if method in available]
            methods = list(dict.fromkeys([*shown, *beside]))
            figures.trajectories(evaluations, stem, methods=methods or None)
        elif name in _EVERY_METHOD:
            _EVERY_METHOD[name](evaluations, stem)
        elif name == "spectra":
            figures.spectra(evaluations, stem, methods=[*learned, *beside] or None)
        else:
            raise configuration.ConfigError(f"unknown figure {name!r}")


_EVERY_METHOD: dict[str, Callable[..., None]] = {
    "animation": figures.animation,
    "error_over_time": figures.error_over_time,
    "series": figures.series,
}


def _histories(
    config: configuration.Config, system: str, inputs: Sequence[Path]
) -> dict[str, dict[str, list[Path]]]:
    """Group the logs by model, and the models by what makes their losses comparable."""
    grouped: dict[str, dict[str, list[Path]]] = {}
    for path in inputs:
        key = path.parent.parent.name
        options = configuration.model(config, system, key)
        title = f"{options.objective.name}, {options.representation.name}"
        grouped.setdefault(title, {}).setdefault(options.label or key, []).append(path)
    return grouped
