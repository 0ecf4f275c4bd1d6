r"""Grids on [0, 1] and the linear maps between them.

A function known at coordinates $x_1 < \dots < x_n$ is read as the cubic spline through its values
(not-a-knot), continued linearly, through the outermost two values, to the ends 0 and 1. A solution
that vanishes at both ends is read as the cubic spline through its values and those two zeros.
Both are linear in the values, hence matrices: applied by one product and trivially differentiable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import make_interp_spline

Array = NDArray[np.float64]


class DivergedError(ValueError):
    """A solution became infinite or not a number, or so fast that its steps are unstable.

    Attributes:
        samples: Indices, in the batch given to the solver, of the trajectories concerned.
        problem: The solver, its resolution, and what is wrong.
        remedy: What to do.
    """

    def __init__(self, samples: Sequence[int], problem: str, remedy: str) -> None:
        self.samples = [int(sample) for sample in samples]
        self.problem = problem
        self.remedy = remedy
        shown = ", ".join(map(str, self.samples[:20])) + (", ..." if len(samples) > 20 else "")
        super().__init__(
            f"{problem} in {len(samples)} trajectories, at these indices of the batch: {shown}; "
            f"{remedy}"
        )


def check_speeds(peaks: Array, limit: float, solver: str, steps: int) -> None:
    """Refuses solutions that are not finite, or faster than their time step is stable for.

    An unstable solution need not blow up: saturated by the viscosity, it can be finite and wrong.

    Args:
        peaks: Largest |u| of each trajectory, `[B]`; not finite where the solution is not.
        limit: Largest |u| for which the step is stable.
        solver: The solver and its resolution, for the message.
        steps: Its number of steps.

    Raises:
        DivergedError: Naming the trajectories.
    """
    remedy = f"take more steps, for example steps={2 * steps}, and check that u0 and f are finite"
    diverged = np.flatnonzero(~np.isfinite(peaks))
    if diverged.size:
        raise DivergedError(diverged.tolist(), f"{solver}: the solution is not finite", remedy)
    fast = np.flatnonzero(peaks > limit)
    if fast.size:
        problem = (
            f"{solver}: |u| reaches {peaks.max():.3g}, but the time step is stable up to "
            f"|u| = {limit:.3g} only; it is exceeded"
        )
        raise DivergedError(fast.tolist(), problem, remedy)


def check_coordinates(x: ArrayLike, name: str = "x") -> Array:
    """Returns coordinates as a float64 array after checking them.

    Args:
        x: Coordinates `[n]`, strictly increasing, in [0, 1].
        name: How the caller calls them, for the message.

    Raises:
        ValueError: If they are not a strictly increasing sequence within [0, 1].
    """
    points = np.asarray(x, dtype=np.float64)
    if points.ndim != 1 or points.size == 0:
        raise ValueError(f"{name} must be a non-empty sequence of coordinates, got {points.shape}")
    if not (np.isfinite(points).all() and (np.diff(points) > 0).all()):
        raise ValueError(f"{name} must be finite and strictly increasing, got {points}")
    if points[0] < 0 or points[-1] > 1:
        raise ValueError(
            f"{name} must lie in [0, 1], got values from {points[0]} to {points[-1]}; "
            "rescale the coordinates to the unit interval"
        )
    return points


def check_shapes(u0: tuple[int, ...], f: tuple[int, ...], n_in: int) -> None:
    """Checks the shapes of an initial state `[B, n_in]` and a forcing `[B, K, n_in]`.

    Raises:
        ValueError: If they do not belong together or to `n_in` coordinates.
    """
    if len(u0) != 2 or u0[1] != n_in:
        raise ValueError(f"u0 must have shape [batch, {n_in}], one value per x, got {list(u0)}")
    if len(f) != 3 or f[0] != u0[0] or f[1] < 1 or f[2] != n_in:
        raise ValueError(
            f"f must have shape [{u0[0]}, intervals, {n_in}] to go with u0 {list(u0)} and its "
            f"{n_in} coordinates, got {list(f)}"
        )


def whole_steps(steps: int, intervals: int, frames: int) -> int:
    """Smallest number of time steps, at least `steps`, that hits every interval end and frame.

    Args:
        steps: Time steps wanted.
        intervals: Equal intervals on which the forcing is constant.
        frames: Equally spaced times at which the solution is wanted.

    Raises:
        ValueError: If a number is below 1, or if twice the wanted steps would not be enough.
    """
    for name, value in (("steps", steps), ("intervals", intervals), ("frames", frames)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    unit = math.lcm(intervals, frames)
    whole = unit * math.ceil(steps / unit)
    if whole > 2 * steps:
        raise ValueError(
            f"steps must be a multiple of {unit}, the least common multiple of {intervals} forcing "
            f"intervals and {frames} frames; {steps} steps fall short of it by more than half: "
            f"ask for steps={whole}, or for intervals and frames with a common factor"
        )
    return whole


def interior_grid(points: int) -> Array:
    """The interior points `i / (points + 1)`, i = 1..points, of a grid with known end values."""
    return np.arange(1, points + 1) / (points + 1)


def _read(x: Array) -> Callable[[Array], Array]:
    """The spline with linear continuation through unit values at x, as a matrix-valued function."""
    n = x.size
    unit = np.eye(n)
    if n == 1:
        return lambda y: np.ones((y.size, 1))
    # Not-a-knot needs four values; fewer determine the polynomial of the highest degree they can.
    spline = make_interp_spline(x, unit, k=min(3, n - 1))
    left = (unit[1] - unit[0]) / (x[1] - x[0])
    right = (unit[-1] - unit[-2]) / (x[-1] - x[-2])

    def evaluate(y: Array) -> Array:
        values: Array = spline(np.clip(y, x[0], x[-1]))
        values += np.minimum(y - x[0], 0)[:, None] * left
        values += np.maximum(y - x[-1], 0)[:, None] * right
        return values

    return evaluate


def cached_by_coordinates(function: Callable[..., Array]) -> Callable[..., Array]:
    """Caches a matrix built from coordinates and numbers; the cached matrix is read-only."""

    @lru_cache(maxsize=16)
    def build(*key: Any) -> Array:
        arguments = [np.frombuffer(k) if isinstance(k, bytes) else k for k in key]
        matrix = np.ascontiguousarray(function(*arguments))
        matrix.setflags(write=False)
        return matrix

    def wrapper(*arguments: Any) -> Array:
        return build(*(a.tobytes() if isinstance(a, np.ndarray) else a for a in arguments))

    wrapper.__doc__ = function.__doc__
    wrapper.__name__ = function.__name__
    return wrapper


@cached_by_coordinates
def interpolation_matrix(x: Array, x_out: Array) -> Array:
    """Matrix `[n_in, n_out]` from values at x to values at x_out: `values @ matrix`.

    The cubic spline through the values, continued linearly; exact where the coordinates coincide.

    Args:
        x: Coordinates of the values `[n_in]`, strictly increasing.
        x_out: Coordinates wanted `[n_out]`.
    """
    if np.array_equal(x, x_out):
        return np.eye(x.size)
    return _read(x)(x_out).T


@cached_by_coordinates
def dirichlet_interpolation_matrix(points: int, x_out: Array) -> Array:
    """Matrix `[points + 2, n_out]` from values on a grid with both ends to values at x_out.

    Args:
        points: Interior points of the uniform grid on [0, 1].
        x_out: Coordinates wanted `[n_out]`.
    """
    x = np.linspace(0, 1, points + 2)
    return _read(x)(x_out).T


@cached_by_coordinates
def sine_projection_matrix(x: Array, modes: int) -> Array:
    r"""Matrix `[n_in, modes]` from values at x to the sine coefficients of their interpolant.

    $c_k = 2 \int_0^1 s(x) \sin(k \pi x)\, dx$, k = 1..modes, with s the interpolant of
    `interpolation_matrix`, by Gauss-Legendre quadrature between neighbouring coordinates with
    enough points for the highest mode (to about 1e-14).

    Args:
        x: Coordinates of the values `[n_in]`, strictly increasing, in [0, 1].
        modes: Number of sine coefficients.
    """
    ends = np.unique(np.concatenate([[0.0], x, [1.0]]))
    width = np.diff(ends)
    half_phase = modes * np.pi * width.max() / 2
    nodes, weights = np.polynomial.legendre.leggauss(math.ceil(half_phase) + 10)
    quadrature = (ends[:-1, None] + width[:, None] * (nodes + 1) / 2).ravel()
    weights = (width[:, None] / 2 * weights).ravel()
    read, k = _read(x), np.arange(1, modes + 1)
    matrix = np.zeros((x.size, modes))
    # In parts: on fine grids all quadrature points at once would take gigabytes.
    for part in np.array_split(np.arange(quadrature.size), math.ceil(quadrature.size / 2048)):
        sines = weights[part, None] * np.sin(np.pi * quadrature[part, None] * k)
        matrix += read(quadrature[part]).T @ sines
    return 2 * matrix
