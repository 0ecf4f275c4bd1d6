"""Derivatives of values at points: what is exact, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from wdno.grids.axis import GridAxis, GridError
from wdno.grids.weights import derivative_weights


def dirichlet(count: int, stride: int) -> GridAxis:
    x = (stride * np.arange(count) + 1) / (stride * count + 1)
    return GridAxis.of(x, "left", "dirichlet", (0.0, 1.0))


@pytest.mark.parametrize("stride", [1, 2, 16])
@pytest.mark.parametrize("count", [4, 5, 31])
def test_a_parabola_that_vanishes_at_the_ends_is_exact(count: int, stride: int) -> None:
    axis = dirichlet(count, stride)
    x = axis.coordinates
    expected = {1: 1 - 2 * x, 2: np.full(count, -2.0)}
    for degree, values in expected.items():
        matrix, points = derivative_weights(axis, degree)
        # The first point gives way to the end where it crowds it.
        assert list(points) == list(range(stride == 16, count))
        np.testing.assert_allclose(matrix @ (x * (1 - x)), values[points], atol=1e-9)


@pytest.mark.parametrize("spacing", [0.25, -0.25])
def test_a_parabola_is_exact_between_open_ends(spacing: float) -> None:
    axis = GridAxis(60.0, spacing, 9)
    x = axis.coordinates - 60.0
    for degree, expected in ((1, 0.7 + 3.2 * x), (2, np.full(9, 3.2))):
        matrix, points = derivative_weights(axis, degree)
        assert list(points) == list(range(9))
        np.testing.assert_allclose(matrix @ (0.7 * x + 1.6 * x**2), expected, atol=1e-9)


def test_a_periodic_axis_has_the_central_difference_everywhere() -> None:
    axis = GridAxis(0.0, 0.5, 6, "left", "periodic")
    values = np.random.default_rng(0).normal(size=6)
    after, before = np.roll(values, -1), np.roll(values, 1)
    np.testing.assert_allclose(derivative_weights(axis, 1)[0] @ values, after - before, atol=1e-12)
    second = 4 * (after - 2 * values + before)
    np.testing.assert_allclose(derivative_weights(axis, 2)[0] @ values, second, atol=1e-12)


@pytest.mark.parametrize(
    ("axis", "degree"),
    [
        (GridAxis(0.0, 0.1, 8, "cells"), 1),
        (GridAxis(0.0, 0.1, 8), 3),
        (GridAxis(0.0, 0.1, 2), 1),
    ],
)
def test_what_has_no_such_derivative_is_refused(axis: GridAxis, degree: int) -> None:
    with pytest.raises(GridError, match=r"degree 1 or 2 of values at \d points or more"):
        derivative_weights(axis, degree)
