"""Zarr stores served from localhost: what is read, what is kept, what is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from archive_files import field
from archive_server import Archive, serving

from wdno.archives import record, stores
from wdno.archives.dialects import open_records
from wdno.archives.errors import RecordError
from wdno.archives.space import Region

QUICK = (0.01, 0.01)
ACROSS_GREENWICH = Region(60, -15, 30, 15)
YEAR = 366 * 24


def globe(hours: np.ndarray, *, north_first: bool, name: str = "2m_temperature") -> xr.DataArray:
    """A coarse globe as in public stores: longitudes 0..360."""
    latitudes = np.arange(-90, 91, 15.0)
    latitudes = latitudes[::-1] if north_first else latitudes
    return field(hours, latitudes, np.arange(0, 360, 15.0), name=name)


def arco(folder: Path, hours: int, **attributes: str) -> None:
    """Like ARCO-ERA5: hourly, north first, laid out beyond its end, with levels aloft."""
    surface = globe(np.arange(hours), north_first=True)
    aloft = globe(np.arange(hours), north_first=True, name="temperature")
    levels = xr.concat([aloft, aloft + 20], "level").assign_coords(level=[500, 850])
    dataset = xr.Dataset(
        {
            "2m_temperature": surface,
            "temperature": levels.transpose("time", "level", "latitude", "longitude"),
        },
        attrs=attributes,
    )
    encoding = {
        "2m_temperature": {"chunks": (186, 13, 24)},
        "temperature": {"chunks": (186, 2, 13, 24)},
    }
    dataset.to_zarr(folder, consolidated=True, zarr_format=2, encoding=encoding)


def weatherbench(folder: Path) -> None:
    """Like WeatherBench 2: six-hourly, (time, level, longitude, latitude), south first."""
    surface = globe(np.arange(0, YEAR, 6), north_first=False)
    levels = xr.concat([surface, surface + 20], "level").assign_coords(level=[500, 850])
    dataset = xr.Dataset(
        {
            "2m_temperature": surface.transpose("time", "longitude", "latitude"),
            "temperature": levels.transpose("time", "level", "longitude", "latitude"),
        }
    )
    encoding = {"2m_temperature": {"chunks": (124, 24, 13)}}
    dataset.to_zarr(folder, consolidated=True, zarr_format=2, encoding=encoding)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores")
    arco(folder / "arco", YEAR + 240, valid_time_start="2020-01-01", valid_time_stop="2020-12-31")
    weatherbench(folder / "weatherbench")
    return folder


@pytest.fixture
def archive(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("WDNO_CACHE", str(tmp_path / "cache"))
    with serving(Archive(folder=folder)) as archive:
        yield archive


def _expected(hours: np.ndarray) -> xr.DataArray:
    return field(hours, np.arange(30, 61, 15.0), np.arange(-15, 16, 15.0))


def test_arco_is_read_by_value(archive: Archive) -> None:
    store = f"{archive.url}/arco"
    paths = stores.fetch(store, "2m_temperature", None, ACROSS_GREENWICH, [2020], 1)
    assert [path.name for path in paths] == [f"2020-{month:02d}.nc" for month in range(1, 13)]
    array = open_records(paths, "2m_temperature", None)
    expected = _expected(np.arange(YEAR))
    np.testing.assert_array_equal(array.time, expected.time)
    xr.testing.assert_allclose(array.drop_attrs(), expected.drop_attrs(), rtol=2e-7)
    asked = len(archive.requests)
    stores.fetch(store, "2m_temperature", None, ACROSS_GREENWICH, [2020], 1)
    assert len(archive.requests) == asked, "what is in the cache is not asked for again"


def test_a_level_of_weatherbench_is_read_six_hourly(archive: Archive) -> None:
    store = f"{archive.url}/weatherbench"
    paths = stores.fetch(store, "temperature", 850, ACROSS_GREENWICH, [2020], 6)
    array = open_records(paths, "temperature", None)
    assert array.name == "t"
    expected = _expected(np.arange(0, YEAR, 6)) + 20
    np.testing.assert_array_equal(array.time, expected.time)
    np.testing.assert_allclose(array, expected, rtol=2e-7)


def test_an_interruption_keeps_the_months_that_are_done(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, write = f"{archive.url}/arco", record.write
    written: list[str] = []

    def interrupted(path: Path, *arguments: object, **options: object) -> None:
        if path.name == "2020-04.nc" and len(written) == 3:
            raise KeyboardInterrupt
        write(path, *arguments, **options)  # type: ignore[arg-type]
        written.append(path.name)

    monkeypatch.setattr(record, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stores.fetch(store, "2m_temperature", None, ACROSS_GREENWICH, [2020], 1)
    assert written == ["2020-01.nc", "2020-02.nc", "2020-03.nc"]
    before = _chunks(archive)
    archive.requests.clear()
    written.append("on")
    leftover = next((Path(os.environ["WDNO_CACHE"])).rglob("2020-01.nc")).with_name(".left.nc")
    leftover.touch()
    paths = stores.fetch(store, "2m_temperature", None, ACROSS_GREENWICH, [2020], 1)
    assert len(paths) == len(set(written) - {"on"}) == 12
    assert len(_chunks(archive) & before) <= 1, "months that were done were read again"
    array = open_records(paths, "2m_temperature", None)
    assert array.sizes["time"] == YEAR
    assert not leftover.exists(), "what a killed process left is removed"


def _chunks(archive: Archive) -> set[str]:
    """The pieces that were read; the first of the second quarter holds the end of the first."""
    return {path for path in archive.paths() if "2m_temperature/" in path and path[-1].isdigit()}


def test_a_read_that_fails_is_tried_again(archive: Archive) -> None:
    store = f"{archive.url}/weatherbench"
    archive.statuses = [503, 503]
    paths = stores.fetch(store, "2m_temperature", None, ACROSS_GREENWICH, [2020], 6, waits=QUICK)
    assert len(paths) == 12


def test_a_read_that_always_fails_is_said_and_resumed(archive: Archive) -> None:
    store, chunk = f"{archive.url}/weatherbench", "/weatherbench/2m_temperature/5.0.0"
    archive.fail = {chunk}
    with pytest.raises(RecordError, match=r"could not be read for 2020-06.*500.*run again"):
        stores.fetch(store, "2m_temperature", None, ACROSS_GREENWICH, [2020], 6, waits=QUICK)
    archive.fail = set()
    paths = stores.fetch(store, "2m_temperature", None, ACROSS_GREENWICH, [2020], 6, waits=QUICK)
    assert open_records(paths, "t2m", None).sizes["time"] == YEAR // 6


def test_a_piece_that_is_missing_is_no_data(archive: Archive, folder: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(folder / "weatherbench", tmp_path / "holes")
    (tmp_path / "holes/2m_temperature/5.0.0").unlink()
    archive.folder = tmp_path
    with pytest.raises(RecordError, match=r"values of 't2m' are missing, first at 2020-06-04"):
        stores.fetch(f"{archive.url}/holes", "2m_temperature", None, ACROSS_GREENWICH, [2020], 6)


@pytest.mark.parametrize(
    ("store", "variable", "level", "years", "message"),
    [
        # Laid out to 2021-01-10, filled to the end of 2020.
        (
            "arco",
            "2m_temperature",
            None,
            [2021],
            r"2021-01 is not whole there, it has .*2020-12-31",
        ),
        ("weatherbench", "temperature", 850, [2019], r"2019-01 is not whole there"),
        ("arco", "temperature", 700, [2020], r"no level 700; in hPa: 500, 850"),
        ("arco", "2m_temperature", 700, [2020], r"has no levels, but `level` is 700"),
        ("arco", "geopotential", 500, [2020], r"no variable 'geopotential'; it has 2m_temperature"),
        ("nothing", "geopotential", 500, [2020], r"no Zarr store there"),
    ],
)
def test_what_a_store_lacks_is_refused(
    archive: Archive, store: str, variable: str, level: int | None, years: list[int], message: str
) -> None:
    with pytest.raises(RecordError, match=message):
        stores.fetch(f"{archive.url}/{store}", variable, level, ACROSS_GREENWICH, years, 6)


def test_a_store_that_cannot_be_reached_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDNO_CACHE", str(tmp_path))
    with pytest.raises(RecordError, match=r"http://127.0.0.1:9/store could not be read"):
        stores.fetch("http://127.0.0.1:9/store", "t", 500, ACROSS_GREENWICH, [2020], 1, waits=QUICK)


def test_public_buckets_are_read_over_https() -> None:
    url, options = stores._address("gs://weatherbench2/datasets/era5/store.zarr")
    assert url == "https://storage.googleapis.com/weatherbench2/datasets/era5/store.zarr"
    assert options == {"client_kwargs": {"trust_env": True}}
    assert stores._address("s3://bucket/store") == ("s3://bucket/store", None)
    assert stores._transient(TimeoutError())


def test_what_a_store_cannot_give_is_known_before_it_is_read(archive: Archive) -> None:
    store = f"{archive.url}/weatherbench"
    for years, every, message in (
        ([2020], 1, r"has a frame every 6 h, and windows need one every 1 h .*a multiple of 6"),
        # The year that is there is not read before the one that is not.
        ([2020, 2021], 6, r"2021-01 is not whole there"),
    ):
        with pytest.raises(RecordError, match=message):
            stores.fetch(store, "2m_temperature", None, ACROSS_GREENWICH, years, every)

    def refuse(array: xr.DataArray) -> None:
        assert array.sizes["latitude"] == 3 and array.sizes["longitude"] == 3
        raise RecordError("too few points")

    with pytest.raises(RecordError, match="too few points"):
        stores.fetch(store, "2m_temperature", None, ACROSS_GREENWICH, [2020], 6, check=refuse)
    assert not _chunks(archive)


def test_fill_values_of_a_store_are_missing(archive: Archive, tmp_path: Path) -> None:
    array = globe(np.arange(0, YEAR, 6), north_first=True)
    array[8] = -9999.0
    dataset = array.transpose("time", "longitude", "latitude").to_dataset()
    encoding = {"2m_temperature": {"chunks": (124, 24, 13), "_FillValue": None}}
    dataset.to_zarr(tmp_path / "filled", consolidated=True, zarr_format=2, encoding=encoding)
    archive.folder = tmp_path
    with pytest.raises(RecordError, match=r"values of 't2m' are missing, first at 2020-01-03T00"):
        stores.fetch(f"{archive.url}/filled", "2m_temperature", None, ACROSS_GREENWICH, [2020], 6)


def test_a_store_in_other_units_is_converted(archive: Archive, tmp_path: Path) -> None:
    array = (globe(np.arange(0, YEAR, 6), north_first=True) - 273.15).assign_attrs(units="degC")
    dataset = array.to_dataset()
    encoding = {"2m_temperature": {"chunks": (124, 13, 24)}}
    dataset.to_zarr(tmp_path / "celsius", consolidated=True, zarr_format=2, encoding=encoding)
    archive.folder = tmp_path
    store = f"{archive.url}/celsius"
    paths = stores.fetch(store, "2m_temperature", None, ACROSS_GREENWICH, [2020], 6)
    found = open_records(paths, "2m_temperature", None)
    assert (found.attrs["units"], found.attrs["given_units"]) == ("K", "degC")
    np.testing.assert_allclose(found, _expected(np.arange(0, YEAR, 6)), rtol=1e-5)
