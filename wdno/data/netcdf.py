"""Trajectories as NetCDF-4: the one format between generation, training and evaluation.

A file describes itself. Dimensions are ``sample``, ``time`` (frames, the given ones first),
``interval`` (one forcing value each) and the spatial axes; every axis has a coordinate with units,
every spatial one its ``boundary``, whether ``values`` are at points or means over cells, and where
they are zero at its ``ends`` those; every field has a role: ``state``, ``forcing``, ``series`` or
``diagnostic``. What is the same for all samples and times has the role ``static`` and stands there
once, on coordinates of its own where it is finer than the stored grid: a scene's obstacles.
Numbers of a sample (its seed, diagnostics of its solver) are coordinates along ``sample``; one with
the standard name ``forecast_reference_time``, in hours, puts the sample in the calendar. What reads
it needs to know nothing of the system.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from wdno.files import atomic_path
from wdno.provenance import provenance
from wdno.systems.base import System

CHUNK_BYTES = 64 * 1024
"""Small samples share chunks of about this size; to read one at random is to read all of them."""
MIN_CACHE_BYTES = 1024**2
MEMBER = "realization"
"""Dimension of the samples of one case, of an ensemble that is predicted."""
COMPRESSION = {"zlib": True, "complevel": 4, "shuffle": True}


class DataError(ValueError):
    """A data file that cannot be used; the message says which, why, and what to do."""


def is_stand_in(dataset: xr.Dataset) -> bool:
    """Whether the samples of a data file are made in place of a record that could not be had."""
    return bool(dataset.attrs.get("stand_in") == "true")


def to_dataset(system: System, arrays: Mapping[str, np.ndarray], first: int) -> xr.Dataset:
    """Describe the arrays of consecutive samples by the system's fields, axes and coordinates.

    Args:
        system: the system that made the arrays.
        arrays: state fields ``[n, T + g, *space]``, forcing fields ``[n, T, *space]``, series and
            diagnostics ``[n, T + g]`` and the numbers of each sample ``[n]``, by name.
        first: index of the first sample in its split.

    Returns:
        A data set with coordinates and attributes, without provenance.
    """
    coordinates = system.coordinates()
    space = tuple(axis.name for axis in system.axes)
    dims = {
        "state": ("sample", "time", *space),
        "forcing": ("sample", "interval", *space),
        "series": ("sample", "time"),
        "diagnostic": ("sample", "time"),
    }
    variables: dict[str, Any] = {
        field.name: (
            dims[field.role],
            np.asarray(arrays[field.name], dtype=np.float32),
            {"long_name": field.long_name, "units": field.units, "role": field.role},
        )
        for field in system.fields
    }
    for item in system.static():
        attributes = {"long_name": item.long_name, "units": item.units, **item.attributes}
        role = {} if item.dims == (item.name,) else {"role": "static"}
        variables[item.name] = (item.dims, item.values, attributes | role)
    count = len(arrays[system.fields[0].name])
    coords: dict[str, Any] = {
        "sample": ("sample", np.arange(first, first + count), {"long_name": "sample"})
    }
    for number in system.per_sample:
        attributes = {"long_name": number.long_name, "units": number.units}
        if number.standard_name:
            attributes["standard_name"] = number.standard_name
        if number.diagnostic:
            attributes["role"] = "diagnostic"
        coords[number.name] = ("sample", np.asarray(arrays[number.name]), attributes)
    for axis in system.axes:
        attributes = {"long_name": axis.long_name, "units": axis.units, "boundary": axis.boundary}
        attributes["values"] = "cell means" if axis.cells else "points"
        if axis.ends:
            attributes["ends"] = list(axis.ends)
        coords[axis.name] = (axis.name, coordinates[axis.name], attributes)
    units = system.time_units
    coords["time"] = ("time", coordinates["time"], {"long_name": "time", "units": units})
    if "interval" in coordinates:
        coords["interval"] = (
            "interval",
            coordinates["interval"],
            {"long_name": "centre of the forcing interval", "units": units},
        )
        coords["interval_bounds"] = (("interval", "bound"), coordinates["interval_bounds"])
    dataset = xr.Dataset(variables, coords=coords)
    dataset.attrs = {
        "Conventions": "CF-1.10",
        "system": system.name,
        "title": system.title,
        "given_frames": system.given_frames,
        **system.attributes,
    }
    return dataset


def encoding(dataset: xr.Dataset, samples: int | None = None) -> dict[str, dict[str, Any]]:
    """Return how variables are stored: in chunks of whole samples, compressed.

    Args:
        dataset: fields with samples along their first dimension, and what is static.
        samples: samples that the file will have; by default those of the data set.

    Returns:
        The encoding of every variable, by name. Coordinates have no fill value, as the CF
        conventions say.
    """
    chosen: dict[str, dict[str, Any]] = {str(name): {"_FillValue": None} for name in dataset.coords}
    for name, variable in dataset.data_vars.items():
        # Of an ensemble, a member is read at a time.
        first, *rest = (1 if dim == MEMBER else size for dim, size in variable.sizes.items())
        chunk = first
        if variable.attrs.get("role") != "static":
            per_sample = int(np.prod(rest)) * variable.dtype.itemsize
            chunk = int(np.clip(CHUNK_BYTES // max(per_sample, 1), 1, samples or first))
        chosen[str(name)] = {**COMPRESSION, "chunksizes": (chunk, *rest)}
    return chosen


def write(path: Path, dataset: xr.Dataset, **attributes: object) -> None:
    """Write a data set whole or not at all, with its provenance.

    Args:
        path: the file to write.
        dataset: fields and coordinates.
        **attributes: settings to keep in the file; values that are not strings become JSON.

    Raises:
        OSError: the file cannot be written; nothing is left under its name.
    """
    dataset.attrs.update(_attributes(attributes))
    with atomic_path(path) as temporary:
        dataset.to_netcdf(temporary, engine="netcdf4", encoding=encoding(dataset))


def join(path: Path, parts: Sequence[Path], **attributes: object) -> None:
    """Write files whose samples follow each other as one, whole or not at all.

    One field of one part is in memory at a time, however many parts there are.

    Args:
        path: the file to write, as :func:`write` writes it, with provenance.
        parts: files with the same fields, in the order of their samples; at least one.
        **attributes: settings to keep in the file, as in :func:`write`.

    Raises:
        OSError: the file cannot be written; nothing is left under its name.
    """
    counts = []
    for part in parts:
        with netCDF4.Dataset(part) as piece:
            counts.append(len(piece.dimensions["sample"]))
    with atomic_path(path) as temporary:
        with xr.open_dataset(parts[0], engine="netcdf4", decode_times=False) as first:
            first.attrs.update(_attributes(attributes))
            first.to_netcdf(
                temporary,
                engine="netcdf4",
                encoding=encoding(first, sum(counts)),
                unlimited_dims=("sample",),
            )
        with netCDF4.Dataset(temporary, "a") as whole:
            growing = [n for n, v in whole.variables.items() if "sample" in v.dimensions]
            for name in growing:
                keep_few_chunks(whole[name])
            stop = counts[0]
            for part, count in zip(parts[1:], counts[1:], strict=True):
                start, stop = stop, stop + count
                with netCDF4.Dataset(part) as piece:
                    for stored in (whole, piece):
                        stored.set_auto_maskandscale(False)
                    for name in growing:
                        whole[name][start:stop] = piece[name][:]


def keep_few_chunks(variable: Any) -> None:
    """Limit what HDF5 keeps of a variable in memory, by default 64 MB of each.

    Args:
        variable: a variable of `netCDF4`, of an open file; the cache holds two of its chunks.
    """
    chunks = variable.chunking()
    if chunks != "contiguous":
        bytes_each = int(np.prod(chunks)) * variable.dtype.itemsize
        variable.set_var_chunk_cache(size=max(2 * bytes_each, MIN_CACHE_BYTES))


def _attributes(settings: Mapping[str, object]) -> dict[str, str]:
    """Settings and provenance as attributes of a file."""
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in {**settings, "provenance": provenance()}.items()
    }


def open_netcdf(path: Path) -> xr.Dataset:
    """Open a NetCDF file lazily, with times as numbers.

    Raises:
        DataError: the file is truncated, or none of this format.
    """
    try:
        dataset = xr.open_dataset(path, engine="netcdf4", decode_times=False)
        for variable in dataset.data_vars.values():
            # A truncated file can open well and fail only where it ends.
            if variable.size:
                variable.isel({dim: -1 for dim in variable.dims}).load()
    except (OSError, RuntimeError, ValueError) as error:
        size = Path(path).stat().st_size
        raise DataError(
            f"data file {path}: not a complete NetCDF-4 file ({size} bytes; {error}); "
            "delete it and run again"
        ) from error
    return dataset


def open_dataset(path: Path) -> xr.Dataset:
    """Open a data file lazily.

    Raises:
        DataError: the file is absent, truncated, or was not written by this program.
    """
    if not Path(path).exists():
        raise DataError(f"data file {path}: not found; make it with `snakemake {path}`")
    dataset = open_netcdf(path)
    if missing := [
        name for name in ("system", "title", "given_frames") if name not in dataset.attrs
    ]:
        raise DataError(
            f"data file {path}: lacks the attribute(s) {', '.join(missing)}; expected a file "
            "written by `wdno generate` of this version"
        )
    return dataset


def reference_times(dataset: xr.Dataset) -> NDArray[np.int64] | None:
    """Return the reference time of each sample, in hours, ``[N]``; None without a calendar."""
    for name, variable in dataset.coords.items():
        if variable.attrs.get("standard_name") == "forecast_reference_time":
            if not str(variable.attrs.get("units", "")).startswith("hours since"):
                raise DataError(
                    f"coordinate {str(name)!r}: expected the units 'hours since ...', got "
                    f"{variable.attrs.get('units')!r}"
                )
            return np.asarray(variable.to_numpy(), dtype=np.int64)
    return None
