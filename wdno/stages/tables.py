"""Stage ``tables``: from errors and data to tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wdno import config as configuration
from wdno.data.card import data_card, write_data_card
from wdno.data.netcdf import open_dataset
from wdno.evaluation.record import Evaluation
from wdno.studies.sampler_study import (
    read_sampler_study,
    sampler_study_table,
    write_sampler_study_table,
)
from wdno.tasks.simulation import published
from wdno.tasks.simulation.table import simulation_table, write_simulation_table


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


def simulation(config: Sequence[Path], inputs: Sequence[Path], output: Path) -> None:
    """Make the table of the simulation task, all systems and methods.

    Args:
        config: configuration files.
        inputs: folders of evaluations.
        output: any of the files that are written, ``.csv``, ``.md``, ``.tex``, ``.html``.

    Raises:
        EvaluationError: a folder holds no complete evaluation, or they do not fit together.
    """
    loaded = configuration.load(*config)
    evaluations = [Evaluation.read(folder) for folder in inputs]
    baselines = {name for name, m in loaded.methods.items() if m.baseline == "persistence"}
    shown = [record.method for record in evaluations if record.method in baselines]
    table = simulation_table(
        evaluations,
        published.simulation(),
        reference=loaded.evaluation.reference,
        persistence=shown[0] if shown else None,
        level=loaded.evaluation.confidence,
        resamples=loaded.evaluation.bootstrap,
    )
    write_simulation_table(table, output.with_suffix(""))


def samplers(config: Sequence[Path], inputs: Sequence[Path], output: Path) -> None:
    """Make the table of the sampler study.

    Args:
        config: configuration files.
        inputs: files ``sampler_study.csv``.
        output: any of the files that are written, ``.csv``, ``.md``, ``.tex``, ``.html``.

    Raises:
        EvaluationError: a file is absent or damaged.
    """
    study = sampler_study_table(read_sampler_study(inputs))
    labels = configuration.labels(configuration.load(*config))
    write_sampler_study_table(study, output.with_suffix(""), labels=labels)
