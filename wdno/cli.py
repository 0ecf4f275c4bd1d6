"""The command line: one verb for each stage of the workflow.

Every verb reads the run's resolved configuration and works on the files that it is given; the
workflow decides which. Heavy packages are imported inside the verbs that need them.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, TypeVar

import typer

T = TypeVar("T")

LAUNCHED = "TORCHELASTIC_RUN_ID"
"""Environment variable: set by `torchrun` in each process that it starts."""

app = typer.Typer(
    help="WDNO: simulate and control physical systems with wavelet diffusion neural operators.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
config_app = typer.Typer(help="Resolve, check and document configurations.", no_args_is_help=True)
app.add_typer(config_app, name="config")


def _version(wanted: bool) -> None:
    """Write the version, and end."""
    if wanted:
        from wdno import __version__

        typer.echo(f"wdno {__version__}")
        raise typer.Exit()


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """WDNO: simulate and control physical systems with wavelet diffusion neural operators."""


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

    files = _paths("--data", data), _paths("--model", model or [])
    stage.collect(config, system, task, method, seed, cases, *files, output, state, threads)


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
    if max(processes, nodes) > 1 and LAUNCHED not in os.environ:
        from wdno.stages.launch import launch

        found = launch(config, system, model, sys.argv[1:], processes, nodes, threads)
        if found is not None:
            raise typer.Exit(found)
    from wdno.stages import train as stage
    from wdno.training.interruption import Interrupted

    files = (train_file, validation, output, log, state)
    further = collected, _paths("--needs", needs or [])
    try:
        stage.train(config, system, task, model, seed, *files, threads, *further)
    except Interrupted as interrupted:
        if _first_process():
            typer.echo(str(interrupted), err=True)
        raise typer.Exit(interrupted.exit_code) from None


@app.command()
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

    files = _paths("--data", data), statistics, _paths("--model", model or [])
    stage.evaluate(config, system, task, method, seed, *files, output, threads)


@app.command()
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


@app.command()
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


@app.command()
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


@config_app.command()
def resolve(inputs: Inputs, output: Output) -> None:
    """Merge and validate configurations; write every option with its value.

    The default is read before overlays, as the workflow does.
    """
    from wdno.config import dump, load
    from wdno.files import write_text

    write_text(output, dump(load(*inputs)))


@config_app.command()
def check(inputs: Inputs) -> None:
    """Validate configurations as the workflow would: overlays over the default."""
    from wdno.config import load, over_default, system_names

    files = over_default(inputs)
    config = load(*files)
    typer.echo(f"run {config.run!r}: valid; systems: {', '.join(system_names(config))}")
    typer.echo(f"files: {', '.join(map(str, files))}")


@config_app.command()
def document() -> None:
    """Write the JSON schema and the table of options from the models of the configuration."""
    from wdno.config.document import write_all

    for path in write_all():
        typer.echo(f"wrote {path}")


def _paths(option: str, values: list[str]) -> dict[str, Path]:
    """Read the values of an option that names files: ``test=data/test.nc``."""
    files: dict[str, Path] = {}
    for value in values:
        name, equals, path = value.partition("=")
        if not (name and equals and path) or name in files:
            reason = "is given twice" if name in files else "is not of the form NAME=PATH"
            raise typer.BadParameter(f"{option} {value} {reason}")
        files[name] = Path(path)
    return files


def _first_process() -> bool:
    """Whether this is the process that speaks, of those that `torchrun` started."""
    return LAUNCHED not in os.environ or os.environ.get("RANK") == "0"


def _terminate(signum: int, frame: FrameType | None) -> None:
    print("terminated; the same command continues", file=sys.stderr)
    sys.exit(128 + signum)


def main() -> None:
    """Run the command line; errors that a user can mend end with a message, not a traceback."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("wdno").setLevel(logging.INFO if _first_process() else logging.WARNING)
    # In a locale without all letters they are written as codes.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # A default SIGTERM would end the process without removing its unfinished files.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        sys.exit(130)
    except (ValueError, OSError, ArithmeticError) as error:
        # `torchrun` ends what is left of its processes, and this one is ending.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.environ.get("WDNO_TRACEBACK"):
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        hint = "WDNO_TRACEBACK=1 shows where it happened"
        print(f"({type(error).__name__}; {hint})", file=sys.stderr)
        sys.exit(2)
