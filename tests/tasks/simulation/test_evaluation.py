"""The simulation task: predictors see what is given, and scores see what is generated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from models import SAMPLING, build
from torch import Tensor

from wdno.data.dataset import Generated, Trajectories
from wdno.data.statistics import Statistics, measure
from wdno.tasks.simulation.baselines import Persistence
from wdno.tasks.simulation.evaluation import ModelPredictor, sample_seed, simulate, trajectory


@pytest.fixture(scope="module")
def statistics(waves_file: Path) -> Statistics:
    return measure(waves_file)


def test_scores_are_those_of_the_generated_frames(
    waves: Trajectories, statistics: Statistics
) -> None:
    outcome = simulate(
        Persistence(waves.layout), waves, statistics, samples=1, cases=7, batch_size=3, examples=2
    )
    batch = waves.batch(np.arange(7))
    error = (batch["state"] - batch["initial"][:, :, None]).square().flatten(1).mean(1)
    np.testing.assert_allclose(outcome.scores.cases["mse"], error, rtol=1e-6)
    assert outcome.scores.mse_over_time.shape == (7, 1, 16)
    np.testing.assert_array_equal(outcome.example_truth.state, batch["state"][:2])


def test_the_given_frames_are_imposed_exactly(waves: Trajectories) -> None:
    batch = waves.batch(np.arange(2))
    whole = trajectory(batch["initial"], torch.randn_like(batch["state"]))
    torch.testing.assert_close(whole[:, :, 0], batch["initial"], rtol=0, atol=0)
    assert whole.shape == (2, 1, 17, 24)


def test_a_sample_does_not_depend_on_its_batch(waves: Trajectories, statistics: Statistics) -> None:
    model = build(waves)
    sampling = {"name": "ddim", "steps": 3, "eta": 1.0}
    scores = [
        simulate(
            ModelPredictor(model, seed=1, sampling=sampling),
            waves,
            statistics,
            samples=2,
            cases=6,
            batch_size=size,
        ).scores
        for size in (1, 4, 6)
    ]
    for other in scores[1:]:
        np.testing.assert_allclose(other.cases["mse"], scores[0].cases["mse"], rtol=1e-4)
        np.testing.assert_allclose(other.cases["crps"], scores[0].cases["crps"], rtol=1e-4)


def test_samples_and_seeds_differ(waves: Trajectories) -> None:
    model = build(waves)
    batch = waves.batch(np.arange(2))
    drawn = [
        ModelPredictor(model, seed=seed, sampling=SAMPLING["diffusion"])(batch, sample).state
        for seed, sample in ((0, 0), (0, 1), (1, 0))
    ]
    assert not torch.allclose(drawn[0], drawn[1])
    assert not torch.allclose(drawn[0], drawn[2])
    assert len({sample_seed(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)}) == 8


def test_a_prediction_that_is_not_finite_is_refused_by_case(
    waves: Trajectories, statistics: Statistics
) -> None:
    def predict(batch: Mapping[str, Tensor], sample: int) -> Generated:
        drawn = batch["state"].clone()
        drawn[batch["index"] == 4] = torch.nan
        return Generated(drawn, batch["series"])

    with pytest.raises(FloatingPointError, match="case 4 is not finite"):
        simulate(predict, waves, statistics, samples=1, cases=6, batch_size=3, description="test")
