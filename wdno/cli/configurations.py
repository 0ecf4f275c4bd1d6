"""Verbs of configurations: resolve, check, document."""

from __future__ import annotations

import typer

from wdno.cli.arguments import Inputs, Output


def resolve(inputs: Inputs, output: Output) -> None:
    """Merge and validate configurations; write every option with its value.

    The default is read before overlays, as the workflow does.
    """
    from wdno.config import dump, load
    from wdno.files import write_text

    write_text(output, dump(load(*inputs)))


def check(inputs: Inputs) -> None:
    """Validate configurations as the workflow would: overlays over the default."""
    from wdno.config import load, over_default, system_names

    files = over_default(inputs)
    config = load(*files)
    typer.echo(f"run {config.run!r}: valid; systems: {', '.join(system_names(config))}")
    typer.echo(f"files: {', '.join(map(str, files))}")


def document() -> None:
    """Write the JSON schema and the table of options from the models of the configuration."""
    from wdno.config.document import write_all

    for path in write_all():
        typer.echo(f"wrote {path}")
