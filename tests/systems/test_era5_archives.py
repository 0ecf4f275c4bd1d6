"""What an archive does not have is said when the options are read, before anything is fetched."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from small_era5 import options

from wdno.archives.months import Month
from wdno.systems import _era5_archives as archives
from wdno.systems import _era5_windows as windows

NOW = datetime.datetime.now(datetime.UTC).year
EUROPE = {"north": 60.0, "west": -10.0, "south": 44.0, "east": 6.0}


def remote(source: str = "cds", **changed: Any):
    return options(**{"source": source, "region": EUROPE, "years": [2018, 2019], **changed})


@pytest.mark.parametrize("source", ["cds", "arco", "weatherbench2"])
def test_what_an_archive_has_is_accepted(source: str) -> None:
    assert remote(source).source == source
    level = remote(source, variable="temperature", level=850)
    assert level.level == 850


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"years": [2018, NOW]}, rf"years: cds has the whole years 1940 to {NOW - 1}, not {NOW}"),
        ({"years": [NOW + 7]}, r"years: cds has the whole years"),
        (
            {"source": "weatherbench2", "years": [1950, 2018, 2023]},
            r"years: weatherbench2 has the whole years 1959 to 2022, not 1950, 2023",
        ),
        (
            {"variable": "temperature", "level": 510},
            r"level: cds has no level 510 hPa; it has 1, 2, .*500, 550",
        ),
        (
            {"source": "weatherbench2", "variable": "temperature", "level": 225},
            r"level: weatherbench2 has no level 225 hPa",
        ),
        (
            {"grid": {"latitude": 66, "longitude": 65}},
            r"grid\.latitude = 66 points need 66 of cds, which has 65 in the region, at 0\.25 deg",
        ),
        (
            {"grid": {"latitude": 8, "longitude": 17, "coarsen": 4}},
            None,
        ),
        (
            {"grid": {"latitude": 8, "longitude": 18, "coarsen": 4}},
            r"grid\.longitude = 18 points of every 4-th need 69 of cds, which has 65",
        ),
        (
            {"source": "weatherbench2", "grid": {"latitude": 12, "longitude": 4}},
            # 45, 46.5, ..., 60.
            r"grid\.latitude = 12 points need 12 of weatherbench2, which has 11 in the region",
        ),
        (
            {"source": "arco", "region": {**EUROPE, "north": 44.2}},
            r"grid\.latitude = 4 points need 4 of arco, which has 1 in the region",
        ),
        (
            {"periods": {"train": ["2010-01-01", "2012-12-31"],
                         "validation": ["2018-01-01", "2018-06-30"],
                         "test": ["2019-01-01", "2019-06-30"]}},
            r"periods and years: no window of 8 frames, 1 h apart, is in the years 2018, 2019 and "
            r"in train \(2010-01-01T00:00 to 2012-12-31T23:00\)",
        ),
        (
            # Its last seven hours are in a year that is there; a window has eight frames.
            {"periods": {"train": ["2017-01-01", "2018-01-01T06:00"],
                         "validation": ["2018-02-01", "2018-06-30"],
                         "test": ["2019-01-01", "2020-06-30"]}},
            r"no window of 8 frames.* in train \(",
        ),
        (
            {"periods": {"train": ["2017-01-01", "2018-01-01T07:00"],
                         "validation": ["2018-02-01", "2018-06-30"],
                         "test": ["2019-01-01", "2020-06-30"]}},
            None,
        ),
        ({"splits": {"validation": 0.0, "test": 0.5}}, r"splits and years: .* in validation \("),
        ({"splits": {"validation": 1e-4, "test": 0.5}}, r"splits and years: .* in validation \("),
        (
            # Windows of a year and more cross the gap between years that do not follow each other.
            {"years": [2010, 2012, 2014], "step": 24, "history": 200, "horizon": 180},
            r"splits and years: no window of 380 frames, 24 h apart, is in the years 2010, 2012, "
            r"2014 and in train .* or validation .* or test",
        ),
        ({"years": [99999]}, r"years: expected years up to 2261, got 99999"),
    ],
)  # fmt: skip
def test_what_it_lacks_is_refused(changed: dict[str, Any], message: str | None) -> None:
    if message is None:
        remote(**changed)
        return
    with pytest.raises(ValidationError, match=message):
        remote(**changed)


def test_of_a_store_with_an_own_address_less_is_known() -> None:
    store = {"source": "weatherbench2", "store": "gs://bucket/own.zarr"}
    own = {"grid": {"latitude": 60, "longitude": 60}, "variable": "temperature", "level": 510}
    assert remote(**store, **own, years=[2024]).years == [2024]
    with pytest.raises(ValidationError, match="no window of 8 frames"):
        remote(**store, splits={"validation": 0.0, "test": 0.5})


def test_of_files_only_dates_and_years_are_compared() -> None:
    periods = {
        "train": ["2010-01-01", "2010-12-31"],
        "validation": ["2011-02-01", "2011-06-30"],
        "test": ["2012-01-01", "2012-06-30"],
    }
    options(source="file", file="a.nc", years=[2010, 2011, 2012], periods=periods)
    options(source="file", file="a.nc", years=[2010])
    with pytest.raises(ValidationError, match=r"in the years 2010, 2011 and in test"):
        options(source="file", file="a.nc", years=[2010, 2011], periods=periods)


@pytest.mark.parametrize("every", [1, 3, 6, 24])
@pytest.mark.parametrize("years", [[2019], [2018, 2019, 2021], [2020, 2022]])
def test_windows_are_known_without_the_record(years: list[int], every: int) -> None:
    months = [Month(year, month, every) for year in years for month in range(1, 13)]
    times = np.concatenate([month.times for month in months])
    hours = times.astype("datetime64[h]").astype(np.int64)
    spans = list(archives._spans(years, every))
    assert hours[0] == spans[0][0] and hours[-1] == spans[-1][1]
    rng = np.random.default_rng(0)
    for _ in range(200):
        frames = int(rng.integers(1, 60))
        first = int(hours[0] + rng.integers(-5000, 40000))
        period = (first, first + int(rng.integers(1, 3000)))
        step = every * int(rng.integers(1, 4))
        there = len(windows.starts(hours, period, frames, step, 1)) > 0
        known = any(archives._has_window(s, period, (frames - 1) * step, every) for s in spans)
        assert known == there, (frames, period, step)


@pytest.mark.parametrize(
    ("step", "every"), [(1, 1), (3, 3), (5, 1), (6, 6), (9, 3), (18, 6), (24, 24), (48, 24)]
)
def test_no_more_times_are_fetched_than_windows_need(step: int, every: int) -> None:
    chosen = remote(step=step)
    assert chosen.hours_fetched == every
    assert all(k * step % every == 0 for k in range(24))
