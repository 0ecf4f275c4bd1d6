"""Baselines without training, on data whose climatology is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from calendar_system import Days
from torch import Tensor
from waves import make_data

from wdno.data.dataset import ProblemData, Trajectories
from wdno.data.netcdf import DataError
from wdno.data.statistics import measure_statistics
from wdno.tasks.simulation.baselines import BASELINES, build
from wdno.tasks.simulation.evaluation import predict_and_score
from wdno.tasks.simulation.options import WITHOUT_CALENDAR, Options
from wdno.tasks.simulation.problem import data as simulation


def days(folder: Path, noise: float) -> tuple[ProblemData, ProblemData]:
    """Training set of ten days, and windows of the same system to predict."""
    system = Days(noise=noise)
    train = make_data(folder / "train.nc", system=system, count=240)
    test = make_data(folder / "test.nc", system=Days(stride=7, noise=noise), count=24)
    return simulation(Trajectories(train)), simulation(Trajectories(test))


def test_persistence_repeats_the_last_given_frame(waves: Trajectories, tmp_path: Path) -> None:
    _, test = days(tmp_path, 1.0)
    for data in (simulation(waves), test):
        batch = data.batch(np.arange(3))
        drawn = build("persistence", data, measure_statistics(data.trajectories.path))(batch, 0)
        assert drawn.keys() == {"state"} and drawn["state"].shape == batch["state"].shape
        layout = data.trajectories.layout
        stored = data.trajectories.dataset[layout.state[0]].to_numpy()
        for frame in range(layout.grid[0]):
            expected = stored[:3, layout.given_frames - 1]
            np.testing.assert_array_equal(drawn["state"][:, 0, frame], expected)


def test_each_baseline_follows_its_definition(tmp_path: Path) -> None:
    train, test = days(tmp_path, 1.5)
    statistics = measure_statistics(train.trajectories.path)
    batch = test.batch(np.array([1, 5, 20]))
    hours = np.asarray(batch["reference_time"])[:, None] + np.arange(6)
    hourly = statistics.hourly_mean[hours % 24, 0]  # type: ignore[index]
    last = test.trajectories.dataset["t"][[1, 5, 20], 2].to_numpy()
    expected = {
        "time_mean": np.broadcast_to(statistics.time_mean[0], (3, 5, 3, 4)),  # type: ignore[index]
        "hourly_mean": hourly[:, 1:],
        "persisted_anomaly": hourly[:, 1:] + (last - hourly[:, 0])[:, None],
    }
    for name, values in expected.items():
        drawn = build(name, test, statistics)(batch, 0)["state"]
        assert drawn.shape == batch["state"].shape, name
        np.testing.assert_allclose(drawn[:, 0], values, rtol=1e-6, err_msg=name)


def test_without_weather_the_daily_cycle_is_predicted_exactly(tmp_path: Path) -> None:
    train, test = days(tmp_path, 0.0)
    statistics, batch = measure_statistics(train.trajectories.path), test.batch(np.arange(24))
    errors = {}
    for name in BASELINES:
        drawn = build(name, test, statistics)(batch, 0)["state"]
        errors[name] = float((drawn - batch["state"]).square().mean())
    assert errors["hourly_mean"] < 1e-8, errors
    assert errors["persisted_anomaly"] < 1e-8, errors
    assert errors["persistence"] > 0.1, errors
    assert errors["time_mean"] > 0.1, errors


def test_scores_on_the_sphere_weigh_by_latitude(tmp_path: Path) -> None:
    train, test = days(tmp_path, 1.5)
    statistics = measure_statistics(train.trajectories.path)

    def off_at_60_degrees(batch: dict[str, Tensor], sample: int) -> dict[str, Tensor]:
        drawn = batch["state"].clone()
        drawn[:, :, :, 2] += 1.0
        return {"state": drawn}

    options = {"samples": 1, "cases": 24, "batch_size": 7}
    scores = predict_and_score(off_at_60_degrees, test, statistics, **options).scores
    weights = np.cos(np.deg2rad([0.0, 30.0, 60.0]))
    np.testing.assert_allclose(scores["mse"], 1 / 3, rtol=1e-4)
    expected = weights[2] / weights.sum()
    np.testing.assert_allclose(scores["mse_weighted"], expected, rtol=1e-4)
    exact = predict_and_score(
        lambda batch, sample: {"state": batch["state"]}, test, statistics, **options
    )
    np.testing.assert_allclose(exact.scores["anomaly_correlation"], 1.0)
    assert (scores["anomaly_correlation"] < 0.999).all()


def test_baselines_of_a_calendar_are_refused_without_one(waves: Trajectories) -> None:
    data, statistics = simulation(waves), measure_statistics(waves.path)
    for name in BASELINES:
        if name not in WITHOUT_CALENDAR:
            with pytest.raises(DataError, match="'waves': its samples have no calendar"):
                build(name, data, statistics)
    with pytest.raises(ValueError, match="unknown baseline 'perfect': expected one of persistence"):
        build("perfect", data, statistics)


def test_the_options_describe_each_baseline() -> None:
    assert list(Options.baselines) == list(BASELINES)
