"""Statistics of a training set: moments, and means by the hour of the day."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from calendar_system import START, Days
from waves import make_data

from wdno.data import statistics
from wdno.data.netcdf import DataError
from wdno.data.statistics import measure_statistics, read_statistics, write_statistics


def test_moments_are_those_of_all_values(waves_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with xr.open_dataset(waves_file) as dataset:
        values = dataset["u"].to_numpy().astype(np.float64)
    for block in (statistics.BLOCK_BYTES, 1):
        monkeypatch.setattr(statistics, "BLOCK_BYTES", block)
        found = measure_statistics(waves_file)
        assert found.fields == ("u",)
        assert found.mean[0] == pytest.approx(values.mean(), abs=1e-12)
        assert found.standard_deviation[0] == pytest.approx(values.std(), rel=1e-12)
        assert found.time_mean is None
        assert found.hourly_mean is None


def test_frames_that_windows_share_count_once(tmp_path: Path) -> None:
    # 60 overlapping windows of 8 hours hold 67 distinct hours.
    days = Days(noise=2.0)
    found = measure_statistics(make_data(tmp_path / "train.nc", system=days, count=60))
    hours = START - 2 + np.arange(67)
    truth = days.temperature(hours)
    assert found.time_mean is not None
    assert found.hourly_mean is not None
    np.testing.assert_allclose(found.time_mean[0], truth.mean(axis=0), rtol=1e-6)
    for hour in range(24):
        expected = truth[hours % 24 == hour].mean(axis=0)
        np.testing.assert_allclose(found.hourly_mean[hour, 0], expected, rtol=1e-6)
    assert found.standard_deviation[0] == pytest.approx(truth.std(), rel=1e-5)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    source = make_data(tmp_path / "train.nc", system=Days(noise=1.0), count=30)
    write_statistics(source, tmp_path / "statistics.nc")
    found, expected = read_statistics(tmp_path / "statistics.nc"), measure_statistics(source)
    assert (found.title, found.fields) == ("Days", ("t",))
    for name in ("mean", "standard_deviation", "time_mean", "hourly_mean"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    with pytest.raises(DataError, match="expected a file written by `wdno statistics`"):
        read_statistics(source)


def test_an_hour_that_never_occurred_has_no_mean(tmp_path: Path) -> None:
    found = measure_statistics(make_data(tmp_path / "train.nc", system=Days(), count=4))
    seen = (START - 2 + np.arange(11)) % 24
    assert np.isfinite(found.at_hours(seen[None])).all()
    with pytest.raises(DataError, match="no data at one of the hours"):
        found.at_hours(np.array([[int(seen[0]) - 1]]))


def test_data_without_a_calendar_have_no_hours(waves_file: Path) -> None:
    with pytest.raises(DataError, match="no calendar"):
        measure_statistics(waves_file).at_hours(np.zeros((1, 1), dtype=np.int64))


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    source = make_data(tmp_path / "train.nc", count=3)
    with xr.load_dataset(source, decode_times=False) as dataset:
        dataset["u"][2, 3, 4] = np.nan
    source.unlink()
    dataset.to_netcdf(source)
    with pytest.raises(DataError, match="not finite in samples 0 to 2"):
        measure_statistics(source)
