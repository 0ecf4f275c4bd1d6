from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from wdno.evaluation.scores.pointwise import (
    crps,
    mae,
    max_error,
    mse,
    mse_mean,
    mse_over_time,
    relative_l2,
)

SHAPES = [(3, 1, 5, 8), (2, 3, 4, 6), (2, 2, 3, 4, 6)]


def offset(shape: tuple[int, ...], *offsets: float) -> tuple[np.ndarray, np.ndarray]:
    """Truth of random values, and a sample at each constant offset from it."""
    truth = np.random.default_rng(0).standard_normal(shape)
    return truth, np.stack([truth + value for value in offsets], axis=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_errors_of_constant_offsets(shape):
    truth, prediction = offset(shape, 0.5, -1.5)
    assert mse(truth, prediction) == pytest.approx(np.full(shape[0], (0.25 + 2.25) / 2))
    assert mse_mean(truth, prediction) == pytest.approx(np.full(shape[0], 0.25))
    assert mae(truth, prediction) == pytest.approx(np.full(shape[0], 1.0))
    assert max_error(truth, prediction) == pytest.approx(np.full(shape[0], 1.0))
    # |x1 - y| and |x2 - y| average to 1, and |x1 - x2| / 2 is 1.
    assert crps(truth, prediction) == pytest.approx(np.zeros(shape[0]), abs=1e-12)
    assert mse_over_time(truth, prediction).shape == (shape[0], shape[2])


def test_mse_is_of_one_draw_and_mse_mean_of_the_mean():
    rng = np.random.default_rng(1)
    truth = np.zeros((1, 1, 100, 100))
    prediction = rng.standard_normal((1, 64, 1, 100, 100))
    single, mean = mse(truth, prediction)[0], mse_mean(truth, prediction)[0]
    assert single == pytest.approx(1.0, rel=0.01), f"one draw of unit variance has MSE {single}"
    assert mean == pytest.approx(1 / 64, rel=0.1), f"the mean of 64 has MSE {mean}"


def test_mse_over_time_is_that_of_each_frame():
    truth = np.zeros((2, 2, 3, 4))
    prediction = np.broadcast_to(np.array([1.0, 2.0, 3.0])[:, None], (2, 1, 2, 3, 4))
    assert mse_over_time(truth, prediction) == pytest.approx(np.array([[1.0, 4.0, 9.0]] * 2))
    assert mse(truth, prediction) == pytest.approx(np.full(2, 14 / 3))


def test_relative_l2():
    truth = np.ones((2, 1, 3, 4))
    truth[1] = 0.0
    prediction = np.stack([truth + 0.1, truth - 0.3], axis=1)
    values = relative_l2(truth, prediction)
    assert values[0] == pytest.approx(0.2)
    assert np.isnan(values[1]), f"relative to a truth of zero: expected NaN, got {values[1]}"


@pytest.mark.parametrize("samples", [2, 3, 7, 16])
def test_crps_is_the_double_sum(samples):
    rng = np.random.default_rng(samples)
    truth = rng.standard_normal((2, 1, 2, 3))
    x = rng.standard_normal((2, samples, 1, 2, 3))
    pairs = np.abs(x[:, :, None] - x[:, None, :]).sum(axis=(1, 2)) / (2 * samples * (samples - 1))
    expected = (np.abs(x - truth[:, None]).mean(axis=1) - pairs).mean(axis=(1, 2, 3))
    assert crps(truth, x) == pytest.approx(expected, rel=1e-12)


def test_crps_is_the_integral_of_the_distribution_functions():
    x, y = np.array([-0.7, 0.1, 0.4, 1.9]), 0.6
    grid = np.sort([*x, y])

    def square(z: float) -> float:
        return float((x <= z).mean() - (y <= z)) ** 2

    integral = sum(integrate.quad(square, *ends)[0] for ends in pairwise(grid))
    members = len(x)
    pairs = np.abs(x[:, None] - x).sum()
    fair = integral - pairs * (1 / (2 * members * (members - 1)) - 1 / (2 * members**2))
    value = crps(np.full((1, 1, 1, 1), y), x.reshape(1, -1, 1, 1, 1))[0]
    assert value == pytest.approx(fair, rel=1e-10), f"{value} against the integral's {fair}"


@pytest.mark.parametrize("samples", [2, 5, 20])
def test_crps_is_unbiased_for_gaussian_samples(samples):
    cells, y = 200_000, 0.8
    x = np.random.default_rng(0).standard_normal((1, samples, 1, 1, cells))
    value = crps(np.full((1, 1, 1, cells), y), x)[0]
    normal = stats.norm
    exact = y * (2 * normal.cdf(y) - 1) + 2 * normal.pdf(y) - 1 / np.sqrt(np.pi)
    assert value == pytest.approx(exact, abs=0.005), f"M = {samples}: {value}, exactly {exact}"


def test_crps_keeps_its_digits_far_from_zero():
    truth, prediction = offset((1, 1, 2, 4), 0.25, 0.75, -0.5)
    near, far = crps(truth, prediction), crps(truth + 1e8, prediction + 1e8)
    assert far == pytest.approx(near, abs=1e-6)


@pytest.mark.parametrize("metric", [crps, mse_mean])
def test_several_samples_are_needed(metric):
    truth, prediction = offset((1, 1, 2, 4), 0.1)
    with pytest.raises(ValueError, match="at least 2 samples of each case, got 1"):
        metric(truth, prediction)


def test_torch_tensors_and_numpy_arrays_give_the_same():
    truth, prediction = offset((2, 1, 3, 4), 0.1, 0.2)
    for metric in (mse, mse_mean, mae, max_error, relative_l2, crps):
        value = metric(torch.from_numpy(truth), torch.from_numpy(prediction).requires_grad_())
        assert value == pytest.approx(metric(truth, prediction), rel=1e-14), metric.__name__


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        ((2, 3, 4), (2, 1, 3, 4), "expected truth"),
        ((2, 1, 3, 4), (2, 1, 3, 4), "expected truth"),
        ((2, 1, 3, 4), (2, 5, 1, 3, 5), "differ in more than the samples"),
        ((2, 1, 3, 4), (1, 5, 1, 3, 4), "differ in more than the samples"),
        ((2, 1, 3, 4), (2, 0, 1, 3, 4), "empty"),
    ],
)
def test_shapes_that_do_not_fit(truth, prediction, message):
    with pytest.raises(ValueError, match=message):
        mse(np.zeros(truth), np.zeros(prediction))
