"""The command line: one verb for each stage of the workflow, and `predict` for a trained model.

Every verb of the workflow reads the run's resolved configuration and works on the files that it is
given; the workflow decides which. Heavy packages are imported inside the verbs that need them.

| module | verbs |
|---|---|
| `data` | fetch, generate, statistics, card |
| `learning` | collect, train, evaluate |
| `predicting` | predict |
| `showing` | table, figure, paper |
| `configurations` | config resolve, config check, config document |
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Annotated

import typer

from wdno.cli import configurations, data, learning, predicting, showing
from wdno.cli.launched import first_process

VERBS: tuple[Callable[..., None], ...] = (
    *(data.fetch, data.generate, data.statistics, data.card),
    *(learning.collect, learning.train, learning.evaluate),
    predicting.predict,
    *(showing.table, showing.figure, showing.paper),
)
OF_CONFIGURATIONS: tuple[Callable[..., None], ...] = (
    configurations.resolve,
    configurations.check,
    configurations.document,
)

app = typer.Typer(
    help="WDNO: simulate and control physical systems with wavelet diffusion neural operators.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
config_app = typer.Typer(help="Resolve, check and document configurations.", no_args_is_help=True)
app.add_typer(config_app, name="config")
for verb in VERBS:
    app.command()(verb)
for verb in OF_CONFIGURATIONS:
    config_app.command()(verb)


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


def _terminate(signum: int, frame: FrameType | None) -> None:
    print("terminated; the same command continues", file=sys.stderr)
    sys.exit(128 + signum)


def main() -> None:
    """Run the command line; errors that a user can mend end with a message, not a traceback."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("wdno").setLevel(logging.INFO if first_process() else logging.WARNING)
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
