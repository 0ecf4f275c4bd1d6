"""Files as they are on the disk: NetCDF or GRIB, told by their first bytes.

A file that ends too early is refused here, whatever its format; none of them says so by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from wdno.archives.errors import RecordError
from wdno.archives.names import Variable
from wdno.archives.time_axis import with_dates

NETCDF = (b"\x89HDF", b"CDF")
OTHERS = {
    b"\x1f\x8b": "a gzip file: unpack it",
    b"BZh": "a bzip2 file: unpack it",
    b"PK": "a ZIP archive: unpack it",
}
"""First bytes of packed files that are not read."""


def open_file(path: Path, variable: Variable, level: int | None) -> xr.Dataset:
    """Open a NetCDF or GRIB file lazily, its times as dates.

    Args:
        path: The file.
        variable: What of a GRIB file is read.
        level: Its pressure level in hPa, or None.

    Raises:
        RecordError: The file is absent, not whole, of another format, or its times are no dates.
    """
    if not path.is_file():
        there = "is a folder" if path.is_dir() else "not found"
        raise RecordError(f"{path}: {there}; expected a NetCDF or GRIB file")
    start = _first_bytes(path)
    try:
        if start.startswith(b"GRIB"):
            if not _last_bytes(path).endswith(b"7777"):
                raise RecordError(f"{path}: {_cut_off(path)}")
            return _open_grib(path, variable, level)
        if start.startswith(NETCDF):
            _refuse_short(path, start)
            dataset = xr.open_dataset(path, engine="netcdf4", decode_times=False)
            for data in dataset.data_vars.values():
                if data.size:
                    data.isel({dim: -1 for dim in data.dims}).load()
            return with_dates(path, dataset)
    except RecordError:
        raise
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise RecordError(f"{path}: {_cut_off(path)} ({error})") from error
    kinds = (kind for first, kind in OTHERS.items() if start.startswith(first))
    kind = next(kinds, f"it begins with {start!r}")
    raise RecordError(f"{path}: not a NetCDF or GRIB file; {kind}")


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _last_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-min(4096, path.stat().st_size), 2)
        # Archives fill the last block up with zeros.
        return file.read().rstrip(b"\0")


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
