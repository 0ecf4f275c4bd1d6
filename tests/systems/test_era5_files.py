"""Files of a user: which names mean which files, and a record that is not of this project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from archive_files import field, write
from small_era5 import fetched, options

from wdno.data.dataset import Trajectories
from wdno.data.generate import generate
from wdno.data.statistics import measure_statistics
from wdno.tasks.simulation.baselines import BASELINES
from wdno.tasks.simulation.problem import data as problem_data


def _files(pattern: Path) -> list[str]:
    return options(source="file", file=str(pattern)).files()


def test_an_existing_file_is_no_pattern(tmp_path: Path) -> None:
    for name in ("t2m[2020].nc", "t2m2.nc", "t2m0.nc"):
        (tmp_path / name).touch()
    assert _files(tmp_path / "t2m[2020].nc") == [str(tmp_path / "t2m[2020].nc")]
    assert _files(tmp_path / "t2m[02].nc") == [str(tmp_path / f"t2m{i}.nc") for i in (0, 2)]
    (tmp_path / "a*.nc").touch()
    (tmp_path / "ab.nc").touch()
    assert _files(tmp_path / "a*.nc") == [str(tmp_path / "a*.nc")]


def test_folders_may_have_any_name_and_be_patterns(tmp_path: Path) -> None:
    for folder in ("run [1]", "run 1", "year 2020", "year 2021"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "t2m-01.nc").touch()
    assert _files(tmp_path / "run [1]" / "*.nc") == [str(tmp_path / "run [1]" / "t2m-01.nc")]
    assert _files(tmp_path / "run [1]" / "t2m-01.nc") == [str(tmp_path / "run [1]" / "t2m-01.nc")]
    assert _files(tmp_path / "year *" / "*.nc") == [
        str(tmp_path / f"year {year}" / "t2m-01.nc") for year in (2020, 2021)
    ]
    absent = tmp_path / "nowhere" / "*.nc"
    assert _files(absent) == [str(absent)], "named in the error when none is there"


def test_the_record_is_of_the_file_that_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t2m[2020].nc", field(200))
    write(tmp_path / "t2m2.nc", field(200) + 50)
    system = fetched(options(source="file", file=str(path)), tmp_path)
    values = system.draw("train", range(20), 0)["t2m"]
    assert values.max() < 222


def italy() -> xr.DataArray:
    """Two metre temperature of another reanalysis: three-hourly, two months, degrees Celsius.

    A daily cycle, and weather with a memory of two days, on 0.25 degrees.
    """
    rng = np.random.default_rng(5)
    hours = 3 * np.arange(61 * 8)
    latitudes, longitudes = np.arange(47.0, 36.9, -0.5), np.arange(6.5, 18.6, 0.5)
    daily = 5.0 * np.cos(2 * np.pi * (hours - 13) / 24)
    weather = np.zeros(len(hours))
    keep = np.exp(-3 / 48)
    for frame in range(1, len(hours)):
        weather[frame] = keep * weather[frame - 1] + 2 * np.sqrt(1 - keep**2) * rng.normal()
    values = 22.0 + (daily + weather)[:, None, None] - 0.3 * (latitudes[:, None] - 42)
    values = np.broadcast_to(values, (len(hours), len(latitudes), len(longitudes)))
    times = np.datetime64("2022-05-01T00", "ns") + hours * np.timedelta64(1, "h")
    return xr.DataArray(
        values.astype(np.float32),
        coords={"time": times, "lat": latitudes, "lon": longitudes},
        dims=("time", "lat", "lon"),
        name="2t",
        attrs={"units": "degC"},
    )


@pytest.fixture(scope="module")
def reanalysis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("italy")
    write(folder / "italy_2022.nc", italy())
    chosen = options(
        source="file",
        file=str(folder / "italy_2022.nc"),
        step=3,
        stride=3,
        history=4,
        horizon=7,
        grid={"latitude": 16, "longitude": 24},
    )
    system = fetched(chosen, folder)
    for split in ("train", "test"):
        generate(
            system,
            split=split,
            count=1000,
            seed=0,
            settings={},
            output=folder / f"{split}.nc",
            state=folder / "parts",
            threads=1,
        )
    return folder


def test_a_three_hourly_reanalysis_gives_all_its_windows(reanalysis: Path) -> None:
    data = Trajectories(reanalysis / "test.nc")
    # 488 frames less two gaps of 11; 15 % of them are 70.
    assert len(data) == 70 - 11 + 1
    assert data.layout.grid == (7, 16, 24) and data.layout.given_frames == 4
    with xr.open_dataset(reanalysis / "test.nc") as dataset:
        assert dataset["t2m"].attrs["units"] == "K"
        assert 270 < float(dataset["t2m"].min()) < float(dataset["t2m"].max()) < 320
        assert set(dataset["reference_time"].dt.hour.to_numpy()) == set(range(0, 24, 3))


def test_trivial_predictors_of_it_have_errors_of_the_right_size(reanalysis: Path) -> None:
    statistics = measure_statistics(reanalysis / "train.nc")
    data = problem_data(Trajectories(reanalysis / "test.nc"))
    truth = italy().to_numpy().astype(float) + 273.15
    hour = np.arange(len(truth)) % 8
    known, begin = 488 - 22 - 140, 488 - 70
    daily = np.stack([truth[:known][hour[:known] == h].mean(axis=0) for h in range(8)])
    expected: dict[str, list[float]] = {"persistence": [], "persisted_anomaly": []}
    for start in range(begin, 488 - 10):
        last, ahead = start + 3, np.arange(start + 4, start + 11)
        anomaly = truth[last] - daily[hour[last]]
        for name, guess in (
            ("persistence", truth[last]),
            ("persisted_anomaly", daily[hour[ahead]] + anomaly),
        ):
            expected[name].append(float(((truth[ahead] - guess) ** 2).mean()))
    batch = data.batch(np.arange(len(data)))
    for name, errors in expected.items():
        found = BASELINES[name](data, statistics)(batch, 0)["state"]
        mse = float(((found - batch["state"]) ** 2).mean())
        assert mse == pytest.approx(np.mean(errors), rel=2e-3), name
    assert np.mean(expected["persistence"]) > 4 * np.mean(expected["persisted_anomaly"])
