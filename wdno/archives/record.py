"""The one format of records that samples are cut from.

NetCDF-4, one variable `[time, latitude, longitude]`, float32, compressed, in chunks of a few times;
times in hours since 1970 and ascending, latitudes from south to north, longitudes from west to
east. Frames that are missing as a whole are left out: a gap, as if they had never been there.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr

from wdno.archives.errors import RecordError
from wdno.archives.plausible import refuse_impossible
from wdno.files import atomic_path
from wdno.provenance import provenance

log = logging.getLogger(__name__)

BLOCK_BYTES = 32 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
EPOCH = np.datetime64("1970-01-01T00", "h")
TIME_UNITS = "hours since 1970-01-01 00:00:00"
AXES = {
    "latitude": {"units": "degrees_north", "standard_name": "latitude", "long_name": "latitude"},
    "longitude": {"units": "degrees_east", "standard_name": "longitude", "long_name": "longitude"},
}


def hours(times: np.ndarray) -> np.ndarray:
    """Return times `[n]`, datetime64, as whole hours since 1970, int64."""
    since: np.ndarray = (times.astype("datetime64[h]") - EPOCH).astype(np.int64)
    return since


def date(hour: int) -> str:
    """Return hours since 1970 as text, `2019-03-01T00:00`."""
    return str((EPOCH + np.timedelta64(int(hour), "h")).astype("datetime64[m]"))


def blocks(array: xr.DataArray) -> Iterator[xr.DataArray]:
    """Yield an array `[time, latitude, longitude]` in pieces of time that fit in memory."""
    per_time = max(array.sizes["latitude"] * array.sizes["longitude"] * 4, 1)
    size = max(BLOCK_BYTES // per_time, 1)
    for start in range(0, array.sizes["time"], size):
        yield array.isel(time=slice(start, start + size)).load()


def write(
    path: Path,
    pieces: Iterable[xr.DataArray],
    attributes: Mapping[str, str],
    where: str,
    *,
    check: Callable[[Path], object] = lambda path: None,
) -> None:
    """Write a record piece by piece, whole or not at all.

    Args:
        path: The file.
        pieces: Arrays `[time, latitude, longitude]` on one grid, each after the one before.
        attributes: Attributes of the file.
        where: Where the pieces come from, for errors.
        check: Called with the whole file before it is moved into place; refuses it by raising.

    Raises:
        DiskFullError: No space left.
        RecordError: A frame has missing values beside others, or a value that cannot be, or no
            frame is whole.
    """
    gaps, count = 0, 0
    with atomic_path(path) as temporary:
        with netCDF4.Dataset(temporary, "w") as file:
            for piece in pieces:
                values, times = _whole(piece, where)
                gaps += piece.sizes["time"] - len(times)
                if not file.dimensions:
                    _lay_out(file, piece)
                file["time"][count : count + len(times)] = times
                file[str(piece.name)][count : count + len(times)] = values
                count += len(times)
            if not count:
                raise RecordError(f"{where}: no frame with values; nothing was written to {path}")
            file.setncatts({"Conventions": "CF-1.10", **attributes})
            file.setncattr("provenance", json.dumps(provenance()))
        check(temporary)
    if gaps:
        log.warning("%s: %d frames are missing as a whole and make gaps", where, gaps)


def read(path: Path) -> xr.DataArray:
    """Open a record lazily; its attributes are those of the file and of the variable.

    Raises:
        RecordError: The file is absent, not whole, or not a record.
    """
    try:
        dataset = xr.open_dataset(path, engine="netcdf4", decode_times=False)
        array: xr.DataArray = dataset[str(dataset.attrs["variable"])]
        array.isel(time=-1, latitude=-1, longitude=-1).load()
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise RecordError(
            f"{path}: not a complete record ({error}); delete it and run again"
        ) from error
    array.attrs = {**dataset.attrs, **array.attrs}
    return array


def _whole(piece: xr.DataArray, where: str) -> tuple[np.ndarray, np.ndarray]:
    """The frames of a piece that have values, and their times."""
    values, times = piece.to_numpy().astype(np.float32), hours(piece["time"].to_numpy())
    refuse_impossible(values, piece, where)
    missing = ~np.isfinite(values).reshape(len(values), -1)
    share = missing.mean(axis=1)
    partly = (share > 0) & (share < 1)
    if partly.any():
        raise RecordError(
            f"{where}: {int(missing[partly].sum())} values of {piece.name!r} are missing in "
            f"{int(partly.sum())} of {len(times)} frames, first at "
            f"{date(times[partly.argmax()])}, or stand there as a fill value such as -9999; "
            "choose a region where it is given everywhere, or get the file again"
        )
    return values[share == 0], times[share == 0]


def _lay_out(file: netCDF4.Dataset, piece: xr.DataArray) -> None:
    """Define dimensions and variables."""
    name = str(piece.name)
    # Chunks of a file without a limit default to 1 MiB or one value: 4 KiB hold a month's hours.
    file.createDimension("time", None)
    time = file.createVariable("time", "i8", ("time",), chunksizes=(512,))
    time.setncatts(
        {
            "units": TIME_UNITS,
            "calendar": "proleptic_gregorian",
            "standard_name": "time",
            "long_name": "time of validity",
        }
    )
    for axis, attributes in AXES.items():
        file.createDimension(axis, piece.sizes[axis])
        variable = file.createVariable(axis, "f8", (axis,))
        variable[:] = piece[axis].to_numpy()
        variable.setncatts(attributes)
    shape = piece.shape[1:]
    chunk = int(np.clip(CHUNK_BYTES // (4 * int(np.prod(shape))), 1, 512))
    options: dict[str, Any] = {"zlib": True, "complevel": 4, "shuffle": True, "fill_value": False}
    field = file.createVariable(name, "f4", ("time", *AXES), chunksizes=(chunk, *shape), **options)
    said = {"long_name": name, **piece.attrs}
    field.setncatts({key: str(said[key]) for key in ("units", "long_name") if key in said})
    file.setncattr("variable", name)
