"""Baselines without training, on data whose climatology is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from calendar_system import Days
from waves import make_data

from wdno.data.dataset import Generated, Trajectories
from wdno.data.netcdf import DataError
from wdno.data.statistics import measure
from wdno.tasks.simulation.baselines import build
from wdno.tasks.simulation.evaluation import simulate

NAMES = ("persistence", "time_mean", "hourly_mean", "persisted_anomaly")


def days(folder: Path, noise: float) -> tuple[Trajectories, Trajectories]:
    """Training set of ten days, and windows of the same system to predict."""
    system = Days(noise=noise)
    train = make_data(folder / "train.nc", system=system, count=240)
    test = make_data(folder / "test.nc", system=Days(stride=7, noise=noise), count=24)
    return Trajectories(train), Trajectories(test)


def test_persistence_repeats_the_last_given_frame(waves: Trajectories, tmp_path: Path) -> None:
    _, test = days(tmp_path, 1.0)
    for data in (waves, test):
        batch = data.batch(np.arange(3))
        drawn = build("persistence", data, measure(data.path))(batch, 0).state
        assert drawn.shape == batch["state"].shape
        last = data.dataset[data.layout.state[0]][:3, data.layout.given_frames - 1].to_numpy()
        for frame in range(drawn.shape[2]):
            np.testing.assert_array_equal(drawn[:, 0, frame], last)


def test_each_baseline_follows_its_definition(tmp_path: Path) -> None:
    train, test = days(tmp_path, 1.5)
    statistics = measure(train.path)
    batch = test.batch(np.array([1, 5, 20]))
    hours = np.asarray(batch["reference_time"])[:, None] + np.arange(6)
    hourly = statistics.hourly_mean[hours % 24, 0]  # type: ignore[index]
    last = test.dataset["t"][[1, 5, 20], 2].to_numpy()
    expected = {
        "time_mean": np.broadcast_to(statistics.time_mean[0], (3, 5, 3, 4)),  # type: ignore[index]
        "hourly_mean": hourly[:, 1:],
        "persisted_anomaly": hourly[:, 1:] + (last - hourly[:, 0])[:, None],
    }
    for name, values in expected.items():
        drawn = build(name, test, statistics)(batch, 0).state
        assert drawn.shape == batch["state"].shape, name
        np.testing.assert_allclose(drawn[:, 0], values, rtol=1e-6, err_msg=name)


def test_without_weather_the_daily_cycle_is_predicted_exactly(tmp_path: Path) -> None:
    train, test = days(tmp_path, 0.0)
    errors = {}
    for name in NAMES:
        predictor = build(name, test, measure(train.path))
        outcome = simulate(predictor, test, measure(train.path), samples=1, cases=24, batch_size=5)
        errors[name] = outcome.scores.cases["mse"].mean()
    assert errors["hourly_mean"] < 1e-8, errors
    assert errors["persisted_anomaly"] < 1e-8, errors
    assert errors["persistence"] > 0.1, errors
    assert errors["time_mean"] > 0.1, errors


def test_scores_on_the_sphere_weigh_by_latitude(tmp_path: Path) -> None:
    train, test = days(tmp_path, 1.5)
    statistics = measure(train.path)

    def off_at_60_degrees(batch: dict[str, torch.Tensor], sample: int) -> Generated:
        drawn = batch["state"].clone()
        drawn[:, :, :, 2] += 1.0
        return Generated(drawn, batch["series"])

    scores = simulate(
        off_at_60_degrees, test, statistics, samples=1, cases=24, batch_size=24
    ).scores
    weights = np.cos(np.deg2rad([0.0, 30.0, 60.0]))
    assert scores.cases["mse"] == pytest.approx(np.full(24, 1 / 3), rel=1e-4)
    expected = weights[2] / weights.sum()
    assert scores.cases["mse_weighted"] == pytest.approx(np.full(24, expected), rel=1e-4)
    exact = simulate(
        lambda batch, sample: Generated(batch["state"], batch["series"]),
        test,
        statistics,
        samples=1,
        cases=24,
        batch_size=7,
    ).scores
    assert exact.cases["anomaly_correlation"] == pytest.approx(np.ones(24))
    assert (scores.cases["anomaly_correlation"] < 0.999).all()
    itself = simulate(
        build("hourly_mean", test, statistics), test, statistics, samples=1, cases=4, batch_size=4
    ).scores
    assert np.isnan(itself.cases["anomaly_correlation"]).all(), "no departure, no correlation"


def test_baselines_of_a_calendar_are_refused_without_one(waves: Trajectories) -> None:
    statistics = measure(waves.path)
    for name in NAMES[1:]:
        with pytest.raises(DataError, match="no calendar"):
            build(name, waves, statistics)
    with pytest.raises(ValueError, match="unknown baseline 'perfect': expected persistence"):
        build("perfect", waves, statistics)
