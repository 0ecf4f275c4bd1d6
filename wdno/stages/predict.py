"""Predictions of a trained model as a file; no stage of the workflow, and without configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wdno.data.netcdf import write
from wdno.files import require_room
from wdno.prediction import Forecast
from wdno.runtime import set_threads


def predict(
    model: Path,
    inputs: Path,
    output: Path,
    *,
    samples: int,
    sampler: Mapping[str, Any] | None,
    seed: int,
    cases: int | None,
    batch_size: int,
    device: str,
    threads: int | None,
) -> None:
    """Predict the cases of a file and write the ensemble, whole or not at all.

    Args:
        model: file of the model.
        inputs: NetCDF file or Zarr folder of the cases.
        output: the ensemble, NetCDF-4.
        samples: samples of each case.
        sampler: name, steps and options of the sampler; None: the usual one.
        seed: of the noise.
        cases: the first ones, so many; None: all.
        batch_size: most cases that are predicted at a time.
        device: where they are predicted.
        threads: processor threads; None: as many as there are processors.

    Raises:
        ValueError: the output has another ending than ``.nc``, or is the input.
        DiskFullError: the disk has no room for it.
        Others: see :func:`wdno.predict`.
    """
    if output.suffix != ".nc":
        raise ValueError(f"--output {output}: expected a name that ends in .nc (NetCDF-4)")
    set_threads(threads)
    forecast = Forecast(model, inputs, samples=samples, sampler=sampler, seed=seed, cases=cases)
    if output.exists() and output.samefile(inputs):
        raise ValueError(f"--output {output}: is the file of the cases; give another name")
    require_room(output, forecast.nbytes)
    write(output, forecast.draw(batch_size=batch_size, device=device))
