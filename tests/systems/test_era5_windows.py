"""Windows of records with any spacing: compared with a count of them, one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from archive_files import field, write
from hypothesis import given, settings
from hypothesis import strategies as st
from small_era5 import fetched, options

from wdno.archives import record
from wdno.archives.errors import RecordError
from wdno.systems import _era5_windows as windows


def counted(
    hours: list[int], period: tuple[int, int], frames: int, step: int, stride: int
) -> list[int]:
    """Starts of windows: from time to time, each at least `stride` hours after the one before."""
    there, found = set(hours), []
    for hour in hours:
        wanted = [hour + k * step for k in range(frames)]
        whole = all(h in there and period[0] <= h <= period[1] for h in wanted)
        if whole and (not found or hour >= found[-1] + stride):
            found.append(hour)
    return found


@settings(max_examples=300, deadline=None)
@given(
    spacing=st.sampled_from([1, 2, 3, 6, 12, 24]),
    multiple=st.integers(1, 3),
    strides=st.integers(1, 5),
    history=st.integers(1, 5),
    horizon=st.integers(1, 8),
    validation=st.sampled_from([0.1, 0.15, 0.3]),
    test=st.sampled_from([0.1, 0.15, 0.3]),
    phase=st.integers(0, 30),
    count=st.integers(1, 250),
    gap=st.integers(0, 300),
)
def test_windows_are_those_that_are_counted(
    spacing: int,
    multiple: int,
    strides: int,
    history: int,
    horizon: int,
    validation: float,
    test: float,
    phase: int,
    count: int,
    gap: int,
) -> None:
    hours = phase + spacing * np.delete(np.arange(count + 1), min(gap, count))
    frames, step = history + horizon, spacing * multiple
    shares = {"validation": validation, "test": test}
    first, last = int(hours[0]), int(hours[-1])
    found = windows.periods(first, last, shares, frames, step, windows.spacing(hours))
    for split, period in found.items():
        for stride in (1, step * strides):
            starts = windows.starts(hours, period, frames, step, stride).tolist()
            assert starts == counted(hours.tolist(), period, frames, step, stride), split
    for before, after in (("train", "validation"), ("validation", "test")):
        assert found[after][0] - found[before][1] >= (frames + 1) * step
    assert found["train"][0] == first
    assert found["test"][1] <= last or found["test"][1] < found["test"][0]


@settings(max_examples=100, deadline=None)
@given(
    spacing=st.sampled_from([1, 3, 6, 24]),
    history=st.integers(1, 6),
    horizon=st.integers(1, 8),
    stride=st.integers(1, 4),
)
def test_a_record_that_is_just_long_enough_has_its_windows(
    spacing: int, history: int, horizon: int, stride: int
) -> None:
    frames = history + horizon
    # Three equal shares of a window each, and a window between them.
    count = 5 * frames
    hours = 7 + spacing * np.arange(count)
    shares = {"validation": 1 / 3, "test": 1 / 3}
    found = windows.periods(
        int(hours[0]), int(hours[-1]), shares, frames, spacing, windows.spacing(hours)
    )
    for split, period in found.items():
        starts = windows.starts(hours, period, frames, spacing, stride * spacing)
        assert len(starts) == 1, split


@pytest.mark.parametrize("spacing", [3, 6, 24])
@pytest.mark.parametrize("multiple", [1, 2, 4])
def test_a_coarse_record_is_cut_at_its_own_times(
    tmp_path: Path, spacing: int, multiple: int
) -> None:
    # An hour that no multiple of the spacing since 1970 or since midnight is.
    array = field(spacing * np.arange(400), start="2020-01-01T01")
    path = write(tmp_path / "file.nc", array)
    chosen = options(source="file", file=str(path), step=spacing, stride=spacing * multiple)
    system = fetched(chosen, tmp_path)
    there = set(record.hours(array.time.to_numpy()).tolist())
    frames = chosen.frames
    for split in windows.SPLITS:
        count = system.available(split)
        drawn = system.draw(split, range(count), 0)
        starts = np.sort(drawn["reference_time"]) - (chosen.history - 1) * spacing
        assert set(starts.tolist()) <= there
        np.testing.assert_array_equal(np.diff(starts), spacing * multiple)
        # The field begins again after a thousand hours.
        change = np.diff(drawn["t2m"], axis=1) % 100
        np.testing.assert_allclose(change, spacing / 10, atol=1e-3)
    # 400 frames less two gaps; the test period has 15 % of them.
    length = round((400 - 2 * frames) * 0.15)
    assert system.available("test") == -(-(length - frames + 1) // multiple)


def test_a_step_between_the_times_of_a_record_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "file.nc", field(3 * np.arange(200)))
    with pytest.raises(
        RecordError, match=r"Its times are 3 h apart and frames are to be 1 h apart: make `step` 3"
    ):
        fetched(options(source="file", file=str(path)), tmp_path)
    with pytest.raises(RecordError, match=r"Its times are 3 h apart and frames are to be 4 h"):
        fetched(options(source="file", file=str(path), step=4), tmp_path)


PERIODS = {
    "train": ["2020-01-01T00:00+05:00", "2020-01-05T00:00-03:30"],
    "validation": ["2020-01-07", "2020-01-09T12:00Z"],
    "test": ["2020-01-11T00:30", "2020-01-12T00:30"],
}


def test_times_with_an_offset_are_converted() -> None:
    periods = options(periods=PERIODS).periods
    assert periods is not None
    found = {
        name: tuple(record.date(hour) for hour in hours) for name, hours in periods.hours().items()
    }
    assert found == {
        # Five hours before midnight in Greenwich; half past three is no full hour: the one before.
        "train": ("2019-12-31T19:00", "2020-01-05T03:00"),
        "validation": ("2020-01-07T00:00", "2020-01-09T12:00"),
        # A period holds no time before its first.
        "test": ("2020-01-11T01:00", "2020-01-12T00:00"),
    }


def test_times_of_yaml_keep_their_offset() -> None:
    import yaml

    times = yaml.safe_load("[2020-01-01T00:00:00+05:00, 2020-01-05T00:00:00Z]")
    periods = options(periods={**PERIODS, "train": times}).periods
    assert periods is not None
    assert [record.date(hour) for hour in periods.hours()["train"]] == [
        "2019-12-31T19:00",
        "2020-01-05T00:00",
    ]
