"""Trajectories with measurement noise."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from waves import make_data

from wdno.data.dataset import Trajectories
from wdno.data.measured import MeasuredTrajectories
from wdno.data.statistics import measure_statistics
from wdno.tasks.simulation.problem import data as simulation

INDICES = np.array([3, 0, 3])


def measured(waves: Trajectories, level: float) -> MeasuredTrajectories:
    deviation = measure_statistics(waves.path).standard_deviation
    return MeasuredTrajectories(waves, level, deviation)


def test_noise_has_the_asked_standard_deviation_and_no_correlation(waves: Trajectories) -> None:
    everything = np.arange(len(waves))
    noise = measured(waves, 0.5).batch(everything)["state"] - waves.batch(everything)["state"]
    deviation = float(measure_statistics(waves.path).standard_deviation[0])
    assert float(noise.std()) == pytest.approx(0.5 * deviation, rel=0.03)
    assert abs(float(noise.mean())) < 0.03 * deviation
    unit = noise / noise.std()
    for axis in (2, 3):
        count = unit.shape[axis] - 1
        product = (unit.narrow(axis, 0, count) * unit.narrow(axis, 1, count)).mean()
        assert abs(float(product)) < 0.05, f"neighbours along axis {axis} are correlated"


def test_a_sample_is_measured_once(waves: Trajectories, tmp_path: Path) -> None:
    noisy = measured(waves, 0.1)
    batch, again = noisy.batch(INDICES), noisy.batch(np.array([0, 3]))
    assert torch.equal(batch["state"][0], batch["state"][2])
    assert torch.equal(batch["state"][[1, 0]], again["state"])
    noise = batch["state"] - waves.batch(INDICES)["state"]
    twice = measured(waves, 0.2).batch(INDICES)["state"] - waves.batch(INDICES)["state"]
    torch.testing.assert_close(twice, 2 * noise, rtol=1e-3, atol=1e-5)
    other = make_data(tmp_path / "other.nc", count=len(waves))
    elsewhere = measured(Trajectories(other), 0.1).batch(INDICES)["state"]
    assert not torch.allclose(elsewhere - Trajectories(other).batch(INDICES)["state"], noise)


def test_only_the_state_is_noisy_and_level_zero_is_exact(waves: Trajectories) -> None:
    exact, noisy = waves.batch(INDICES), measured(waves, 0.1).batch(INDICES)
    for name in ("forcing", "series", "index"):
        assert torch.equal(noisy[name], exact[name]), name
    assert torch.equal(measured(waves, 0.0).batch(INDICES)["state"], exact["state"])


def test_it_is_a_set_like_any_other(waves: Trajectories) -> None:
    noisy = measured(waves, 0.1)
    data = simulation(noisy)
    assert len(data) == len(waves) and data.problem == simulation(waves).problem
    assert noisy.nbytes == waves.nbytes and noisy.provenance == waves.provenance
    assert noisy.attributes == {**waves.attributes, "measurement_noise": "0.1"}
    again = pickle.loads(pickle.dumps(data))
    assert torch.equal(again.batch(INDICES)["first"], data.batch(INDICES)["first"])


@pytest.mark.parametrize("level", [-0.1, float("nan"), float("inf")])
def test_a_level_that_is_none_is_refused(waves: Trajectories, level: float) -> None:
    with pytest.raises(ValueError, match="expected a level of 0 or more"):
        measured(waves, level)


def test_deviations_of_other_fields_are_refused(waves: Trajectories) -> None:
    with pytest.raises(ValueError, match=r"a standard deviation for each of the fields u, got.*2"):
        MeasuredTrajectories(waves, 0.1, np.ones(2))
