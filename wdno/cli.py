"""The command line: one verb for each stage of the workflow.

Every verb reads the run's resolved configuration and works on the files that it is given; the
workflow decides which. Heavy packages are imported inside the verbs that need them.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

app = typer.Typer(
    help="WDNO: simulate and control physical systems with wavelet diffusion neural operators.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
config_app = typer.Typer(help="Resolve, check and document configurations.", no_args_is_help=True)
app.add_typer(config_app, name="config")


class Split(StrEnum):
    """Parts of a data set."""

    train = "train"
    validation = "validation"
    test = "test"
    fine = "fine"


class Task(StrEnum):
    """What a model is asked for."""

    simulation = "simulation"


class Table(StrEnum):
    """The tables."""

    simulation = "simulation"
    samplers = "samplers"


class Figure(StrEnum):
    """The figures."""

    trajectories = "trajectories"
    animation = "animation"
    series = "series"
    error_over_time = "error_over_time"
    spectra = "spectra"
    error_vs_evaluations = "error_vs_evaluations"
    training = "training"
    scene = "scene"


ConfigFile = Annotated[
    list[Path], typer.Option("--config", help="Configuration; several are merged in order.")
]
SystemName = Annotated[str, typer.Option("--system", help="Name of the system.")]
ModelName = Annotated[str, typer.Option("--model", help="Name of the model.")]
MethodName = Annotated[str, typer.Option("--method", help="Name of the method.")]
TaskName = Annotated[Task, typer.Option("--task", help="Name of the task.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the training.")]
Output = Annotated[Path, typer.Option("--output", help="What is written.")]
State = Annotated[Path, typer.Option("--state", help="Folder from which work resumes.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Processor threads.")]
StatisticsFile = Annotated[
    Path, typer.Option("--statistics", help="Statistics of the training data.")
]
OptionalStatisticsFile = Annotated[
    Path | None, typer.Option("--statistics", help="Statistics of the training data, if drawn.")
]
Inputs = Annotated[list[Path], typer.Argument(help="What is read.")]


@app.command()
def fetch(config: ConfigFile, system: SystemName, output: Output, state: State) -> None:
    """Get the record that the samples of a system are cut from, such as a reanalysis."""
    from wdno.stages import data

    data.fetch(config, system, output, state)


@app.command()
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


@app.command()
def statistics(
    source: Annotated[Path, typer.Argument(help="Training data.")], output: Output
) -> None:
    """Measure spreads, and means by hour of the day, of the training data; write NetCDF-4."""
    from wdno.data.statistics import write_statistics

    write_statistics(source, output)


@app.command()
def card(inputs: Inputs, output: Output) -> None:
    """Describe data files: counts, ranges, moments and sizes, as .csv, .md, .tex and .html."""
    from wdno.stages import tables

    tables.card(inputs, output)


@app.command()
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
    threads: Threads = 1,
) -> None:
    """Train a model, or resume its training; write it as safetensors."""
    from wdno.stages import train as stage
    from wdno.training.interruption import Interrupted

    files = (train_file, validation, output, log, state)
    try:
        stage.train(config, system, task.value, model, seed, *files, threads)
    except Interrupted as interrupted:
        typer.echo(str(interrupted), err=True)
        raise typer.Exit(interrupted.exit_code) from None


@app.command()
def evaluate(
    config: ConfigFile,
    system: SystemName,
    task: TaskName,
    method: MethodName,
    seed: Seed,
    data: Annotated[Path, typer.Option("--data", help="Test data.")],
    statistics: StatisticsFile,
    output: Output,
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", help="Trained model; none for a baseline.")
    ] = None,
    threads: Threads = 1,
) -> None:
    """Predict the test cases and measure the errors; write metrics.json and evaluation.nc."""
    from wdno.stages import evaluate as stage

    stage.evaluate(config, system, method, seed, data, statistics, checkpoint, output, threads)


@app.command()
def study(
    config: ConfigFile,
    system: SystemName,
    task: TaskName,
    model: ModelName,
    seed: Seed,
    data: Annotated[Path, typer.Option("--data", help="Test data.")],
    statistics: StatisticsFile,
    checkpoint: Annotated[Path, typer.Option("--checkpoint", help="Trained model.")],
    output: Output,
    threads: Threads = 1,
) -> None:
    """Measure a diffusion model's error against sampler and network evaluations."""
    from wdno.stages import evaluate as stage

    stage.study(config, system, model, seed, data, statistics, checkpoint, output, threads)


@app.command()
def table(
    name: Annotated[Table, typer.Argument(help="Which table.")],
    inputs: Inputs,
    config: ConfigFile,
    output: Output,
) -> None:
    """Make a table from evaluations, as .csv, .md, .tex and .html."""
    from wdno.stages import tables

    if name is Table.simulation:
        tables.simulation(config, inputs, output)
    else:
        tables.samplers(config, inputs, output)


@app.command()
def figure(
    name: Annotated[Figure, typer.Argument(help="Which figure.")],
    inputs: Inputs,
    config: ConfigFile,
    system: SystemName,
    output: Output,
    task: TaskName = Task.simulation,
    statistics: OptionalStatisticsFile = None,
) -> None:
    """Draw a figure from evaluations, studies, training logs or data, as .png and .pdf, or .gif."""
    from wdno.stages import figures

    figures.figure(config, system, name.value, statistics, inputs, output)


@config_app.command()
def resolve(inputs: Inputs, output: Output) -> None:
    """Merge and validate configurations; write every option with its value."""
    from wdno.config import dump, load
    from wdno.files import write_text

    write_text(output, dump(load(*inputs)))


@config_app.command()
def check(inputs: Inputs) -> None:
    """Validate configurations as the workflow would."""
    from wdno.config import load, system_names

    config = load(*inputs)
    typer.echo(f"run {config.run!r}: valid; systems: {', '.join(system_names(config))}")


@config_app.command()
def document() -> None:
    """Write the JSON schema and the table of options from the models of the configuration."""
    from wdno.config.document import write_all

    for path in write_all():
        typer.echo(f"wrote {path}")


def _terminate(signum: int, frame: FrameType | None) -> None:
    print("terminated; the same command continues", file=sys.stderr)
    sys.exit(128 + signum)


def main() -> None:
    """Run the command line; errors that a user can mend end with a message, not a traceback."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("wdno").setLevel(logging.INFO)
    # A default SIGTERM would end the process without removing its unfinished files.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        sys.exit(130)
    except (ValueError, OSError, ArithmeticError) as error:
        if os.environ.get("WDNO_TRACEBACK"):
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        hint = "WDNO_TRACEBACK=1 shows where it happened"
        print(f"({type(error).__name__}; {hint})", file=sys.stderr)
        sys.exit(2)
