"""Files whose meaning is plain though their form is unusual, and those that are refused for it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from archive_files import field, write
from small_era5 import fetched, options

from wdno.archives import space
from wdno.archives.dialects import open_record, open_records
from wdno.archives.errors import RecordError
from wdno.archives.space import Region

GLOBE = np.arange(-180, 180, 30.0)


def _globe(longitudes: np.ndarray) -> xr.DataArray:
    return field(3, np.arange(-60, 61, 30.0), longitudes)


LONGITUDES = {
    "cyclic, 0 to 360": np.arange(0, 361, 30.0),
    "cyclic, -180 to 180": np.arange(-180, 181, 30.0),
    "descending": np.arange(330, -1, -30.0),
    "cyclic and descending": np.arange(360, -1, -30.0),
    "rolled": np.roll(np.arange(0, 360, 30.0), 5),
    "single precision": np.arange(0, 360, 30.0).astype(np.float32),
}


@pytest.mark.parametrize("case", LONGITUDES)
def test_a_globe_is_the_same_however_its_longitudes_run(tmp_path: Path, case: str) -> None:
    path = write(tmp_path / "globe.nc", _globe(LONGITUDES[case]))
    found = open_record(path, "t2m")
    np.testing.assert_array_equal(found.longitude, GLOBE)
    np.testing.assert_allclose(found, _globe(GLOBE), rtol=1e-6)


def test_a_meridian_with_two_values_is_refused(tmp_path: Path) -> None:
    array = _globe(np.arange(0, 361, 30.0))
    array[:, :, -1] += 10.0
    path = write(tmp_path / "globe.nc", array)
    with pytest.raises(RecordError, match=r"longitudes 0 and 360 are one meridian, and its values"):
        open_record(path, "t2m")
    twice = _globe(np.array([0.0, 0.0, 30.0, 60.0]))
    with pytest.raises(RecordError, match="longitude is not equally spaced"):
        open_record(write(tmp_path / "twice.nc", twice), "t2m")


def test_files_packed_differently_make_one_record(tmp_path: Path) -> None:
    paths = []
    for number, (scale, offset) in enumerate(((0.002, 230.0), (0.005, 250.0))):
        packing = {"dtype": "i2", "scale_factor": scale, "add_offset": offset, "_FillValue": -32767}
        part = field(48)[24 * number : 24 * number + 24]
        paths.append(write(tmp_path / f"{number}.nc", part, encoding={"t2m": packing}))
    np.testing.assert_allclose(open_records(paths, "t2m", None), field(48), atol=0.003)


@pytest.mark.parametrize("axis", ["number", "realization", "member", "height"])
def test_an_axis_of_one_entry_is_no_axis(tmp_path: Path, axis: str) -> None:
    array = field().expand_dims({axis: [0]}, axis=1)
    found = open_record(write(tmp_path / "file.nc", array), "t2m")
    np.testing.assert_allclose(found, field(), rtol=2e-7)


def _zip(path: Path, members: dict[str, xr.DataArray]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in members.items():
            archive.write(write(path.with_name("member.nc"), array), name)
    return path


def test_an_archive_of_the_data_store_is_read(tmp_path: Path) -> None:
    rain = (field(name="tp") * 1e-5).assign_attrs(units="m")
    new = field().rename(time="valid_time")[:, ::-1].assign_coords(number=0)
    path = _zip(
        tmp_path / "answer.zip",
        {"data_stepType-accum.nc": rain, "data_stepType-instant.nc": new, "__MACOSX/._x": rain},
    )
    np.testing.assert_allclose(open_record(path, "2m_temperature"), field(), rtol=2e-7)
    np.testing.assert_allclose(open_record(path, "total_precipitation"), rain, rtol=2e-7)
    with pytest.raises(
        RecordError, match=r"answer\.zip: no file of the archive can be used: .*accum\.nc: .*has tp"
    ):
        open_record(path, "surface_pressure")


def test_all_files_of_an_archive_are_used(tmp_path: Path) -> None:
    months = {f"folder/{i}.nc": field(72)[24 * i : 24 * i + 24] for i in range(3)}
    path = _zip(tmp_path / "year.zip", months)
    np.testing.assert_allclose(open_record(path, "t2m"), field(72), rtol=2e-7)


def test_an_archive_is_a_file_of_the_system_and_leaves_nothing(tmp_path: Path) -> None:
    path = _zip(tmp_path / "answer.zip", {"data.nc": field(200)})
    system = fetched(options(source="file", file=str(path)), tmp_path)
    assert system.available("train") > 0
    assert not (tmp_path / "state" / "unpacked").exists()


def test_an_archive_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "answer.zip", {"data.nc": field(200)})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(RecordError, match=r"answer\.zip: a ZIP archive.*get it again"):
        open_record(path, "t2m")
    damaged = bytearray(content)
    damaged[200:260] = b"x" * 60
    path.write_bytes(bytes(damaged))
    with pytest.raises(RecordError, match=r"answer\.zip: a ZIP archive.*get it again"):
        open_record(path, "t2m")


@pytest.mark.parametrize(
    ("content", "message"), [(b"\x1f\x8b\x08rest", "gzip file: unpack it"), (b"BZh9", "bzip2")]
)
def test_other_archives_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "file.nc.gz").write_bytes(content)
    with pytest.raises(RecordError, match=message):
        open_record(tmp_path / "file.nc.gz", "t2m")


@pytest.mark.parametrize(
    ("changed", "beyond"),
    [
        ({"north": 53.0}, "north"),
        ({"south": 40.0}, "south"),
        ({"west": -10.0}, "west"),
        ({"east": 10.0}, "east"),
        ({"east": 10.0, "north": 60.0}, "north and east"),
        # The part of the file beyond the region does not help: it has nothing east of 2.
        ({"west": 1.0, "east": 30.0}, "east"),
    ],
)
def test_a_region_partly_outside_of_a_file_is_refused(
    changed: dict[str, float], beyond: str
) -> None:
    edges = {"north": 52.0, "west": -2.0, "south": 50.0, "east": 2.0, **changed}
    with pytest.raises(
        RecordError,
        match=rf"file: the region .* reaches beyond it in the {beyond}; it has latitudes 50 to 52 "
        r"by 0.5 and longitudes -2 to 2 by 0.5: choose a region within",
    ):
        space.cut(field(2), Region(**edges), "file")


def test_a_region_may_end_between_points(tmp_path: Path) -> None:
    part = space.cut(field(2), Region(52.4, -2.4, 49.6, 2.4), "file")
    assert part.shape == (2, 5, 9)
    globe = _globe(np.arange(0, 361, 30.0))
    part = space.cut(globe, Region(60, -180, -60, 180), "globe")
    np.testing.assert_array_equal(part.longitude, GLOBE)
    polar = field(1, np.arange(-90, 91, 30.0), GLOBE)
    assert space.cut(polar, Region(90, -180, -90, 180), "globe").shape == (1, 7, 12)


def _with_times(array: xr.DataArray, path: Path, values: object, **attributes: str) -> Path:
    dataset = array.to_dataset()
    dataset["time"] = ("time", values, attributes)
    dataset.to_netcdf(path)
    return path


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "julian", "all_leap"])
def test_other_calendars_are_named_with_their_units(tmp_path: Path, calendar: str) -> None:
    units = "hours since 2000-02-27 00:00:00"
    path = _with_times(
        field(48), tmp_path / "model.nc", np.arange(48), units=units, calendar=calendar
    )
    with pytest.raises(
        RecordError,
        match=rf"model\.nc: time 'time' is in the units '{units}' and the calendar '{calendar}' "
        r"\(2000-02-27 00:00:00 to .*calendar 'standard'",
    ):
        open_record(path, "t2m")


def test_times_without_units_are_named(tmp_path: Path) -> None:
    path = _with_times(field(48), tmp_path / "bare.nc", np.arange(48))
    with pytest.raises(
        RecordError, match=r"bare\.nc: time 'time' is in no units \(0 to 47\), .*'hours since"
    ):
        open_record(path, "t2m")


def test_times_that_are_none_are_named(tmp_path: Path) -> None:
    path = _with_times(field(48), tmp_path / "odd.nc", np.arange(48), units="hours since never")
    with pytest.raises(
        RecordError,
        match=r"odd\.nc: times cannot be read as dates: 'time' in the units 'hours since never'",
    ):
        open_record(path, "t2m")


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_times_in_fractions_of_days_are_full_hours(tmp_path: Path, kind: str) -> None:
    days = (np.arange(48) / 24).astype(kind)
    path = _with_times(field(48), tmp_path / "days.nc", days, units="days since 2020-01-01")
    np.testing.assert_array_equal(open_record(path, "t2m").time, field(48).time)


def test_years_that_a_file_lacks_are_named(tmp_path: Path) -> None:
    for year in (2019, 2021):
        write(tmp_path / f"{year}.nc", field(200, start=f"{year}-01-01T00"))
    pattern = str(tmp_path / "20*.nc")
    with pytest.raises(
        RecordError, match=r"no frames of the years 2020, 2022; it has those of 2019, 2021"
    ):
        fetched(options(source="file", file=pattern, years=[2020, 2021, 2022]), tmp_path)
