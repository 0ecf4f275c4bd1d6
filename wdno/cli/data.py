"""Verbs of data: fetch, generate, statistics, card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wdno.cli.arguments import ConfigFile, Inputs, Output, Split, State, SystemName, Threads


def fetch(config: ConfigFile, system: SystemName, output: Output, state: State) -> None:
    """Get the record that the samples of a system are cut from, such as a reanalysis."""
    from wdno.stages import data

    data.fetch(config, system, output, state)


def generate(
    config: ConfigFile,
    system: SystemName,
    split: Annotated[Split, typer.Option("--split", help="Part of the data set.")],
    output: Output,
    state: State,
    threads: Threads = 1,
    record: Annotated[
        Path | None, typer.Option("--record", help="What `fetch` wrote, if there is a record.")
    ] = None,
) -> None:
    """Draw and solve the trajectories of a split, or cut them from a record; write NetCDF-4."""
    from wdno.stages import data

    data.generate(config, system, split.value, output, state, threads, record)


def statistics(
    source: Annotated[Path, typer.Argument(help="Training data.")], output: Output
) -> None:
    """Measure spreads, and means by hour of the day, of the training data; write NetCDF-4."""
    from wdno.data.statistics import write_statistics

    write_statistics(source, output)


def card(inputs: Inputs, output: Output) -> None:
    """Describe data files: counts, ranges, moments and sizes, as .csv, .md, .tex and .html."""
    from wdno.stages import tables

    tables.card(inputs, output)
