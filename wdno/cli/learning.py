"""Verbs of models: collect, train, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wdno.cli.arguments import (
    ConfigFile,
    DataFiles,
    MethodName,
    ModelFiles,
    ModelName,
    Output,
    Seed,
    State,
    SystemName,
    TaskName,
    Threads,
    paths,
)


def collect(
    config: ConfigFile,
    system: SystemName,
    task: TaskName,
    method: MethodName,
    seed: Seed,
    data: DataFiles,
    output: Output,
    state: State,
    model: ModelFiles = None,
    cases: Annotated[
        int | None, typer.Option("--cases", min=1, help="Training cases; all if left out.")
    ] = None,
    threads: Threads = 1,
) -> None:
    """Solve training cases under the controls of a method; write them as training data."""
    from wdno.stages import collect as stage

    files = paths("--data", data), paths("--model", model or [])
    stage.collect(config, system, task, method, seed, cases, *files, output, state, threads)


def train(
    config: ConfigFile,
    system: SystemName,
    task: TaskName,
    model: ModelName,
    seed: Seed,
    train_file: Annotated[Path, typer.Option("--train", help="Training data.")],
    validation: Annotated[Path, typer.Option("--validation", help="Validation data.")],
    output: Output,
    log: Annotated[Path, typer.Option("--log", help="JSON lines of the training.")],
    state: State,
    collected: Annotated[
        Path | None, typer.Option("--collected", help="Further training data, of `collect`.")
    ] = None,
    needs: Annotated[
        list[str] | None,
        typer.Option("--needs", metavar="ROLE=PATH", help="A trained model that this one needs."),
    ] = None,
    threads: Threads = 1,
) -> None:
    """Train a model, or resume its training; write it as safetensors."""
    from wdno.stages import train as stage
    from wdno.training.interruption import Interrupted

    files = (train_file, validation, output, log, state)
    further = collected, paths("--needs", needs or [])
    try:
        stage.train(config, system, task, model, seed, *files, threads, *further)
    except Interrupted as interrupted:
        typer.echo(str(interrupted), err=True)
        raise typer.Exit(interrupted.exit_code) from None


def evaluate(
    config: ConfigFile,
    system: SystemName,
    task: TaskName,
    method: MethodName,
    seed: Seed,
    data: DataFiles,
    statistics: Annotated[
        Path, typer.Option("--statistics", help="Statistics of the training data.")
    ],
    output: Output,
    model: ModelFiles = None,
    threads: Threads = 1,
) -> None:
    """Predict the test cases and score them; write metrics.json, scores.nc and examples.nc."""
    from wdno.stages import evaluate as stage

    files = paths("--data", data), statistics, paths("--model", model or [])
    stage.evaluate(config, system, task, method, seed, *files, output, threads)
