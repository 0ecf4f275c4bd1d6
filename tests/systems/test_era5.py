"""ERA5: records by source, windows that cross no gap, splits that share no time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from archive_files import field, write
from pydantic import ValidationError
from small_era5 import fetched, options

from wdno.archives import record
from wdno.archives.errors import RecordError
from wdno.data.dataset import Trajectories
from wdno.data.generate import generate
from wdno.systems import _era5_windows as windows
from wdno.systems.era5 import Options, System


def from_field(folder: Path, array: xr.DataArray, **changed: Any) -> System:
    path = write(folder / "file.nc", array)
    return fetched(options(source="file", file=str(path), **changed), folder)


def test_a_sample_is_a_window_with_its_time(tmp_path: Path) -> None:
    system = from_field(tmp_path, field(200))
    assert [f.name for f in system.fields] == ["t2m"]
    assert (system.fields[0].units, system.fields[0].role) == ("K", "state")
    assert system.given_frames == 3
    coordinates = system.coordinates()
    np.testing.assert_array_equal(coordinates["time"], np.arange(-2, 6))
    np.testing.assert_array_equal(coordinates["latitude"], [50, 50.5, 51, 51.5])
    np.testing.assert_array_equal(coordinates["longitude"], np.arange(-1.5, 1.1, 0.5))
    drawn = system.draw("train", range(10), 0)
    assert drawn["t2m"].shape == (10, 8, 4, 6) and drawn["t2m"].dtype == np.float32
    assert drawn["reference_time"].dtype == np.int64
    truth = field(200).isel(latitude=slice(0, 4), longitude=slice(1, 7))
    for window, hour in zip(drawn["t2m"], drawn["reference_time"], strict=True):
        when = record.EPOCH + (hour + coordinates["time"].astype(int)).astype("timedelta64[h]")
        np.testing.assert_allclose(window, truth.sel(time=when), rtol=2e-7)


def test_samples_are_a_fixed_random_order_of_the_windows(tmp_path: Path) -> None:
    system = from_field(tmp_path, field(400))
    count = system.available("train")
    times = system.draw("train", range(count), 0)["reference_time"]
    assert len(np.unique(times)) == count
    few = system.draw("train", [5, 2], 0)["reference_time"]
    np.testing.assert_array_equal(few, times[[5, 2]])
    assert not np.array_equal(times, system.draw("train", range(count), 1)["reference_time"])
    # A fifth of the samples covers the period: no quarter of it is bare.
    quarters, _ = np.histogram(times[: count // 5], bins=4, range=(times.min(), times.max()))
    assert quarters.min() >= count / 5 / 4 / 3


def _valid_times(system: System, split: str) -> set[int]:
    times = system.draw(split, range(system.available(split)), 0)["reference_time"]
    return {int(h) for h in (times[:, None] + system.coordinates()["time"].astype(int)).ravel()}


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("by_date", [False, True])
def test_splits_share_no_time_and_a_window_lies_between(
    tmp_path: Path, step: int, by_date: bool
) -> None:
    periods = {
        "train": ["2020-01-01", "2020-01-10"],
        "validation": ["2020-01-13", "2020-01-16"],
        "test": ["2020-01-18T06:00", "2020-01-20"],
    }
    system = from_field(tmp_path, field(500), step=step, periods=periods if by_date else None)
    times = {split: _valid_times(system, split) for split in windows.SPLITS}
    for split, found in times.items():
        assert found, f"{split} is empty"
    for before, after in (("train", "validation"), ("validation", "test")):
        between = min(times[after]) - max(times[before])
        assert between >= (system.options.frames + 1) * step, f"{before} to {after}: {between} h"


def test_periods_and_strides(tmp_path: Path) -> None:
    hours = np.arange(100)
    found = windows.periods(0, 99, {"validation": 0.2, "test": 0.3}, frames=4, step=1)
    # 92 hours are left by two gaps of 4.
    assert found == {"train": (0, 45), "validation": (50, 67), "test": (72, 99)}
    assert windows.starts(hours, (50, 67), 4, 1, 1).tolist() == list(range(50, 65))
    assert windows.starts(hours, (50, 67), 4, 1, 6).tolist() == [50, 56, 62]
    assert windows.starts(hours, (50, 67), 4, 5, 1).tolist() == [50, 51, 52]


def test_run_lengths_count_frames_without_a_gap() -> None:
    hours = np.array([0, 1, 2, 5, 6, 12, 18])
    assert windows.run_lengths(hours, 1).tolist() == [3, 2, 1, 2, 1, 1, 1]
    assert windows.run_lengths(hours, 6).tolist() == [4, 1, 1, 1, 3, 2, 1]
    rng = np.random.default_rng(0)
    hours = np.flatnonzero(rng.random(300) < 0.8)
    there = set(hours.tolist())
    for step in (1, 2, 5):
        for hour, length in zip(hours, windows.run_lengths(hours, step), strict=True):
            assert all(hour + k * step in there for k in range(length))
            assert hour + length * step not in there


def test_windows_never_cross_a_gap(tmp_path: Path) -> None:
    offsets = np.setdiff1d(np.arange(400), [100, 101, 180, 330, 370])
    array = field(offsets)
    array[50] = np.nan  # a frame that is missing as a whole is a gap too
    system = from_field(tmp_path, array)
    there = set(record.hours(array.time.to_numpy()[array.notnull().all(["latitude", "longitude"])]))
    for split in windows.SPLITS:
        assert _valid_times(system, split) <= there
        drawn = system.draw(split, range(system.available(split)), 0)
        assert np.isfinite(drawn["t2m"]).all()
        np.testing.assert_allclose(np.diff(drawn["t2m"], axis=1), 0.1, atol=1e-4)


def test_irregular_times_are_used_where_they_are_regular(tmp_path: Path) -> None:
    offsets = np.concatenate([np.array([0, 6, 12, 18, 23]) + 24 * day for day in range(20)])
    system = from_field(tmp_path, field(offsets), step=6)
    assert all(hour % 6 == 0 for hour in _valid_times(system, "train"))
    with pytest.raises(
        RecordError, match=r"no window of 8 frames, 1 h apart.*longest run .* 2 fra"
    ):
        from_field(tmp_path, field(offsets))


def test_values_missing_in_part_are_refused(tmp_path: Path) -> None:
    array = field(100)
    array[40:42, 1, 3] = np.nan
    with pytest.raises(
        RecordError, match=r"2 values of 't2m' are missing in 2 .* 2020-01-02T16:00"
    ):
        from_field(tmp_path, array)
    assert not (tmp_path / "record.nc").exists()


def test_a_record_too_short_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(
        RecordError, match=r"no window of 8 frames.*in validation and test\. .*40 ti"
    ):
        from_field(tmp_path, field(40))
    assert not (tmp_path / "record.nc").exists()
    with pytest.raises(RecordError, match=r"grid.latitude = 40 points need 40 .* has 5 \(50 to 52"):
        from_field(tmp_path, field(200), grid={"latitude": 40, "longitude": 4})


def test_a_record_of_other_options_is_refused(tmp_path: Path) -> None:
    system = from_field(tmp_path, field(200))
    other = system.options.model_copy(
        update={"grid": system.options.grid.model_copy(update={"latitude": 5})}
    )
    with pytest.raises(RecordError, match=r"its grid is \(4, 6\), the options ask for \(5, 6\)"):
        System(other, tmp_path / "record.nc")
    content = (tmp_path / "record.nc").read_bytes()
    (tmp_path / "cut.nc").write_bytes(content[: len(content) // 2])
    with pytest.raises(RecordError, match=r"cut.nc: not a complete record"):
        System(system.options, tmp_path / "cut.nc")


def test_files_by_pattern_region_and_years(tmp_path: Path) -> None:
    for year in (2019, 2020, 2021):
        write(tmp_path / f"era5_{year}.nc", field(200, start=f"{year}-01-01T00"))
    region = {"north": 52, "west": -1, "south": 50.5, "east": 2}
    chosen = options(source="file", file=str(tmp_path / "era5_*.nc"), region=region, years=[2020])
    system = fetched(chosen, tmp_path)
    assert system.title == "2 m temperature (era5_*.nc)", "nothing in the files says ERA5"
    np.testing.assert_array_equal(system.coordinates()["latitude"], [50.5, 51, 51.5, 52])
    with xr.open_dataset(tmp_path / "record.nc") as kept:
        assert set(kept.time.dt.year.to_numpy()) == {2020}


def test_data_files_place_samples_in_the_calendar(tmp_path: Path) -> None:
    system = from_field(tmp_path, field(300).assign_attrs())
    for split in windows.SPLITS:
        generate(
            system,
            split=split,
            count=20,
            seed=0,
            settings={},
            output=tmp_path / f"{split}.nc",
            state=tmp_path / "parts",
            threads=1,
        )
    data = Trajectories(tmp_path / "train.nc")
    assert len(data) == 20
    assert data.layout.given_frames == 3 and data.layout.grid == (5, 4, 6)
    assert data.layout.boundaries == ("open", "open")
    with xr.open_dataset(tmp_path / "train.nc") as dataset:
        assert dataset.reference_time.attrs["standard_name"] == "forecast_reference_time"
        assert str(dataset.reference_time.to_numpy()[0]).startswith("2020-01-")
        assert set(json.loads(dataset.attrs["periods"])) == set(windows.SPLITS)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"source": "file"}, "file must be given with source: file"),
        ({"file": "a.nc"}, "file must be null with source: sample"),
        ({"source": "arco", "years": [2020]}, "region must be given with source: arco"),
        ({"years": [2019]}, "years must be null with source: sample"),
        ({"source": "file", "file": "a", "store": "gs://b"}, "store must be null"),
        ({"source": "file", "file": "a", "fallback": "stand_in"}, "fallback is for source: sample"),
        ({"variable": "geopotential", "level": 500}, "the sample has 2m_temperature alone"),
        ({"source": "file", "file": "a", "level": 500}, "is given at the surface"),
        ({"region": {"north": 1, "south": 2, "west": 0, "east": 1}}, "must be below north"),
        ({"splits": {"validation": 0.5, "test": 0.5}}, "must leave some of training"),
        ({"periods": {"train": ["2020-01-01"] * 2, "validation": ["2020-01-02"] * 2,
                      "test": ["2020-01-03"] * 2}}, "validation begins 1 hours after.*at least 9"),
        ({"periods": {"train": ["soon", "2020"], "validation": ["a", "b"], "test": ["a", "b"]}},
         "'soon' is not a date"),
        ({"stride": 0}, "stride"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        options(**changed)


def test_options_are_all_described() -> None:
    chosen = options()
    assert chosen.grid_shape() == (5, 4, 6)
    for section in (Options, type(chosen.grid), type(chosen.splits)):
        bare = [name for name, field in section.model_fields.items() if not field.description]
        assert not bare, f"{section.__name__} has options without a description: {bare}"
    again = Options.model_validate(chosen.model_dump(mode="json"))
    assert again == chosen


def test_dates_may_be_dates_of_yaml() -> None:
    import yaml

    text = "{train: [2020-01-01, 2020-01-05], validation: [2020-01-10, 2020-01-15]," + (
        " test: [2020-01-20, '2020-01-25T12:00']}"
    )
    periods = options(periods=yaml.safe_load(text)).periods
    assert periods is not None
    assert periods.test == ["2020-01-20", "2020-01-25T12:00"]
    first, last = periods.hours()["test"]
    assert (record.date(first), record.date(last)) == ("2020-01-20T00:00", "2020-01-25T12:00")


def test_the_files_of_a_user_are_inputs(tmp_path: Path) -> None:
    assert Options().files() == []
    chosen = options(source="file", file=str(tmp_path / "2020-*.nc"))
    assert chosen.files() == [str(tmp_path / "2020-*.nc")], "named in the error when none is there"
    for name in ("2020-02.nc", "2020-01.nc", "2019-12.nc"):
        (tmp_path / name).touch()
    assert chosen.files() == [str(tmp_path / name) for name in ("2020-01.nc", "2020-02.nc")]


def test_learning_from_the_future_is_refused() -> None:
    order = {
        "train": ["2020-03-01"] * 2,
        "validation": ["2020-02-01"] * 2,
        "test": ["2020-01-01"] * 2,
    }
    with pytest.raises(ValidationError, match="nothing is learnt from the future"):
        options(periods=order)
