"""One reader for the ways in which ERA5 files are written.

NetCDF and GRIB, also in the ZIP archives of the Climate Data Store; old and new names; packed
integers; any units of the quantity; fill values that are not declared; `expver` as a dimension
(final and preliminary data, each missing where the other is) or as a label; north first or south
first; longitudes 0..360 or -180..180, the first meridian once or at both ends; any order of times.
What comes out is always an array `[time, latitude, longitude]`, times ascending and unique,
latitudes ascending, longitudes ascending and contiguous, values in the units of `names`. What
cannot be brought into that form is refused with the reason.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from wdno.archives import space, time_axis
from wdno.archives.errors import LacksVariableError, RecordError
from wdno.archives.formats import open_file
from wdno.archives.names import Variable, lookup
from wdno.archives.packed import Scratch, is_zip, unpack
from wdno.archives.plausible import masked
from wdno.archives.units import UnitsError, conversion, stated
from wdno.archives.versions import final, in_time_order, of_each_time

log = logging.getLogger(__name__)

NAMES = {
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon"),
    "level": ("pressure_level", "isobaricInhPa", "level", "plev"),
}
"""Names of the axes in files, the preferred one first."""

BLOCK_BYTES = 32 * 1024 * 1024
"""Bytes of the file that are read at a time."""


def open_records(
    paths: Sequence[Path], variable: str, level: int | None, *, scratch: Path | None = None
) -> xr.DataArray:
    """Open several files, such as one a month, as one record, lazily.

    Args:
        paths: NetCDF or GRIB files, or ZIP archives of such.
        variable: Its name in the Climate Data Store ("2m_temperature") or in the files ("t2m").
        level: Pressure level in hPa; None where there is one level or none.
        scratch: Folder for what is unpacked, to be kept as long as the array is read; by default a
            temporary one, which is removed when Python ends.

    Returns:
        The array `[time, latitude, longitude]`, named by the short name of the variable, with
        `units`, `long_name`, `given_units`, those of the first file ("" where it says none), and
        `origin`, what it says of where it comes from.

    Raises:
        RecordError: A file is absent, not whole, or of a form that cannot be used, or the files
            have different grids or units.
    """
    unpacked = Scratch(scratch)
    opened = [one for path in paths for one in _open_all(path, variable, level, unpacked)]
    its_name, first = opened[0]
    for where, array in opened[1:]:
        for axis in ("latitude", "longitude"):
            ours, theirs = first[axis].to_numpy(), array[axis].to_numpy()
            if ours.shape != theirs.shape or not np.allclose(ours, theirs, atol=1e-4):
                raise RecordError(
                    f"{where}: {axis} {space.extent(array, axis)}, but {its_name} has "
                    f"{space.extent(first, axis)}; the files of one record share a grid"
                )
    others = [_in_units_of(first, its_name, array, where) for where, array in opened[1:]]
    whole = first
    if others:
        whole = xr.concat(
            [first, *others],
            "time",
            join="override",
            coords="minimal",
            compat="override",
            combine_attrs="override",
        )
    return in_time_order(whole)


def open_record(path: Path, variable: str, level: int | None = None) -> xr.DataArray:
    """Open one variable on one level of a file, lazily; see `open_records`."""
    return open_records([path], variable, level)


def _open_all(
    path: Path, variable: str, level: int | None, unpacked: Scratch
) -> list[tuple[str, xr.DataArray]]:
    """Open a file, or those of a ZIP archive that have the variable, each with its name."""
    if not is_zip(path):
        return [(str(path), _open_one(path, variable, level))]
    found, reasons = [], []
    for name, member in unpack(path, unpacked.place, str(path)):
        try:
            found.append((f"{name} of {path}", _open_one(member, variable, level)))
        except LacksVariableError as error:
            reasons.append(f"{name}: {error}")
    if not found:
        problem = "; ".join(reasons) or "it is empty"
        raise LacksVariableError(f"{path}: no file of the archive can be used: {problem}")
    return found


def _open_one(path: Path, variable: str, level: int | None) -> xr.DataArray:
    """Open a file as it is in time, with the `version` (expver) of each frame."""
    wanted = lookup(variable)
    dataset = open_file(path, wanted, level)
    name = _find(path, dataset, wanted)
    array = time_axis.one_axis(path, dataset[name])
    array = array.rename(
        {
            found: axis
            for axis, names in NAMES.items()
            if (found := next((n for n in names if n in array.coords), None)) not in (None, axis)
        }
    )
    array = _level(path, array, level)
    said = str(array.attrs.get("units", ""))
    given = said if stated(said) else ""
    long_name = wanted.long_name or str(array.attrs.get("long_name", wanted.short))
    # A block of time; larger than the file's own chunks, so that each is read once.
    per_time = max(array.nbytes // max(array.sizes["time"], 1), 1)
    array = array.chunk({"time": int(np.clip(BLOCK_BYTES // per_time, 1, 8192))})
    array = final(path, masked(array, wanted))
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
    array = _converted(array, given, wanted.units or given, f"{path}: {name!r}")
    array.attrs = {**array.attrs, "long_name": long_name, "origin": _origin(dataset)}
    return array.rename(wanted.short)


def _find(path: Path, dataset: xr.Dataset, variable: Variable) -> Hashable:
    """The name of the variable in the file."""
    for name in variable.names:
        if name in dataset.data_vars:
            return name
    for found, data in dataset.data_vars.items():
        if data.attrs.get("GRIB_shortName") in variable.names:
            return found
    raise LacksVariableError(
        f"{path}: no variable {variable.name!r} ({', '.join(variable.names)}); it has "
        f"{_listed(dataset.data_vars)}: name one of them as `variable`"
    )


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
    units = str(array["level"].attrs.get("units", ""))
    # Units of a mere number, such as `level`, are written of what is in hPa.
    with contextlib.suppress(UnitsError):
        levels = levels * (conversion(units, "hPa")[0] if stated(units) else 1.0)
    if level is None and levels.size > 1:
        problem = f"{levels.size} pressure levels, and `level` is null"
    elif level is not None and not np.isclose(levels, level).any():
        problem = f"no pressure level {level} hPa"
    else:
        index = 0 if level is None else int(np.flatnonzero(np.isclose(levels, level))[0])
        return array.isel(level=index) if "level" in array.dims else array
    there = ", ".join(f"{value:g}" for value in levels)
    raise RecordError(f"{path}: {array.name!r} has {problem}; its levels in hPa: {there}")


def _converted(array: xr.DataArray, given: str, wanted: str, what: str) -> xr.DataArray:
    """Values in the units that are wanted; where none are given, they are taken to be in those."""
    try:
        factor, offset = conversion(given, wanted) if given else (1.0, 0.0)
    except UnitsError as error:
        raise RecordError(
            f"{what} is in {given!r}, expected {wanted!r} or units that can be converted to it "
            f"({error}); convert the file before, or correct its attribute `units`"
        ) from error
    if not given and wanted:
        log.warning("%s has no `units`; it is taken to be in %r", what, wanted)
    if (factor, offset) != (1.0, 0.0):
        log.info("%s is converted from %r to %r", what, given, wanted)
        array = array * factor + offset
    array.attrs = {"units": wanted or "1", "given_units": given}
    return array


def _in_units_of(
    first: xr.DataArray, its_name: str, array: xr.DataArray, where: str
) -> xr.DataArray:
    """An array of several in the units of the first; of a known variable they are the same."""
    given, wanted = str(array.attrs["given_units"]), str(first.attrs["given_units"])
    if array.attrs["units"] == first.attrs["units"]:
        return array
    if not given or not wanted:
        lacking, other = (its_name, where) if given else (where, its_name)
        raise RecordError(
            f"{lacking}: {array.name!r} has no `units`, but in {other} it has; the files of one "
            "record say them all or none"
        )
    found = _converted(array, given, wanted, f"{where}: {array.name!r}")
    found.attrs = {**array.attrs, **found.attrs}
    return found


def _origin(dataset: xr.Dataset) -> str:
    keys = ("title", "institution", "source", "attribution", "GRIB_centreDescription", "history")
    return "; ".join(str(dataset.attrs[key]) for key in keys if key in dataset.attrs)


def _listed(names: Iterable[Hashable]) -> str:
    return ", ".join(sorted(map(str, names))) or "none"
