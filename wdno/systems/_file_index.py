"""From a user's files to an index of their trajectories, and from it to their values.

The index is what `wdno fetch` writes: where each trajectory lies, of which split it is, and the
coordinates. The values stay where they are and are read when samples are drawn.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from wdno.archives.errors import RecordError
from wdno.files import atomic_path
from wdno.provenance import provenance
from wdno.systems._file_layouts import Array, Opened, opened
from wdno.systems._file_options import SPLITS
from wdno.systems._file_values import check_field, coarser

if TYPE_CHECKING:
    from wdno.systems._file_options import FileAxisOptions, FileOptions

log = logging.getLogger(__name__)

NEAR = 1e-2
"""Share of a spacing by which coordinates may differ from an even spacing."""
ORDER = 1
"""Stream of the random order in which trajectories are shared among the splits."""


@dataclass(frozen=True)
class _Described:
    """What a file holds: number of trajectories, coordinates as stored, and units of the fields."""

    path: Path
    count: int
    coordinates: dict[str, Array]
    units: dict[str, str]


def write_index(
    options: FileOptions, output: Path, further: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Check the files of the options and write the index of their trajectories.

    Args:
        options: Which files, and what of them.
        output: The index.
        further: Attributes to keep in it.

    Raises:
        DiskFullError: No space left.
        RecordError: A file cannot be used, the files differ, or a split has no trajectory.
    """
    shared = options.split_paths is None
    found = [
        (split, _describe(Path(path), options))
        for split in ([None] if shared else SPLITS)
        for path in options.files_of(split)
    ]
    files = [file for _, file in found]
    for file in files[1:]:
        _refuse_difference(files[0], file)
    number = np.repeat(np.arange(len(files)), [file.count for file in files])
    trajectory = np.concatenate([np.arange(file.count) for file in files])
    if shared:
        order, split = _shares(len(number), options)
    else:
        order = np.arange(len(number))
        split = np.repeat([SPLITS.index(str(s)) for s, _ in found], [f.count for _, f in found])
    if empty := [name for i, name in enumerate(SPLITS) if not (split == i).any()]:
        raise RecordError(
            f"{len(number)} trajectories in {len(files)} files leave none for "
            f"{' and '.join(empty)}; give more of them, or other `splits`"
        )
    variables = {
        "file": ("row", number[order]),
        "trajectory": ("row", trajectory[order]),
        "split": ("row", split),
    }
    first = files[0]
    index = xr.Dataset(variables, {name: (name, x) for name, x in first.coordinates.items()})
    index.attrs = {
        "files": json.dumps([[str(f.path), _bytes(f.path)] for f in files]),
        "units": json.dumps(first.units),
        "grid": json.dumps(options.grid_shape()),
        "provenance": json.dumps(provenance()),
        **further,
    }
    with atomic_path(output) as temporary:
        index.to_netcdf(temporary, engine="netcdf4")


def read_index(path: Path, options: FileOptions) -> xr.Dataset:
    """Read an index.

    Raises:
        RecordError: It is absent, not whole, or of another grid.
    """
    index = _read(path)
    grid = json.loads(index.attrs["grid"])
    if grid != list(options.grid_shape()):
        raise RecordError(
            f"{path}: of the grid {grid}, the options ask for {list(options.grid_shape())}; delete "
            "it and run again"
        )
    return index


def attribute_of(path: Path, name: str) -> str:
    """Return an attribute of an index.

    Raises:
        RecordError: The index is absent, not whole, or has none of that name.
    """
    attributes = _read(path).attrs
    if name not in attributes:
        raise RecordError(f"{path}: has no {name!r}; delete it and run again")
    return str(attributes[name])


def _read(path: Path) -> xr.Dataset:
    try:
        with xr.open_dataset(path, engine="netcdf4", decode_times=False) as stored:
            index = stored.load()
        json.loads(index.attrs["grid"])
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise RecordError(
            f"{path}: not a complete index of trajectories ({error}); delete it and run again"
        ) from error
    return index


def paths_of(index: xr.Dataset) -> list[Path]:
    """Return the files of an index.

    Raises:
        RecordError: One is no longer there, or no longer the same.
    """
    paths = []
    for name, size in json.loads(index.attrs["files"]):
        path = Path(name)
        if not path.exists() or _bytes(path) != size:
            there = "has changed" if path.exists() else "is no longer there"
            raise RecordError(f"{path} {there} since it was looked through: run `wdno fetch` again")
        paths.append(path)
    return paths


def _bytes(path: Path) -> int:
    """Bytes of a file; of a folder, such as a Zarr store, none."""
    return path.stat().st_size if path.is_file() else 0


def _shares(count: int, options: FileOptions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows in a fixed random order, and the split of each."""
    rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(ORDER,)))
    shares = options.splits
    test, validation = round(count * shares.test), round(count * shares.validation)
    counts = (count - test - validation, validation, test)
    return rng.permutation(count), np.repeat(np.arange(len(SPLITS)), counts)


def _describe(path: Path, options: FileOptions) -> _Described:
    with opened(path, options) as file:
        counts = {}
        for name in options.fields:
            check_field(file, options, name)
            if (size := file.variables[name].size("sample")) is not None:
                counts[name] = size
        if len(set(counts.values())) > 1:
            raise RecordError(
                f"{path}: fields have different numbers of trajectories: "
                + ", ".join(f"{name} {count}" for name, count in counts.items())
            )
        for name, axis in options.axes.items():
            said = file.boundaries.get(name)
            if said and (said == "periodic") != (axis.boundary == "periodic"):
                raise RecordError(
                    f"{path}: says that the boundary of {name!r} is {said!r}, and the options that "
                    f"it is {axis.boundary!r}; correct axes.{name}.boundary"
                )
        frames = options.time.first + options.time.every * np.arange(
            options.given + options.time.steps
        )
        stored = next(v for v in file.variables.values() if "time" in v.dims)
        times = _evenly(file, "time", int(stored.size("time") or 0))
        coordinates = {"time": times[frames]}
        for name, axis in options.axes.items():
            coordinates[name] = _axis(file, name, axis)
        units = {name: file.variables[name].units for name in options.fields}
        return _Described(path, next(iter(counts.values()), 1), coordinates, units)


def _axis(file: Opened, name: str, axis: FileAxisOptions) -> Array:
    stored = next(v for v in file.variables.values() if name in v.dims)
    return coarser(_evenly(file, name, int(stored.size(name) or 0)), 0, axis)


def _evenly(file: Opened, name: str, count: int) -> Array:
    """The coordinate of a file; numbers where it has none."""
    found = file.coordinates.get(name)
    if found is None:
        log.warning("%s: no coordinate %r; its points are numbered from 0", file.path, name)
        return np.arange(count, dtype=np.float64)
    if found.shape != (count,):
        raise RecordError(
            f"{file.path}: the coordinate of {name!r} has the shape {found.shape}, its fields "
            f"{count} points along it"
        )
    steps = np.diff(found)
    if count > 1 and not (
        np.isfinite(found).all()
        and steps.mean() != 0
        and np.abs(steps - steps.mean()).max() <= NEAR * abs(steps.mean())
    ):
        raise RecordError(
            f"{file.path}: the coordinate of {name!r} is not evenly spaced, by {steps.min():g} to "
            f"{steps.max():g}; interpolate the file to an even spacing before"
        )
    return found


def _refuse_difference(first: _Described, other: _Described) -> None:
    for name, ours in first.coordinates.items():
        theirs = other.coordinates[name]
        spacing = abs(ours[-1] - ours[0]) / max(len(ours) - 1, 1)
        if not np.allclose(ours, theirs, rtol=0, atol=NEAR * max(spacing, 1e-12)):
            raise RecordError(
                f"{other.path}: {name!r} from {theirs[0]:g} to {theirs[-1]:g}, but {first.path} "
                f"has {ours[0]:g} to {ours[-1]:g}; all files share a grid and times"
            )
    if other.units != first.units:
        raise RecordError(
            f"{other.path}: units {other.units}, but {first.path} has {first.units}; write the "
            "files in the same units"
        )


def rows_of(index: xr.Dataset, split: str) -> NDArray[np.int64]:
    """Return the rows of a split, in their order."""
    return np.flatnonzero(index["split"].to_numpy() == SPLITS.index(split))


def by_file(numbers: Sequence[int]) -> dict[int, list[int]]:
    """Return positions by the number of the file that they are of."""
    found: dict[int, list[int]] = {}
    for position, number in enumerate(numbers):
        found.setdefault(int(number), []).append(position)
    return found
