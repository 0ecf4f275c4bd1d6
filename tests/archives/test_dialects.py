"""ERA5 files as others write them: each loads as one form, or is refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from archive_files import ERA5, field, needs_test_data, write

from wdno.archives import space
from wdno.archives.dialects import open_record, open_records
from wdno.archives.errors import RecordError
from wdno.archives.space import Region

Change = Callable[[xr.DataArray], xr.DataArray]


def _expver(array: xr.DataArray) -> xr.DataArray:
    final = array.copy()
    final[30:] = np.nan
    preliminary = array.copy()
    preliminary[:30] = np.nan
    both = xr.concat([preliminary, final], "expver").assign_coords(expver=[5, 1])
    return both.transpose("time", "expver", "latitude", "longitude")


def _new_names(array: xr.DataArray) -> xr.DataArray:
    array = array.rename(time="valid_time").assign_coords(number=0)
    return array.assign_coords(expver=("valid_time", ["0001"] * array.sizes["valid_time"]))


DIALECTS: dict[str, Change] = {
    "as it is": lambda a: a,
    "south first": lambda a: a[:, ::-1],
    "short axes": lambda a: a.rename(latitude="lat", longitude="lon"),
    "longitudes 0..360": lambda a: a.assign_coords(longitude=a.longitude % 360).sortby("longitude"),
    "longitudes last": lambda a: a.transpose("longitude", "latitude", "time"),
    "new names": _new_names,
    "expver dimension": _expver,
    "expver label": lambda a: a.assign_coords(expver=("time", ["0001"] * a.sizes["time"])),
    "one level": lambda a: a.expand_dims(level=[1000], axis=1),
    "one member": lambda a: a.expand_dims(number=[0], axis=1),
    "times shuffled": lambda a: a[np.random.default_rng(0).permutation(a.sizes["time"])],
    "times twice": lambda a: xr.concat([a, a[:5]], "time"),
    "long name": lambda a: a.rename("2m_temperature"),
    "GRIB name": lambda a: a.rename("unknown").assign_attrs(GRIB_shortName="2t"),
}


def test_final_data_win_over_preliminary_ones_whatever_the_names(tmp_path: Path) -> None:
    final, preliminary = field(), field() + 9.0

    def labelled(array: xr.DataArray, version: str) -> xr.DataArray:
        return array.assign_coords(expver=("time", [version] * array.sizes["time"]))

    paths = [
        write(tmp_path / "a.nc", labelled(preliminary[20:], "0005")),
        write(tmp_path / "b.nc", labelled(final[:40], "0001")),
    ]
    found = open_records(paths, "2m_temperature", None)
    np.testing.assert_allclose(found[:40], field()[:40], rtol=1e-6)
    np.testing.assert_allclose(found[40:], field()[40:] + 9.0, rtol=1e-6)
    assert "version" not in found.coords


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_give_the_same_array(tmp_path: Path, dialect: str) -> None:
    path = write(tmp_path / "file.nc", DIALECTS[dialect](field()))
    found, expected = open_record(path, "2m_temperature"), field()
    assert found.dims == expected.dims
    assert (found.name, found.attrs["units"]) == ("t2m", "K")
    assert set(found.coords) == {"time", "latitude", "longitude"}
    for name in ("time", "latitude", "longitude"):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    np.testing.assert_allclose(found, expected, rtol=2e-7)


@pytest.mark.parametrize("format", ["NETCDF3_CLASSIC", "NETCDF3_64BIT", "NETCDF4"])
def test_packed_integers_are_decoded(tmp_path: Path, format: str) -> None:
    packing = {"dtype": "i2", "scale_factor": 0.002, "add_offset": 230.0, "_FillValue": -32767}
    path = write(tmp_path / "file.nc", field(), format=format, encoding={"t2m": packing})
    np.testing.assert_allclose(open_record(path, "t2m"), field(), atol=0.0011)


def _level(array: xr.DataArray) -> xr.DataArray:
    levels = [array.rename("t") + offset for offset in (0.0, 50.0)]
    return xr.concat(levels, "pressure_level").assign_coords(pressure_level=[500.0, 850.0])


REFUSED: dict[str, tuple[Change, str]] = {
    "other variable": (lambda a: a.rename("u10"), r"no variable '2m_temperature'.*it has u10"),
    "no times": (lambda a: a.rename(time="t").drop_vars("t"), r"no coordinate valid_time or time"),
    "half hours": (
        lambda a: a.assign_coords(time=a.time + np.timedelta64(30, "m")),
        r"00:30.* is not a full hour",
    ),
    "unequal latitudes": (
        lambda a: a.assign_coords(latitude=[50, 50.5, 51, 51.5, 52.5]),
        r"latitude is not equally spaced, 0.5 to 1 degrees; regrid",
    ),
    "two hemispheres": (
        lambda a: a.assign_coords(longitude=[0, 10, 20, 30, 100, 110, 120, 130, 140]),
        r"longitude is not equally spaced",
    ),
    "curvilinear": (
        lambda a: xr.DataArray(
            a.to_numpy(),
            dims=("time", "y", "x"),
            name="t2m",
            coords={
                "time": a.time,
                "latitude": (("y", "x"), np.ones(a.shape[1:])),
                "longitude": (("y", "x"), np.ones(a.shape[1:])),
            },
        ),
        r"no coordinate latitude along one of them.*regrid",
    ),
    "members": (
        lambda a: xr.concat([a, a], "number").assign_coords(number=[0, 1]),
        r"dimension number \(2\) beside",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_forms_are_refused_with_the_reason(tmp_path: Path, case: str) -> None:
    change, message = REFUSED[case]
    path = write(tmp_path / "odd.nc", change(field()))
    with pytest.raises(RecordError, match=rf"odd\.nc: .*{message}"):
        open_record(path, "2m_temperature")


def test_levels_are_chosen_by_value(tmp_path: Path) -> None:
    path = write(tmp_path / "levels.nc", _level(field()))
    np.testing.assert_allclose(open_record(path, "temperature", 850), field() + 50, rtol=2e-7)
    with pytest.raises(RecordError, match=r"2 pressure levels, and `level` is null.*500, 850"):
        open_record(path, "temperature")
    with pytest.raises(RecordError, match=r"no pressure level 700 hPa.*500, 850"):
        open_record(path, "temperature", 700)
    surface = write(tmp_path / "surface.nc", field())
    with pytest.raises(RecordError, match="has no pressure levels, but `level` is 500"):
        open_record(surface, "t2m", 500)


@pytest.mark.parametrize("format", ["NETCDF3_64BIT", "NETCDF4"])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.98])
def test_files_cut_off_are_refused(tmp_path: Path, format: str, keep: float) -> None:
    whole = write(tmp_path / "whole.nc", field(2000), format=format).read_bytes()
    path = tmp_path / "cut.nc"
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(RecordError, match=r"cut\.nc"):
        open_record(path, "t2m").load()


def test_what_is_no_record_is_said(tmp_path: Path) -> None:
    for content, message in (
        (b"PK\x03\x04 and so on", "ZIP archive: unpack it"),
        (b"<html>Sign in</html>", r"not a NetCDF or GRIB file; it begins with b'<html>Si'"),
        (b"GRIB and no end", "cannot be read to its end, 15 bytes"),
    ):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(RecordError, match=message):
            open_record(tmp_path / "file", "t2m")
    with pytest.raises(RecordError, match="not found"):
        open_record(tmp_path / "absent.nc", "t2m")
    with pytest.raises(RecordError, match="is a folder"):
        open_record(tmp_path, "t2m")


def test_several_files_make_one_record(tmp_path: Path) -> None:
    whole = field(72)
    paths = [write(tmp_path / f"{i}.nc", whole[24 * i : 24 * i + 30]) for i in (2, 0, 1)]
    found = open_records(paths, "t2m", None)
    np.testing.assert_array_equal(found.time, whole.time)
    np.testing.assert_allclose(found, whole, rtol=2e-7)
    other = write(tmp_path / "other.nc", whole[:, :, :-1])
    with pytest.raises(
        RecordError, match=r"other\.nc: longitude -2 to 1.5 by 0.5, but .*0\.nc has"
    ):
        open_records([paths[1], other], "t2m", None)


@pytest.mark.parametrize("west", [-180.0, 0.0])
@pytest.mark.parametrize("latitudes", [np.arange(-90, 91, 10.0), np.arange(90, -91, -10.0)])
def test_regions_are_cut_by_value(west: float, latitudes: np.ndarray) -> None:
    globe = field(3, latitudes, west + np.arange(0, 360, 10.0))
    for region, longitudes in (
        (Region(50, -20, 30, 20), np.arange(-20, 21, 10.0)),
        (Region(50, 340, 30, 380 - 360), np.arange(340, 381, 10.0)),
        (Region(50, 170, 30, -170), np.arange(170, 191, 10.0)),
        (Region(50, -180, 30, 180), np.arange(-180, 180, 10.0)),
        (Region(50, 0, 30, 360), np.arange(0, 360, 10.0)),
        (Region(50, 11, 30, 39), np.arange(20, 31, 10.0)),
    ):
        part = space.cut(globe, region, "globe")
        expected = field(3, np.arange(30, 51, 10.0), longitudes)
        xr.testing.assert_allclose(part, expected.assign_attrs(part.attrs))
    with pytest.raises(RecordError, match="no points in the region 31 to 39 N, 0 to 5 E; it has"):
        space.cut(globe, Region(39, 0, 31, 5), "globe")


def test_windows_are_centred_and_coarse() -> None:
    array = field(1, np.arange(0, 10.0), np.arange(0, 9.0))
    part = space.window(array, 4, 9, 1, "array")
    np.testing.assert_array_equal(part.latitude, [3, 4, 5, 6])
    part = space.window(array, 4, 3, 3, "array")
    np.testing.assert_array_equal(part.latitude, [0, 3, 6, 9])
    np.testing.assert_array_equal(part.longitude, [1, 4, 7])
    with pytest.raises(RecordError, match=r"grid.longitude = 10 points need 10 .* has 9 \(0 to 8"):
        space.window(array, 4, 10, 1, "array")


REAL = {
    "era5_t2m_uk_2019-03_1h.nc": ("2m_temperature", None, (744, 33, 49), 280.774),
    "dialects/t2m_uk_2019-03_hourly.grib": ("2m_temperature", None, (744, 33, 49), 280.774),
    "dialects/new_cds_pressure_levels_2020-07.nc": ("temperature", 500, (12, 21, 31), 263.185),
    "dialects/new_cds_single_level_wind_24h.nc": ("u10", None, (24, 32, 37), 1.1439),
    "dialects/new_cds_wind_irregular_times.nc": ("u10", None, (30, 61, 73), 0.10273),
    "dialects/legacy_cds_expver_dimension_monthly.nc": ("t2m", None, (1006, 5, 5), 285.938),
    "dialects/legacy_cds_hourly_2017_2x3.nc": ("t2m", None, (8760, 2, 3), 283.333),
}


@needs_test_data
@pytest.mark.parametrize("name", REAL)
def test_real_files_load(name: str) -> None:
    variable, level, shape, mean = REAL[name]
    array = open_record(ERA5 / name, variable, level).load()
    assert array.shape == shape
    assert not array.isnull().any()
    for axis in array.dims:
        assert (np.diff(array[axis].to_numpy()) > np.array(0, np.diff(array[axis]).dtype)).all()
    assert float(array.mean()) == pytest.approx(mean, rel=1e-4)


@needs_test_data
def test_every_real_file_is_tested() -> None:
    there = {str(p.relative_to(ERA5)) for p in ERA5.rglob("*") if p.suffix in (".nc", ".grib")}
    assert there == set(REAL)


@needs_test_data
def test_grib_and_its_conversion_hold_the_same_values() -> None:
    names = ("era5_t2m_uk_2019-03_1h.nc", "dialects/t2m_uk_2019-03_hourly.grib")
    converted, grib = (open_record(ERA5 / name, "2m_temperature") for name in names)
    xr.testing.assert_equal(converted.drop_attrs(), grib.drop_attrs())


@needs_test_data
def test_a_grib_file_cut_off_is_refused(tmp_path: Path) -> None:
    content = (ERA5 / "dialects/t2m_uk_2019-03_hourly.grib").read_bytes()
    (tmp_path / "cut.grib").write_bytes(content[: int(0.6 * len(content))])
    with pytest.raises(RecordError, match="its download broke off"):
        open_record(tmp_path / "cut.grib", "2m_temperature")
