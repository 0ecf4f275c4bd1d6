"""Final and preliminary data (`expver`), and the order of times.

Recent data of the Climate Data Store are preliminary ("ERA5T", expver 5) until the final ones
(expver 1) replace them two or three months later. Files hold both, along a dimension or as a label
of each time.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from wdno.archives.errors import RecordError

log = logging.getLogger(__name__)

FINAL = 1
"""`expver` of final data; 5 is preliminary."""


def final(path: Path, array: xr.DataArray) -> xr.DataArray:
    """Combine final and preliminary data along a dimension: each is missing where the other is.

    Raises:
        RecordError: There are several versions, and none is the final one.
    """
    if "expver" not in array.dims:
        return array
    versions = array["expver"].astype(int).to_numpy().tolist()
    if FINAL not in versions and len(versions) > 1:
        raise RecordError(
            f"{path}: {array.name!r} has the versions (expver) {versions}, none of them {FINAL}, "
            "the final one; select one before"
        )
    order = sorted(range(len(versions)), key=lambda i: versions[i])
    combined = array.isel(expver=order[0])
    for other in order[1:]:
        combined = combined.fillna(array.isel(expver=other))
    return combined


def in_time_order(array: xr.DataArray) -> xr.DataArray:
    """Times ascending; of those that are there twice, the final one, or else the first."""
    time = array["time"].to_numpy()
    order = np.lexsort((array["version"].to_numpy(), time))
    _, first = np.unique(time[order], return_index=True)
    if len(first) < len(time):
        log.info("%d frames with times that are there already", len(time) - len(first))
    kept = order[first]
    ordered = array if np.array_equal(kept, np.arange(len(time))) else array[kept]
    return ordered.drop_vars("version")


def of_each_time(array: xr.DataArray) -> NDArray[np.int64]:
    """Return the version of each time, ``[time]``; the final one where none is said."""
    if "expver" in array.coords and array["expver"].dims == ("time",):
        return array["expver"].astype(int).to_numpy()
    return np.full(array.sizes["time"], FINAL)
