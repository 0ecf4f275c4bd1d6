"""Scores of forecasts and ensembles, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from wdno.evaluation.scores.forecast import (
    anomaly_correlation,
    latitude_weights,
    mse_mean_weighted,
    mse_weighted,
    spread,
)


def test_weights_follow_the_area_of_the_cells() -> None:
    weights = latitude_weights(np.array([-60.0, 0.0, 60.0]))
    assert weights == pytest.approx([0.75, 1.5, 0.75])
    assert weights.mean() == pytest.approx(1.0)
    for wrong, message in (([91.0], "within -90..90"), ([90.0, -90.0], "at a pole")):
        with pytest.raises(ValueError, match=message):
            latitude_weights(np.array(wrong))


@pytest.mark.parametrize("members", [2, 4, 16])
def test_the_spread_of_a_reliable_ensemble_is_its_skill(members: int) -> None:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((40, 1, 5, 12, 12))
    samples = rng.standard_normal((40, members, 1, 5, 12, 12))
    ones = np.ones((12, 12))
    ratio = spread(samples, ones).mean() / mse_mean_weighted(truth, samples, ones).mean()
    assert ratio == pytest.approx(1.0, abs=0.02), f"{members} members: {ratio:.4f}"
    narrow = (
        spread(0.5 * samples, ones).mean() / mse_mean_weighted(truth, 0.5 * samples, ones).mean()
    )
    assert narrow < 0.5


def test_errors_are_weighted() -> None:
    truth = np.zeros((1, 1, 2, 2, 3))
    samples = np.stack([truth + 1.0, truth - 1.0], axis=1)
    samples[:, :, :, :, 1] *= 3.0
    weights = np.array([[1.5], [0.5]]) * np.ones((2, 3))
    assert mse_weighted(truth, samples, weights) == pytest.approx([(1.5 * 1 + 0.5 * 9) / 2])
    assert mse_mean_weighted(truth, samples, weights) == pytest.approx([0.0])


def test_anomaly_correlation() -> None:
    rng = np.random.default_rng(0)
    climatology = 280 + rng.standard_normal((3, 1, 4, 6, 6))
    anomaly = rng.standard_normal((3, 1, 4, 6, 6))
    truth, ones = climatology + anomaly, np.ones((6, 6))

    def correlation(predicted: np.ndarray) -> np.ndarray:
        return anomaly_correlation(truth, (climatology + predicted)[:, None], ones, climatology)

    assert correlation(anomaly) == pytest.approx(np.ones(3))
    assert correlation(0.2 * anomaly) == pytest.approx(np.ones(3)), "no matter how large"
    assert correlation(-anomaly) == pytest.approx(-np.ones(3))
    assert np.abs(correlation(rng.standard_normal(anomaly.shape))).max() < 0.3
    assert np.isnan(correlation(np.zeros_like(anomaly))).all()
