"""Public Zarr stores: ARCO-ERA5 and WeatherBench 2, read month by month without an account."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from wdno.archives import months, record, space
from wdno.archives.errors import RecordError
from wdno.archives.months import Month
from wdno.archives.names import lookup
from wdno.archives.plausible import masked
from wdno.archives.retry import TRANSIENT_STATUS, WAITS, patiently, status
from wdno.archives.space import Region
from wdno.archives.time_axis import refuse_undated

log = logging.getLogger(__name__)

AXES = {"lat": "latitude", "lon": "longitude", "pressure_level": "level", "valid_time": "time"}
"""Names of axes in some stores, and here."""

DAY = 24
"""Times that are read at least at once."""


def fetch(
    store: str,
    variable: str,
    level: int | None,
    region: Region,
    years: Sequence[int],
    every: int,
    *,
    check: Callable[[xr.DataArray], object] = lambda array: None,
    waits: Sequence[float] = WAITS,
) -> list[Path]:
    """Read a region of a store into files of a month in the cache.

    Args:
        store: URL; `gs://` is read over HTTPS, which needs no account.
        variable: Name in the store.
        level: Pressure level in hPa, or None.
        region: The region.
        years: The years, whole.
        every: Hours between the times of a day, a divisor of 24.
        check: Called with the region, lazily, before anything of it is read; refuses it by raising.
        waits: Seconds before each further try of a read.

    Returns:
        The files, in the order of time.

    Raises:
        RecordError: The store cannot be reached or read, or lacks what is asked for; months that
            are complete are kept.
    """
    opened: list[xr.DataArray] = []

    def get(month: Month, path: Path) -> None:
        try:
            if not opened:
                array = patiently(
                    lambda: _open(store, variable, level),
                    name=store,
                    transient=_transient,
                    waits=waits,
                )
                _refuse_other_times(array, years, every, store)
                check(space.cut(array, region, store))
                opened.append(array)
            pieces = _pieces(opened[0], month, region, store, waits)
            record.write(path, pieces, {"source": store, "month": str(month)}, f"{store}, {month}")
        except RecordError:
            raise
        except Exception as error:
            if not _transient(error):
                raise
            raise RecordError(
                f"{store} could not be read for {month}: {error!r}; months that are complete are "
                f"kept in {path.parent}: run again to continue there"
            ) from error

    box = [region.north, region.west, region.south, region.east]
    request = {"store": store, "variable": variable, "level": level, "region": box}
    return months.fetch("zarr", request, years, every, get)


def _open(store: str, variable: str, level: int | None) -> xr.DataArray:
    """Open a variable of a store lazily: `[time, latitude, longitude]` in its own order."""
    url, options = _address(store)
    try:
        dataset = xr.open_zarr(url, chunks=None, storage_options=options)
    except ImportError as error:
        raise RecordError(
            f"{store} cannot be read, a package is missing ({error}): "
            "pip install zarr 'fsspec[http]'"
        ) from error
    except FileNotFoundError as error:
        raise RecordError(f"{store}: no Zarr store there ({error}); check `store`") from error
    name = next((name for name in lookup(variable).names if name in dataset.data_vars), None)
    if name is None:
        there = ", ".join(sorted(map(str, dataset.data_vars)))
        raise RecordError(f"{store}: no variable {variable!r}; it has {there}")
    time = "time" if "time" in dataset else "valid_time"
    refuse_undated(store, time, dataset[time].variable)
    array: xr.DataArray = dataset[name]
    array = array.rename({old: new for old, new in AXES.items() if old in array.dims})
    if "level" in array.dims:
        levels = array["level"].to_numpy()
        if level is None or level not in levels:
            there = ", ".join(f"{value:g}" for value in levels)
            raise RecordError(f"{store}: {name!r} has no level {level}; in hPa: {there}")
        array = array.isel(level=int(np.flatnonzero(levels == level)[0]))
    elif level is not None:
        raise RecordError(f"{store}: {name!r} has no levels, but `level` is {level}; make it null")
    piece = int(array.encoding.get("preferred_chunks", {}).get("time", 1))
    array = array.reset_coords(drop=True).transpose("time", "latitude", "longitude")
    # The times of a piece of the store, several of them if it holds less than a day.
    number = np.arange(array.sizes["time"]) // (piece * -(-DAY // piece))
    array = array.assign_coords(piece=("time", number)).isel(time=_valid(dataset, time))
    return array.rename(lookup(variable).short)


def _address(store: str) -> tuple[str, dict[str, Any] | None]:
    """The URL to read and the options of its file system."""
    if store.startswith("gs://"):
        store = store.replace("gs://", "https://storage.googleapis.com/", 1)
    if store.startswith(("http://", "https://")):
        # Honour the proxies of the environment.
        return store, {"client_kwargs": {"trust_env": True}}
    return store, None


def _valid(dataset: xr.Dataset, time: str) -> slice:
    """The part of the time axis that is filled: some stores are laid out for years to come."""
    times = dataset[time].to_numpy()
    first = np.datetime64(dataset.attrs.get("valid_time_start", times[0]))
    last = np.datetime64(dataset.attrs.get("valid_time_stop", times[-1]))
    # A date names the whole of its day.
    end = last + 1 if last.dtype == "datetime64[D]" else last + np.timedelta64(1, "ns")
    return slice(int(np.searchsorted(times, first)), int(np.searchsorted(times, end)))


def _refuse_other_times(array: xr.DataArray, years: Sequence[int], every: int, store: str) -> None:
    """Refuse years of which a store lacks a part, and times between its own."""
    times = array["time"].to_numpy()
    span = f"{times[0]} to {times[-1]}" if len(times) else "no times"
    spacing = times[1] - times[0] if len(times) > 1 else np.timedelta64(1, "h")
    for year in sorted(set(years)):
        for month in (Month(year, number, every) for number in range(1, 13)):
            wanted = month.times.astype(times.dtype)
            # The next time after the last would be past the month: stores may have fewer a day.
            if len(times) < 2 or wanted[0] < times[0] or wanted[-1] >= times[-1] + spacing:
                raise RecordError(
                    f"{store}: {month} is not whole there, it has {span}; choose other `years`"
                )
    hours = int(spacing // np.timedelta64(1, "h"))
    if hours > 1 and every % hours:
        raise RecordError(
            f"{store}: it has a frame every {hours} h, and windows need one every {every} h of a "
            f"day; make `step` a multiple of {hours}"
        )


def _pieces(
    array: xr.DataArray, month: Month, region: Region, store: str, waits: Sequence[float]
) -> Iterator[xr.DataArray]:
    """Read a month piece by piece, each piece of the store once."""
    wanted = month.times.astype(array["time"].dtype)
    rows, columns = space.points(array, region, store)
    # Stores are read in ascending order; the order of the region follows.
    box = array.isel(latitude=np.sort(rows), longitude=np.sort(columns))
    box = box.isel(time=np.flatnonzero(np.isin(box["time"].to_numpy(), wanted)))
    numbers = box["piece"].to_numpy()
    for number in np.unique(numbers):
        part = box.isel(time=np.flatnonzero(numbers == number)).drop_vars("piece")
        read = patiently(part.load, name=f"{store}, {month}", transient=_transient, waits=waits)
        read = masked(read, lookup(str(read.name)))
        _refuse_missing(read, store)
        yield space.cut(read, region, store)


def _refuse_missing(array: xr.DataArray, store: str) -> None:
    # A piece that a store lacks reads as missing values, without an error.
    missing = ~np.isfinite(array.to_numpy())
    if missing.any():
        when = array["time"].to_numpy()[missing.any(axis=(1, 2)).argmax()]
        raise RecordError(
            f"{store}: {int(missing.sum())} values of {array.name!r} are missing, first at {when}; "
            "choose other years or another region"
        )


def _transient(error: Exception) -> bool:
    """Whether a read may succeed later."""
    if isinstance(error, FileNotFoundError | PermissionError):
        return False
    code = status(error)
    if code is not None:
        return code in TRANSIENT_STATUS
    # aiohttp is there only where stores are read.
    return isinstance(error, OSError) or type(error).__module__.startswith("aiohttp")
