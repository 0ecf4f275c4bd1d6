"""The time of each frame, whatever a file calls it and in whatever units it counts.

Times are full hours of the standard calendar. Other calendars are those of climate models, whose
days are not days of a reanalysis.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr

from wdno.archives.errors import RecordError

NAMES = ("valid_time", "time")
"""Names of the coordinate in files, the preferred one first."""

NEAR = np.timedelta64(30, "s")
"""Times that are stored as fractions of a day are a full hour but for rounding."""


def with_dates(path: Path, dataset: xr.Dataset) -> xr.Dataset:
    """Return a data set with its times as dates, where they have units that say which.

    Raises:
        RecordError: Times have units or a calendar that are none.
    """
    try:
        # What is in hours or days and no time, such as how long the sun shone, stays a number.
        return xr.decode_cf(dataset, mask_and_scale=False, decode_timedelta=False)
    except (ValueError, OverflowError, TypeError) as error:
        described = ", ".join(
            f"{name!r} in {_described(dataset[name])}"
            for name in dataset.variables
            if " since " in str(dataset[name].attrs.get("units", ""))
        )
        raise RecordError(
            f"{path}: times cannot be read as dates: {described} ({error}); expected units such as "
            "'hours since 1900-01-01' in the calendar 'standard'"
        ) from error


def one_axis(path: Path, array: xr.DataArray) -> xr.DataArray:
    """Make the time of validity the coordinate `time` of a dimension `time`, in full hours.

    Raises:
        RecordError: There is no time, or it is not one axis of full hours of the standard calendar.
    """
    if {"time", "step"} <= set(array.dims) and "valid_time" in array.coords:
        # Forecasts: hours since one of a few starts a day.
        array = array.stack(frame=("time", "step"), create_index=False).drop_vars(["time", "step"])
    found = next((name for name in NAMES if name in array.coords), None)
    if found is None:
        raise RecordError(
            f"{path}: no coordinate {' or '.join(NAMES)}; it has {_listed(array.coords)}"
        )
    times = array[found].variable
    if times.ndim == 0:
        array = array.drop_vars(["time", "valid_time"], errors="ignore").expand_dims("time")
        times = xr.Variable("time", times.to_numpy()[None], times.attrs, times.encoding)
    if times.ndim != 1:
        raise RecordError(f"{path}: time {found!r} has the dimensions {times.dims}, expected one")
    hours = _full_hours(path, found, times)
    dim = times.dims[0]
    array = array.drop_vars(["time", "valid_time"], errors="ignore")
    array = array.rename({dim: "time"}) if dim != "time" else array
    return array.assign_coords(time=("time", hours.astype("datetime64[ns]")))


def refuse_undated(where: object, name: str, times: xr.Variable) -> None:
    """Refuse times that are no dates of the standard calendar.

    Raises:
        RecordError: Names units and calendar of the times.
    """
    if not np.issubdtype(times.dtype, np.datetime64):
        raise RecordError(
            f"{where}: time {name!r} is in {_described(times)}, and dates of the calendar "
            "'standard' with units such as 'hours since 1900-01-01' are expected; convert it "
            "before, such as by xarray's `convert_calendar`, or write the units that it counts in"
        )


def _full_hours(path: Path, name: str, times: xr.Variable) -> np.ndarray:
    refuse_undated(path, name, times)
    values = times.to_numpy()
    hours: np.ndarray = (values + np.timedelta64(30, "m")).astype("datetime64[h]")
    odd = np.isnat(values) | (np.abs(values - hours) > NEAR)
    if odd.any():
        raise RecordError(f"{path}: time {values[odd][0]} is not a full hour, as those of ERA5 are")
    return hours


def _described(times: xr.Variable | xr.DataArray) -> str:
    """Units, calendar and range of times, as the file has them."""
    said = {**times.attrs, **times.encoding}
    values = times.to_numpy().ravel()
    span = f"{values[0]} to {values[-1]}" if values.size else "no values"
    units = f"the units {said['units']!r}" if "units" in said else "no units"
    calendar = f" and the calendar {said['calendar']!r}" if "calendar" in said else ""
    return f"{units}{calendar} ({span})"


def _listed(names: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, names))) or "none"
