"""Fill values that files do not declare become gaps; what cannot be is refused with its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from archive_files import field, write
from small_era5 import fetched, options

from wdno.archives import record
from wdno.archives.dialects import open_record
from wdno.archives.errors import RecordError

pytestmark = pytest.mark.filterwarnings("ignore:saving variable:xarray.SerializationWarning")

FILLS = (1e20, -9999.0, -32767.0, -999.0, 9.969209968386869e36, 9.999e20, 1e30, -9.99e8)


def _undeclared(array: xr.DataArray, path: Path, **encoding: object) -> Path:
    """A file whose variable says nothing of missing values."""
    return write(path, array, encoding={str(array.name): {"_FillValue": None, **encoding}})


@pytest.mark.parametrize("fill", FILLS)
def test_frames_of_a_fill_value_are_gaps(tmp_path: Path, fill: float) -> None:
    array = field(200)
    array[50] = fill
    path = _undeclared(array, tmp_path / "file.nc")
    assert np.isnan(open_record(path, "t2m")[50]).all()
    assert not open_record(path, "t2m").isel(time=slice(51, None)).isnull().any()
    system = fetched(options(source="file", file=str(path)), tmp_path)
    kept = record.read(tmp_path / "record.nc")
    assert kept.sizes["time"] == 199
    assert record.hours(array.time.to_numpy()[50:51])[0] not in kept.time.to_numpy()
    assert np.isfinite(system.draw("train", range(system.available("train")), 0)["t2m"]).all()


@pytest.mark.parametrize("fill", FILLS)
def test_single_fill_values_are_missing_ones(tmp_path: Path, fill: float) -> None:
    array = field(200)
    array[40:42, 1, 3] = fill
    path = _undeclared(array, tmp_path / "file.nc")
    with pytest.raises(RecordError, match=r"2 values of 't2m' are missing in 2 .*-01-02T16:00"):
        fetched(options(source="file", file=str(path)), tmp_path)
    assert not (tmp_path / "record.nc").exists()


def test_fill_values_are_those_of_the_units_of_the_file(tmp_path: Path) -> None:
    celsius = (field(200) - 273.15).assign_attrs(units="degC")
    celsius[50] = -9999.0
    path = _undeclared(celsius, tmp_path / "file.nc")
    assert np.isnan(open_record(path, "t2m")[50]).all()


def test_what_a_quantity_can_be_is_no_fill_value(tmp_path: Path) -> None:
    pressure = (field(20, name="msl") * 0 + 99999.0).assign_attrs(units="Pa")
    found = open_record(_undeclared(pressure, tmp_path / "msl.nc"), "msl")
    np.testing.assert_array_equal(found, pressure)
    heat = (field(20, name="ssrd") * 0 + 9999.0).assign_attrs(units="J m**-2")
    found = open_record(_undeclared(heat, tmp_path / "ssrd.nc"), "ssrd")
    np.testing.assert_array_equal(found, heat)
    # Of a quantity that is not known, -999 may be a value, and 1e20 is none.
    other = field(20, name="anomaly").assign_attrs(units="1")
    other[3], other[4] = -999.0, 1e20
    found = open_record(_undeclared(other, tmp_path / "other.nc"), "anomaly")
    assert (found[3] == -999.0).all() and found[4].isnull().all()


def test_packed_integers_that_were_never_written_are_missing(tmp_path: Path) -> None:
    array = field(200)
    # Packed, -32767 stands for 164.5 K, which a temperature could be.
    packed = {"dtype": "i2", "scale_factor": 0.002, "add_offset": 230.0}
    array[50] = 230.0 - 32767 * 0.002
    path = _undeclared(array, tmp_path / "file.nc", **packed)
    found = open_record(path, "t2m")
    assert found[50].isnull().all()
    np.testing.assert_allclose(found[51:], field(200)[51:], atol=0.0011)


def test_plain_integers_are_read(tmp_path: Path) -> None:
    array = field(200).round()
    path = _undeclared(array, tmp_path / "file.nc", dtype="i4")
    np.testing.assert_array_equal(open_record(path, "t2m"), array)
    array[50] = -2147483647
    found = open_record(_undeclared(array, tmp_path / "fill.nc", dtype="i4"), "t2m")
    assert found[50].isnull().all() and not found[51:].isnull().any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: a.where(a.time != a.time[30], 0.0),
            r"'t2m' is 0 K at 50 N, -1.5 E, 2020-01-02T06:00, one of 24 values of 200 frames "
            r"outside of 120 to 370 K, where 2 m temperature lies; its units are given as 'K'.*"
            r"`_FillValue` = 0",
        ),
        (lambda a: a - 273.15, r"'t2m' is -72\.\d+ K at .*outside of 120 to 370 K"),
        (
            lambda a: (a - 230.0).assign_attrs(units=""),
            r"'t2m' is -\d.*; no units are given\. Write its units into the file",
        ),
        (lambda a: a.where(a.longitude != 0, 1e5), r"'t2m' is 100000 K at 50 N, 0 E"),
    ],
)
def test_values_that_cannot_be_are_refused_with_their_place(
    tmp_path: Path, change, message: str
) -> None:
    array = change(field(200).copy())
    array.attrs.setdefault("units", "K")
    path = _undeclared(array, tmp_path / "file.nc")
    with pytest.raises(RecordError, match=message):
        fetched(options(source="file", file=str(path)), tmp_path)
    assert not (tmp_path / "record.nc").exists()


def test_values_outside_of_the_region_do_not_count(tmp_path: Path) -> None:
    array = field(200)
    array[:, 0] = 0.0
    path = _undeclared(array, tmp_path / "file.nc")
    region = {"north": 52, "west": -2, "south": 50.5, "east": 2}
    system = fetched(options(source="file", file=str(path), region=region), tmp_path)
    np.testing.assert_array_equal(system.coordinates()["latitude"], [50.5, 51, 51.5, 52])
