from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from wdno.evaluation.scores.flow import Flow
from wdno.evaluation.scores.pointwise import (
    METRICS,
    crps,
    mae,
    max_error,
    mse,
    mse_mean,
    mse_over_time,
    relative_l2,
)
from wdno.evaluation.scores.spectrum import FLOOR, energy_spectrum, spectrum_distance
from wdno.tasks.simulation.scores import Measure, Series, join, score

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


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("size", [16, 17])
def test_spectrum_of_one_wave(periodic, size):
    cells = np.arange(size) if periodic else np.arange(size) + 0.5
    wave = 3.0 + 2.0 * np.cos(2 * np.pi * 3 * cells / size)
    wavenumber, energy = energy_spectrum(np.stack([wave, wave])[None], [periodic])
    expected = np.where(wavenumber == 0, 9.0, np.where(wavenumber == 3, 2.0, 0.0))
    assert energy[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("periodic", [(True, True), (False, True), (False, False)])
def test_spectrum_in_two_dimensions_is_radial(periodic):
    y, x = np.meshgrid(np.arange(12), np.arange(20), indexing="ij")
    y, x = (y + 0.5 * (not periodic[0])) / 12, (x + 0.5 * (not periodic[1])) / 20
    wave = np.cos(2 * np.pi * 3 * y) * np.cos(2 * np.pi * 4 * x)
    wavenumber, energy = energy_spectrum(wave[None], periodic)
    assert len(wavenumber) == 7, f"Nyquist of the shorter axis is 6, got {wavenumber}"
    assert energy == pytest.approx(np.where(wavenumber == 5, 0.25, 0.0), abs=1e-12)


@pytest.mark.parametrize("periodic", [True, False])
def test_spectrum_sums_to_the_mean_square(periodic):
    fields = np.random.default_rng(0).standard_normal((2, 3, 5, 24))
    total = energy_spectrum(fields, [periodic])[1].sum(axis=-1)
    assert total == pytest.approx((fields**2).mean(axis=(-1, -2)), rel=1e-12)


def test_spectrum_of_a_ramp_has_no_tail_of_a_jump():
    ramp = np.linspace(0, 1, 64)[None]
    tails = {wraps: energy_spectrum(ramp, [wraps])[1][20] for wraps in (True, False)}
    assert tails[False] < 1e-2 * tails[True], f"energy at k = 20 of a ramp: {tails}"


def test_spectrum_distance():
    energy = np.array([5.0, 1.0, 1.0, 0.1])
    assert spectrum_distance(energy, energy) == 0
    assert spectrum_distance(energy, 100 * energy) == pytest.approx(2.0, abs=1e-4)
    assert spectrum_distance(energy, energy + np.eye(4)[0]) == 0, "the mean must not enter"
    faint = np.array([5.0, 1.0, 1e-12, 1e-12])
    decades = spectrum_distance(faint, np.array([5.0, 1.0, 1e-9, 0.0]))
    assert decades < FLOOR * 1e4, f"energies below the floor must not count, got {decades}"
    assert np.isnan(spectrum_distance(np.array([5.0, 0.0, 0.0]), np.array([5.0, 1.0, 1.0])))


def test_spectrum_error_sees_blur_that_mse_rewards():
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((8, 1, 4, 64))
    sharp, blurred = rng.standard_normal((8, 1, 1, 4, 64)), np.zeros((8, 1, 1, 4, 64))
    blurred += 0.01 * rng.standard_normal(blurred.shape)
    good, bad = score(truth, sharp, ["u"]), score(truth, blurred, ["u"])
    assert bad.cases["mse"].mean() < 0.6 * good.cases["mse"].mean()
    assert bad.cases["spectrum_error"].mean() > 5 * good.cases["spectrum_error"].mean()


@pytest.mark.parametrize("garbage", [1e30, np.nan, np.inf])
@pytest.mark.parametrize("given", [1, 3])
def test_garbage_in_given_frames_changes_nothing(garbage, given):
    rng = np.random.default_rng(0)
    truth, prediction = rng.standard_normal((4, 2, 8, 10)), rng.standard_normal((4, 3, 2, 8, 10))
    expected = score(truth[:, :, given:], prediction[:, :, :, given:], ["u", "v"])
    truth[:, :, :given] = garbage
    prediction[:, :, :, :given] = -garbage
    found = score(truth, prediction, ["u", "v"], given_frames=given)
    for name in expected.cases:
        assert np.array_equal(found.cases[name], expected.cases[name]), name
        for field in ("u", "v"):
            assert np.array_equal(found.fields[field][name], expected.fields[field][name]), name
    assert np.array_equal(found.mse_over_time, expected.mse_over_time)
    assert np.array_equal(found.spectrum_prediction, expected.spectrum_prediction)


def test_score_by_field_and_together():
    truth = np.zeros((2, 2, 3, 8)) + np.cos(np.arange(8))
    prediction = truth[:, None] + np.array([1.0, 3.0])[:, None, None]
    scores = score(truth, prediction, ["u", "v"])
    assert set(scores.cases) == {"mse", "relative_l2", "mae", "max_error", "spectrum_error"}
    assert scores.fields["u"]["mse"] == pytest.approx(np.ones(2))
    assert scores.fields["v"]["mse"] == pytest.approx(np.full(2, 9.0))
    assert scores.cases["mse"] == pytest.approx(np.full(2, 5.0))
    assert scores.cases["max_error"] == pytest.approx(np.full(2, 3.0))
    assert scores.cases["spectrum_error"] == pytest.approx(np.zeros(2), abs=1e-6)
    several = score(truth, np.repeat(prediction, 2, axis=1), ["u", "v"])
    flow = Flow(density=0, velocity=(1,), spacing=(1.0,))
    measure = Measure(spreads=np.array([1.0, 3.0]), weights=np.ones(8), flow=flow)
    climatology = np.full_like(truth, 0.5)
    series = Series(["s"], np.zeros((2, 1, 3)), np.full((2, 2, 1, 3), 2.0))
    several = score(
        truth,
        np.repeat(prediction, 2, axis=1),
        ["u", "v"],
        measure=measure,
        climatology=climatology,
        series=series,
    )
    assert tuple(several.cases) == METRICS
    assert several.cases["mse_with_series"] == pytest.approx(np.full(2, (1.0 + 9.0 + 4.0) / 3))
    assert several.series["s"]["mae"] == pytest.approx(np.full(2, 2.0))
    assert several.cases["mse_normalised"] == pytest.approx(np.ones(2))
    assert several.cases["mae_normalised"] == pytest.approx(np.ones(2))
    assert several.cases["max_error_normalised"] == pytest.approx(np.ones(2))
    assert several.fields["v"]["mse_normalised"] == pytest.approx(np.ones(2))
    assert several.mse_over_time == pytest.approx(np.array([[[1.0] * 3, [9.0] * 3]] * 2))
    assert several.cases["crps"] == pytest.approx(several.cases["mae"])


@pytest.mark.parametrize("shape", SHAPES)
def test_batches_do_not_matter(shape):
    rng = np.random.default_rng(0)
    truth = rng.standard_normal(shape)
    prediction = rng.standard_normal((shape[0], 2, *shape[1:]))
    fields = [f"f{index}" for index in range(shape[1])]
    whole = score(truth, prediction, fields)
    parts = [score(truth[i:j], prediction[i:j], fields) for i, j in ((0, 1), (1, shape[0]))]
    for found in (score(truth, prediction, fields, batch_size=1), join(parts)):
        assert found.count == shape[0]
        for name in whole.cases:
            assert found.cases[name] == pytest.approx(whole.cases[name], rel=1e-12), name
        assert found.spectrum_truth == pytest.approx(whole.spectrum_truth, rel=1e-12)
        assert found.spectrum_prediction == pytest.approx(whole.spectrum_prediction, rel=1e-12)


def test_a_prediction_that_is_not_finite_spoils_its_own_case_only():
    truth, prediction = offset((3, 1, 4, 8), 0.1)
    prediction[1, 0, 0, 2, 3] = np.nan
    scores = score(truth, prediction, ["u"])
    for name, values in scores.cases.items():
        assert np.isfinite(values).tolist() == [True, False, True], f"{name}: {values}"


def test_score_refuses_what_does_not_fit():
    truth, prediction = offset((3, 2, 4, 8), 0.1)
    with pytest.raises(ValueError, match="given_frames = 4 leaves none of the 4 frames"):
        score(truth, prediction, ["u", "v"], given_frames=4)
    with pytest.raises(ValueError, match="one name for each field"):
        score(truth, prediction, ["u"])
    with pytest.raises(ValueError, match="differ in more than the samples"):
        score(truth, prediction[:2], ["u", "v"])
    truth[1, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"truth of cases \[1\] is not finite"):
        score(truth, prediction, ["u", "v"])
    with pytest.raises(ValueError, match="at least one batch"):
        join([])
