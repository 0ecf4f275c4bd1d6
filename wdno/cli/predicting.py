"""The verb that asks a trained model: predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from wdno.cli.arguments import Output


def predict(
    model: Annotated[Path, typer.Argument(help="A trained model, model.safetensors.")],
    inputs: Annotated[
        Path,
        typer.Argument(help="NetCDF or Zarr of the cases: given frames, and forcing if there is."),
    ],
    output: Output,
    samples: Annotated[int, typer.Option("--samples", min=1, help="Samples of each case.")] = 1,
    sampler: Annotated[
        str | None,
        typer.Option("--sampler", help="Name of the sampler; ddim if left out."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Steps of the sampler.")
    ] = None,
    eta: Annotated[
        float | None, typer.Option("--eta", help="Noise of a step: 0 to 1, of ddim.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="A further option of the sampler."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of the noise.")
    ] = 0,
    cases: Annotated[
        int | None, typer.Option("--cases", min=1, help="The first cases; all if left out.")
    ] = None,
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, help="Most cases at a time.")
    ] = 32,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")] = "auto",
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Processor threads; all if left out.")
    ] = None,
) -> None:
    """Predict cases of your own with a trained model; write an ensemble as NetCDF-4.

    The file has the dimension `realization` for the samples of a case, and says which model, data,
    sampler and seed it was made with.
    """
    from wdno.stages import predict as stage

    given = {"name": sampler, "steps": steps, "eta": eta, **_further(option or [])}
    stage.predict(
        model,
        inputs,
        output,
        samples=samples,
        sampler={name: value for name, value in given.items() if value is not None} or None,
        seed=seed,
        cases=cases,
        batch_size=batch_size,
        device=device,
        threads=threads,
    )


def _further(values: list[str]) -> dict[str, Any]:
    """Read options of a sampler, as YAML reads them: ``spacing=log_snr``, ``repeats=2``."""
    import yaml

    found: dict[str, Any] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not (name and equals and text) or name in {*found, "name", "steps", "eta"}:
            raise typer.BadParameter(
                f"--option {value}: expected NAME=VALUE, each once, and --sampler, --steps, --eta "
                "for these three"
            )
        found[name] = yaml.safe_load(text)
    return found
