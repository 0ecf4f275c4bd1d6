"""Arguments that several verbs have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Split(StrEnum):
    """Parts of a data set."""

    train = "train"
    validation = "validation"
    test = "test"
    fine = "fine"


ConfigFile = Annotated[
    list[Path], typer.Option("--config", help="Configuration; several are merged in order.")
]
SystemName = Annotated[str, typer.Option("--system", help="Name of the system.")]
ModelName = Annotated[str, typer.Option("--model", help="Name of the model.")]
MethodName = Annotated[str, typer.Option("--method", help="Name of the method.")]
TaskName = Annotated[str, typer.Option("--task", help="Name of the task.")]
OptionalTaskName = Annotated[str | None, typer.Option("--task", help="Name of the task.")]
StudyName = Annotated[str | None, typer.Option("--study", help="Name of the study.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of the training.")]
Output = Annotated[Path, typer.Option("--output", help="What is written.")]
State = Annotated[Path, typer.Option("--state", help="Folder from which work resumes.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Processor threads.")]
StatisticsFile = Annotated[
    Path, typer.Option("--statistics", help="Statistics of the training data.")
]
DataFiles = Annotated[
    list[str], typer.Option("--data", metavar="SPLIT=PATH", help="A data file; may be repeated.")
]
ModelFiles = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="ROLE=PATH", help="A trained model; none for a baseline."),
]
Inputs = Annotated[list[Path], typer.Argument(help="What is read.")]


def paths(option: str, values: list[str]) -> dict[str, Path]:
    """Read the values of an option that names files: ``test=data/test.nc``."""
    files: dict[str, Path] = {}
    for value in values:
        name, equals, path = value.partition("=")
        if not (name and equals and path) or name in files:
            reason = "is given twice" if name in files else "is not of the form NAME=PATH"
            raise typer.BadParameter(f"{option} {value} {reason}")
        files[name] = Path(path)
    return files
