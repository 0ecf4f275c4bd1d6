"""Small records in the forms in which others write them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

TEST_DATA = Path(
    os.environ.get("WDNO_TEST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")
)
ERA5 = TEST_DATA / "era5"

needs_test_data = pytest.mark.skipif(
    not ERA5.is_dir(), reason=f"no real ERA5 files at {ERA5}; WDNO_TEST_DATA names their folder"
)


def field(
    hours: int | np.ndarray = 48,
    latitudes: np.ndarray | None = None,
    longitudes: np.ndarray | None = None,
    start: str = "2020-01-01T00",
    name: str = "t2m",
) -> xr.DataArray:
    """A temperature whose value says where and when it is: hour + latitude / 100 + cos(longitude).

    It is the same for a longitude and for that plus 360.
    """
    latitudes = np.arange(50.0, 52.1, 0.5) if latitudes is None else latitudes
    longitudes = np.arange(-2.0, 2.1, 0.5) if longitudes is None else longitudes
    offsets = np.arange(hours) if isinstance(hours, int) else hours
    times = np.datetime64(start, "ns") + offsets * np.timedelta64(1, "h")
    values = (
        200.0
        + offsets[:, None, None] % 1000 / 10
        + latitudes[None, :, None] / 100
        + np.sin(np.deg2rad(longitudes))[None, None, :]
    )
    return xr.DataArray(
        values.astype(np.float32),
        coords={"time": times, "latitude": latitudes, "longitude": longitudes},
        dims=("time", "latitude", "longitude"),
        name=name,
        attrs={"units": "K", "long_name": "2 metre temperature"},
    )


def write(path: Path, array: xr.DataArray, **options: object) -> Path:
    """Write an array to a NetCDF file."""
    array.to_dataset().to_netcdf(path, **options)  # type: ignore[call-overload]
    return path
