"""Stage ``paper``: from evaluations to the paper's tables and figures, with our numbers beside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from wdno import config as configuration
from wdno.evaluation.grouping import only_system
from wdno.evaluation.record import Record
from wdno.paper.comparison import RunResults
from wdno.paper.evaluated import Evaluated
from wdno.paper.pages import Presentation, pages
from wdno.paper.writing import write_page
from wdno.stages import _read
from wdno.studies.expand import variations
from wdno.studies.results import value_text


def paper(
    config: Sequence[Path], inputs: Sequence[Path], figures: Sequence[Path], output: Path
) -> None:
    """Write a page for each table and figure of the paper, and an index.

    Args:
        config: configuration files.
        inputs: folders of all evaluations of the run, of tasks and of studies.
        figures: images that pages may show, ``{system}_{task}_{figure}.png``.
        output: folder of the pages, ``.md`` and ``.html``.

    Raises:
        ConfigError: the configuration is invalid, or lacks the system or the task of a record.
        EvaluationError: a folder holds no complete record, or records of one method do not fit
            together.
    """
    loaded = configuration.load(*config)
    records = _read.records(loaded, inputs, examples=False)
    systems = configuration.system_names(loaded)
    run = RunResults(
        run=loaded.run,
        tasks={system: list(configuration.tasks(loaded, system)) for system in systems},
        evaluated=list(_evaluated(loaded, records)),
    )
    options = loaded.evaluation
    how = Presentation(
        digits=options.digits,
        level=options.confidence,
        resamples=options.bootstrap,
        figures={figure.stem: figure for figure in figures},
    )
    for page in pages(run, how):
        write_page(page, output)


def _evaluated(config: configuration.Config, records: Sequence[Record]) -> Iterator[Evaluated]:
    """Give every method that was evaluated on a system, as the configuration makes it."""
    of_methods: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        key = record.system, record.identity.task, record.method
        of_methods.setdefault(key, []).append(record)
    varied = _varied(config)
    for (system, task, method), seeds in of_methods.items():
        (together,) = only_system(seeds).values()
        yield Evaluated(
            system=system,
            task=task,
            method=method,
            listed=method in configuration.tasks(config, system)[task].methods,
            varied=frozenset(varied.get((system, task, method), ())),
            options=configuration.method_with_models(config, system, task, method),
            network=_network(config, system, method),
            training_samples=_training_samples(config, system, method),
            records=together,
        )


def _varied(config: configuration.Config) -> dict[tuple[str, str, str], set[str]]:
    """Return the options that studies vary, by system, task and method."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for study, options in config.studies.items():
        for system in configuration.system_names(config):
            for one in variations(config, study, system):
                found.setdefault((system, options.task, one.method), set()).update(one.values)
    return found


def _training_samples(config: configuration.Config, system: str, method: str) -> int:
    """Return how many trajectories the model of a method learns from, at most."""
    whole: int = configuration.system(config, system).data.samples.train
    name = configuration.method(config, system, method).model
    own = configuration.model(config, system, name).data.samples if name is not None else None
    return whole if own is None else min(own, whole)


def _network(config: configuration.Config, system: str, method: str) -> str:
    """Write the network of a method as the configuration says it; empty: it has none."""
    name = configuration.method(config, system, method).model
    if name is None:
        return ""
    network = configuration.model(config, system, name).network
    return value_text("network", network.model_dump(mode="json", exclude_unset=True))
