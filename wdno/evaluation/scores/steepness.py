r"""Errors near abrupt changes: at points in the order of the gradient of the truth there.

With the truth $y$ of one field and case, the points of all its frames are sorted by
$\lvert \nabla y \rvert$ over space (central differences, one-sided at the ends) and divided into
tenths of equal size, the flattest first. A solution with shocks is mostly wrong at the last tenth,
which tells methods that smear them from those that do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wdno.evaluation.metric import Metric
from wdno.evaluation.scores.pointwise import Float, check_shapes, float64

if TYPE_CHECKING:
    from wdno.evaluation.scores.pointwise import Array

TENTHS = 10

MSE_STEEPEST = Metric(
    "mse_steepest",
    "MSE, steepest tenth",
    "field^2",
    note="MSE, steepest tenth: at the tenth of a trajectory's points where the truth changes most "
    "over space, of each field.",
)


def mse_by_steepness(truth: Array, prediction: Array) -> Float:
    """Mean squared error of one draw in each tenth of the points, from flat to steep.

    Args:
        truth: of one field, `[N, 1, T, *S]`, every axis of space with two points or more.
        prediction: `[N, M, 1, T, *S]`.

    Returns:
        `[N, 10]`, in squared units of the field; NaN of a case whose prediction is not finite.

    Raises:
        ValueError: the shapes do not fit, there are several fields, an axis of space has one point,
            or a trajectory fewer than ten.
    """
    check_shapes(truth, prediction)
    y, x = float64(truth), float64(prediction)
    space = tuple(range(3, y.ndim))
    points = int(np.prod(y.shape[1:]))
    if y.shape[1] != 1 or min(y.shape[3:]) < 2 or points < TENTHS:
        raise ValueError(
            "mse_by_steepness: expected one field on at least two points along each axis of space "
            f"and {TENTHS} in all, got truth [cases, fields, time, *space] of {tuple(y.shape)}"
        )
    squares = [np.gradient(y, axis=axis) ** 2 for axis in space]
    steepness = np.sum(squares, axis=0).reshape(len(y), points)
    error = ((x - y[:, None]) ** 2).mean(axis=1).reshape(len(y), points)
    # Points that are equally steep, such as those of empty space, stay in the order of the grid.
    order = np.argsort(steepness, axis=1, kind="stable")
    tenths = np.array_split(np.take_along_axis(error, order, axis=1), TENTHS, axis=1)
    found = np.stack([tenth.mean(axis=1) for tenth in tenths], axis=1)
    # One point spoils its tenth alone, yet a case that has diverged has no error anywhere.
    return np.where(np.isfinite(error).all(axis=1, keepdims=True), found, np.nan)
