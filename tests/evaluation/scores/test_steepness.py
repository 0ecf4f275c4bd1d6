"""Errors in the order of the gradient of the truth."""

from __future__ import annotations

import numpy as np
import pytest

from wdno.evaluation.scores.pointwise import mse
from wdno.evaluation.scores.steepness import mse_by_steepness


def test_errors_at_a_front_are_in_the_last_tenth() -> None:
    x = np.linspace(-1, 1, 40)
    truth = np.tanh(40 * x)[None, None, None].repeat(5, axis=3 - 1)
    near = np.abs(x) <= 0.1
    prediction = truth[:, None] + 2.0 * near
    tenths = mse_by_steepness(truth, prediction)
    assert tenths.shape == (1, 10)
    # Four of the forty points are near the front: one tenth.
    np.testing.assert_allclose(tenths[0], [0.0] * 9 + [4.0])


def test_tenths_are_those_of_sorted_gradients_in_two_dimensions() -> None:
    draw = np.random.default_rng(0)
    truth = draw.standard_normal((3, 1, 2, 6, 5))
    prediction = draw.standard_normal((3, 4, 1, 2, 6, 5))
    gradients = np.gradient(truth, axis=(3, 4))
    steepness = np.hypot(*gradients).reshape(3, 60)
    error = ((prediction - truth[:, None]) ** 2).mean(axis=1).reshape(3, 60)
    for case, tenths in enumerate(mse_by_steepness(truth, prediction)):
        expected = error[case][np.argsort(steepness[case])].reshape(10, 6).mean(axis=1)
        np.testing.assert_allclose(tenths, expected)


def test_their_mean_is_the_mse() -> None:
    draw = np.random.default_rng(1)
    truth, prediction = draw.standard_normal((2, 1, 5, 8)), draw.standard_normal((2, 3, 1, 5, 8))
    found = mse_by_steepness(truth, prediction).mean(axis=1)
    np.testing.assert_allclose(found, mse(truth, prediction))


@pytest.mark.parametrize("shape", [(2, 2, 5, 8), (2, 1, 20, 1), (2, 1, 1, 8)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one field on at least two points"):
        mse_by_steepness(np.zeros(shape), np.zeros((2, 1, *shape[1:])))
