"""Verbs of what is shown: table, figure, paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from wdno.cli.arguments import ConfigFile, Inputs, OptionalTaskName, Output, StudyName

T = TypeVar("T")


def table(
    inputs: Inputs,
    config: ConfigFile,
    output: Output,
    task: OptionalTaskName = None,
    study: StudyName = None,
) -> None:
    """Make the table of a task or a study from evaluations, as .csv, .md, .tex and .html."""
    from wdno.stages import tables

    if task is not None and study is None:
        tables.table(config, task, inputs, output)
    elif study is not None and task is None:
        tables.study(config, study, inputs, output)
    else:
        raise typer.BadParameter("give one of --task and --study: whose table is made")


def figure(
    name: Annotated[
        str, typer.Argument(help="A figure of the task; or `scene`, `study`, `training`.")
    ],
    inputs: Inputs,
    output: Output,
    config: Annotated[
        list[Path] | None,
        typer.Option("--config", help="Configuration; several are merged in order."),
    ] = None,
    task: OptionalTaskName = None,
    study: StudyName = None,
    system: Annotated[str | None, typer.Option("--system", help="Name of the system.")] = None,
    statistics: Annotated[
        Path | None, typer.Option("--statistics", help="Statistics of the training data.")
    ] = None,
) -> None:
    """Draw a figure, as .png and .pdf, or .gif.

    A figure of a task is drawn from evaluations of one system (--config, --task), that of a `study`
    from evaluations (--config, --study), `training` from logs of trainings (--config, --task,
    --system, --statistics), a `scene` from a data file.
    """
    from wdno.stages import figures

    def given(option: str, value: T | None) -> T:
        if value is None:
            raise typer.BadParameter(f"figure {name!r}: give {option}")
        return value

    if name == "scene":
        figures.scene(inputs[0], output)
    elif name == "study":
        figures.study(given("--config", config), given("--study", study), inputs, output)
    elif name == "training":
        names = given("--system", system), given("--task", task)
        known = given("--statistics", statistics)
        figures.training(given("--config", config), *names, known, inputs, output)
    else:
        figures.figure(given("--config", config), given("--task", task), name, inputs, output)


def paper(
    inputs: Inputs,
    config: ConfigFile,
    output: Annotated[Path, typer.Option("--output", help="Folder of the pages.")],
    figure: Annotated[
        list[Path] | None, typer.Option("--figure", help="A figure to show; may be repeated.")
    ] = None,
) -> None:
    """Put evaluations beside the paper's tables and figures: pages as .md and .html, and an index.

    The evaluations are all those of a run, of its tasks and its studies.
    """
    from wdno.stages import paper as stage

    stage.paper(config, inputs, figure or [], output)
