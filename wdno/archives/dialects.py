"""One reader for the ways in which ERA5 files are written.

NetCDF and GRIB; old and new names of the Climate Data Store; packed integers; `expver` as a
dimension (final and preliminary data, each missing where the other is) or as a label; north first
or south first; longitudes 0..360 or -180..180; any order of times. What comes out is always
an array `[time, latitude, longitude]`, times ascending and unique, latitudes ascending, longitudes
ascending and contiguous. What cannot be brought into that form is refused with the reason.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from wdno.archives import space
from wdno.archives.errors import RecordError
from wdno.archives.names import Variable, lookup
from wdno.archives.versions import final, in_time_order, of_each_time

log = logging.getLogger(__name__)

NAMES = {
    "time": ("valid_time", "time"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon"),
    "level": ("pressure_level", "isobaricInhPa", "level", "plev"),
}
"""Names of the axes in files, the preferred one first."""

BLOCK_BYTES = 32 * 1024 * 1024
"""Bytes of the file that are read at a time."""


def open_records(paths: Sequence[Path], variable: str, level: int | None) -> xr.DataArray:
    """Open several files, such as one a month, as one record; see `open_record`.

    Raises:
        RecordError: A file cannot be used, or the files have different grids.
    """
    arrays = [_open_one(path, variable, level) for path in paths]
    for path, array in zip(paths, arrays, strict=True):
        for axis in ("latitude", "longitude"):
            ours, theirs = arrays[0][axis].to_numpy(), array[axis].to_numpy()
            if ours.shape != theirs.shape or not np.allclose(ours, theirs, atol=1e-4):
                raise RecordError(
                    f"{path}: {axis} {space.extent(array, axis)}, but {paths[0]} has "
                    f"{space.extent(arrays[0], axis)}; the files of one record share a grid"
                )
    whole = arrays[0]
    if len(arrays) > 1:
        whole = xr.concat(arrays, "time", join="override", coords="minimal", compat="override")
    return in_time_order(whole)


def open_record(path: Path, variable: str, level: int | None = None) -> xr.DataArray:
    """Open one variable on one level of a file, lazily.

    Args:
        path: NetCDF or GRIB file.
        variable: Its name in the Climate Data Store ("2m_temperature") or in the file ("t2m").
        level: Pressure level in hPa; None where there is one level or none.

    Returns:
        The array `[time, latitude, longitude]`, named by the short name of the variable, with
        `units`, `long_name`, and `origin`, what the file says of where it comes from.

    Raises:
        RecordError: The file is absent, not whole, or of a form that cannot be used.
    """
    return in_time_order(_open_one(path, variable, level))


def _open_one(path: Path, variable: str, level: int | None) -> xr.DataArray:
    """Open a file as it is in time, with the `version` (expver) of each frame."""
    wanted = lookup(variable)
    dataset = _open(path, wanted, level)
    name = _find(path, dataset, wanted)
    array = dataset[name]
    array = _one_time_axis(path, array)
    array = array.rename(
        {
            found: axis
            for axis in ("latitude", "longitude", "level")
            if (found := _coordinate(array, NAMES[axis])) not in (None, axis)
        }
    )
    array = _level(path, array, level)
    # A block of time; larger than the file's own chunks, so that each is read once.
    per_time = max(array.nbytes // max(array.sizes["time"], 1), 1)
    array = array.chunk({"time": int(np.clip(BLOCK_BYTES // per_time, 1, 8192))})
    array = final(path, array)
    for axis in ("latitude", "longitude"):
        if axis not in array.dims or axis not in array.coords:
            raise RecordError(
                f"{path}: {name!r} has the dimensions ({', '.join(map(str, array.dims))}) and no "
                f"coordinate {axis} along one of them; expected a regular grid of latitudes and "
                "longitudes: regrid the file before"
            )
    extra = [dim for dim in array.dims if dim not in ("time", "latitude", "longitude")]
    if several := [f"{dim} ({array.sizes[dim]})" for dim in extra if array.sizes[dim] != 1]:
        raise RecordError(
            f"{path}: {name!r} has the dimension {', '.join(several)} beside time, latitude and "
            "longitude; select one entry of it, or their mean, before"
        )
    version = ("time", of_each_time(array))
    array = array.squeeze(extra).reset_coords(drop=True).assign_coords(version=version)
    array = space.in_order(array.transpose("time", "latitude", "longitude"), str(path))
    units = wanted.units or str(array.attrs.get("units", "1"))
    long_name = wanted.long_name or str(array.attrs.get("long_name", wanted.short))
    array.attrs = {"units": units, "long_name": long_name, "origin": _origin(dataset)}
    return array.rename(wanted.short)


def _open(path: Path, variable: Variable, level: int | None) -> xr.Dataset:
    """Open a file by what its first bytes say it is."""
    if not path.is_file():
        there = "is a folder" if path.is_dir() else "not found"
        raise RecordError(f"{path}: {there}; expected a NetCDF or GRIB file")
    with path.open("rb") as file:
        start = file.read(8)
        file.seek(-min(4096, path.stat().st_size), 2)
        # Archives fill the last block up with zeros.
        end = file.read().rstrip(b"\0")
    try:
        if start.startswith(b"GRIB"):
            if not end.endswith(b"7777"):
                raise RecordError(f"{path}: {_cut_off(path)}")
            return _open_grib(path, variable, level)
        if start.startswith((b"\x89HDF", b"CDF")):
            _refuse_short(path, start)
            dataset = xr.open_dataset(path, engine="netcdf4")
            for data in dataset.data_vars.values():
                if data.size:
                    data.isel({dim: -1 for dim in data.dims}).load()
            return dataset
    except RecordError:
        raise
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise RecordError(f"{path}: {_cut_off(path)} ({error})") from error
    kind = "a ZIP archive: unpack it" if start.startswith(b"PK") else f"it begins with {start!r}"
    raise RecordError(f"{path}: not a NetCDF or GRIB file; {kind}")


def _refuse_short(path: Path, start: bytes) -> None:
    """Refuse a NetCDF-3 file that is shorter than its header says: it reads as zeros at its end."""
    if start[:4] not in (b"CDF\x01", b"CDF\x02"):
        return
    from scipy.io import netcdf_file

    try:
        # Mapping, not reading: quick for files of any size.
        file = netcdf_file(path, mmap=True)
        file.variables.clear()
        file.close()
    except (ValueError, TypeError, IndexError) as error:
        raise RecordError(f"{path}: {_cut_off(path)} ({error})") from error


def _cut_off(path: Path) -> str:
    return (
        f"cannot be read to its end, {path.stat().st_size} bytes; its download broke off or it is "
        "spoilt: get it again"
    )


def _open_grib(path: Path, variable: Variable, level: int | None) -> xr.Dataset:
    try:
        import cfgrib
    except (ImportError, RuntimeError) as error:
        raise RecordError(
            f"{path} is a GRIB file, and its reader is missing ({error}): "
            "pip install cfgrib eccodes"
        ) from error
    # Levels of other kinds and steps of other lengths do not fit into one data set.
    keys = {"typeOfLevel": "isobaricInhPa", "level": level} if level is not None else {}
    for name in variable.names:
        options: dict[str, Any] = {"indexpath": "", "errors": "raise"}
        options["filter_by_keys"] = {"cfVarName": name, **keys}
        try:
            dataset = xr.open_dataset(path, engine="cfgrib", backend_kwargs=options)
        except EOFError:
            continue
        except cfgrib.DatasetBuildError as error:
            raise RecordError(
                f"{path}: the messages of {name!r} do not make one array ({error}); write those of "
                "one kind of level and step to a file of their own (grib_copy -w)"
            ) from error
        if dataset.data_vars:
            return dataset
    parts: list[xr.Dataset] = cfgrib.open_datasets(str(path), backend_kwargs={"indexpath": ""})
    return xr.merge([part.reset_coords(drop=True) for part in parts], compat="override")


def _find(path: Path, dataset: xr.Dataset, variable: Variable) -> Hashable:
    """The name of the variable in the file."""
    for name in variable.names:
        if name in dataset.data_vars:
            return name
    for found, data in dataset.data_vars.items():
        if data.attrs.get("GRIB_shortName") in variable.names:
            return found
    raise RecordError(
        f"{path}: no variable {variable.name!r} ({', '.join(variable.names)}); it has "
        f"{_listed(dataset.data_vars)}: name one of them as `variable`"
    )


def _one_time_axis(path: Path, array: xr.DataArray) -> xr.DataArray:
    """Make the time of validity the coordinate `time` of a dimension `time`."""
    if {"time", "step"} <= set(array.dims) and "valid_time" in array.coords:
        # Forecasts: hours since one of a few starts a day.
        array = array.stack(frame=("time", "step"), create_index=False).drop_vars(["time", "step"])
    found = _coordinate(array, NAMES["time"])
    if found is None:
        raise RecordError(
            f"{path}: no coordinate {' or '.join(NAMES['time'])}; it has {_listed(array.coords)}"
        )
    times = array[found].variable
    if times.ndim == 0:
        array = array.drop_vars(["time", "valid_time"], errors="ignore").expand_dims("time")
        times = xr.Variable("time", times.to_numpy()[None])
    if times.ndim != 1:
        raise RecordError(f"{path}: time {found!r} has the dimensions {times.dims}, expected one")
    if not np.issubdtype(times.dtype, np.datetime64):
        raise RecordError(
            f"{path}: time {found!r} is not of the standard calendar with units such as "
            f"'hours since 1900-01-01', but {times.attrs.get('units', times.dtype)}"
        )
    values = times.to_numpy()
    hours = values.astype("datetime64[h]")
    if bool(np.isnat(values).any()) or bool((hours != values).any()):
        odd = values[np.isnat(values) | (hours != values)][0]
        raise RecordError(f"{path}: time {odd} is not a full hour, as those of ERA5 are")
    dim = times.dims[0]
    array = array.drop_vars(["time", "valid_time"], errors="ignore")
    array = array.rename({dim: "time"}) if dim != "time" else array
    return array.assign_coords(time=("time", values.astype("datetime64[ns]")))


def _level(path: Path, array: xr.DataArray, level: int | None) -> xr.DataArray:
    """Select the pressure level."""
    if "level" not in array.coords:
        if level is not None:
            raise RecordError(
                f"{path}: {array.name!r} has no pressure levels, but `level` is {level}; make it "
                "null"
            )
        return array
    levels = np.atleast_1d(array["level"].to_numpy()).astype(float)
    if array["level"].attrs.get("units") == "Pa":
        levels = levels / 100
    if level is None and levels.size > 1:
        problem = f"{levels.size} pressure levels, and `level` is null"
    elif level is not None and not np.isclose(levels, level).any():
        problem = f"no pressure level {level} hPa"
    else:
        index = 0 if level is None else int(np.flatnonzero(np.isclose(levels, level))[0])
        return array.isel(level=index) if "level" in array.dims else array
    there = ", ".join(f"{value:g}" for value in levels)
    raise RecordError(f"{path}: {array.name!r} has {problem}; its levels in hPa: {there}")


def _coordinate(array: xr.DataArray, names: Iterable[str]) -> str | None:
    return next((name for name in names if name in array.coords), None)


def _origin(dataset: xr.Dataset) -> str:
    keys = ("title", "institution", "source", "attribution", "GRIB_centreDescription", "history")
    return "; ".join(str(dataset.attrs[key]) for key in keys if key in dataset.attrs)


def _listed(names: Iterable[Hashable]) -> str:
    return ", ".join(sorted(map(str, names))) or "none"
