"""Verbs of models: collect, train, evaluate."""

from __future__ import annotations

import sys
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
from wdno.cli.launched import first_process, launched


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
    # `torchrun` takes `--log` for one of its own options.
    log: Annotated[
        Path, typer.Option("--losses", "--log", help="JSON lines of the training, losses by step.")
    ],
    state: State,
    collected: Annotated[
        Path | None, typer.Option("--collected", help="Further training data, of `collect`.")
    ] = None,
    needs: Annotated[
        list[str] | None,
        typer.Option("--needs", metavar="ROLE=PATH", help="A trained model that this one needs."),
    ] = None,
    threads: Threads = 1,
    processes: Annotated[
        int,
        typer.Option(
            "--processes", min=0, help="Processes that train it, one for each card; 0 as 1."
        ),
    ] = 1,
    nodes: Annotated[
        int,
        typer.Option("--nodes", min=1, help="Machines that they are on, those of a SLURM job."),
    ] = 1,
) -> None:
    """Train a model, or resume its training; write it as safetensors.

    Several processes, started by --processes or by torchrun, share each batch and the threads.
    """
    if max(processes, nodes) > 1 and not launched():
        from wdno.stages.launch import launch

        found = launch(config, system, model, sys.argv[1:], processes, nodes, threads)
        if found is not None:
            raise typer.Exit(found)
    from wdno.stages import train as stage
    from wdno.training.interruption import Interrupted

    files = (train_file, validation, output, log, state)
    further = collected, paths("--needs", needs or [])
    try:
        stage.train(config, system, task, model, seed, *files, threads, *further)
    except Interrupted as interrupted:
        if first_process():
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
