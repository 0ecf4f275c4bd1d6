from __future__ import annotations

import math

import numpy as np
import pytest

from wdno.solvers import finite_difference
from wdno.solvers.finite_difference import required_steps
from wdno.solvers.grids import (
    DivergedError,
    dirichlet_interpolation_matrix,
    interior_grid,
    interpolation_matrix,
    sine_projection_matrix,
    whole_steps,
)

X = interior_grid(120)
COARSE = {"viscosity": 0.02, "t_end": 1.0, "points": 60, "steps": 240}


def cole_hopf(x: np.ndarray, t: float, viscosity: float, a: float) -> np.ndarray:
    """u = -2 nu phi_x / phi with phi = a + exp(-nu pi^2 t) cos(pi x); see test_spectral.py."""
    decay = np.exp(-viscosity * np.pi**2 * t)
    return 2 * viscosity * np.pi * decay * np.sin(np.pi * x) / (a + decay * np.cos(np.pi * x))


def case(intervals: int, x: np.ndarray = X, n: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centre, strength = rng.uniform(0, 1, (n, intervals, 1)), rng.uniform(-1, 1, (n, intervals, 1))
    u0 = rng.uniform(-1, 1, (n, 1)) * np.sin(np.pi * x * rng.integers(1, 4, (n, 1)))
    return u0, strength * np.exp(-0.5 * ((x - centre) / 0.3) ** 2)


def rms(a: np.ndarray) -> float:
    return float(np.sqrt((a**2).mean()))


def test_order_in_space() -> None:
    """With steps in proportion to the squared points, the error to Cole-Hopf falls at order 2."""
    viscosity, a = 0.05, 1.1
    exact = cole_hopf(X, 1.0, viscosity, a)
    errors = []
    for points in (59, 119, 239):
        u = finite_difference.solve(
            cole_hopf(X, 0, viscosity, a)[None], np.zeros((1, 1, X.size)), x=X, frames=1,
            viscosity=viscosity, t_end=1.0, points=points, steps=(points + 1) ** 2 // 4,
        )  # fmt: skip
        errors.append(rms(u[0, -1] - exact) / rms(exact))
    orders = [math.log2(errors[i] / errors[i + 1]) for i in (0, 1)]
    assert min(orders) > 1.9, f"orders {orders} from relative errors {errors}; expected 2"


def test_exact_solution() -> None:
    viscosity, a, points = 0.01, 2.0, 1199
    x = interior_grid(points)
    u = finite_difference.solve(
        cole_hopf(x, 0, viscosity, a)[None], np.zeros((1, 1, points)), x=x, frames=4,
        viscosity=viscosity, t_end=2.0, points=points, steps=60_000,
    )  # fmt: skip
    exact = np.stack([cole_hopf(x, t, viscosity, a) for t in (0.5, 1, 1.5, 2)])
    error = rms(u[0, 1:] - exact) / rms(exact)
    assert error < 1e-6, f"relative error {error:.2e} to the Cole-Hopf solution"


def test_order_in_time() -> None:
    u0, f = case(intervals=4)

    def end(steps: int) -> np.ndarray:
        return finite_difference.solve(u0, f, x=X, frames=1, **(COARSE | {"steps": steps}))[:, -1]

    reference = end(61_440)
    errors = [rms(end(steps) - reference) for steps in (240, 480, 960)]
    orders = [math.log2(errors[i] / errors[i + 1]) for i in (0, 1)]
    assert min(orders) > 0.9 and max(orders) < 1.2, f"orders {orders} from {errors}; expected 1"


def test_steady_state_under_forcing() -> None:
    """f = u u_x - nu u_xx keeps u = sin(pi x), up to the order of the differences."""
    errors = []
    for points in (59, 119):
        x = interior_grid(points)
        u = np.sin(np.pi * x)
        f = np.pi * np.sin(np.pi * x) * np.cos(np.pi * x) + 0.02 * np.pi**2 * u
        end = finite_difference.solve(
            u[None], f[None, None], x=x, viscosity=0.02, t_end=4.0, frames=1, points=points,
            steps=(points + 1) ** 2 // 2,
        )[0, -1]  # fmt: skip
        errors.append(rms(end - u))
    assert errors[1] < 1e-3, f"error {errors[1]:.2e} after 4 time units at the steady state"
    ratio = errors[0] / errors[1]
    assert 3.5 < ratio < 4.5, f"errors {errors}: ratio {ratio:.2f}, expected 4 for order 2"


@pytest.mark.parametrize("grid", ["own", "other"])
def test_independent_of_batch_order_and_threads(grid: str) -> None:
    x = interior_grid(COARSE["points"]) if grid == "own" else X
    u0, f = case(intervals=4, x=x, n=11)
    whole = finite_difference.solve(u0, f, x=x, frames=4, threads=1, **COARSE)
    threaded = finite_difference.solve(u0, f, x=x, frames=4, threads=2, **COARSE)
    assert np.array_equal(whole, threaded), "one and two threads differ"
    back = finite_difference.solve(u0[::-1], f[::-1], x=x, frames=4, threads=2, **COARSE)
    assert np.array_equal(whole, back[::-1]), "the order of the batch changes its trajectories"
    single = finite_difference.solve(u0[7:8], f[7:8], x=x, frames=4, **COARSE)
    assert np.array_equal(whole[7:8], single), "a trajectory depends on its batch"


def test_frames_and_points_are_views_of_one_solution() -> None:
    u0, f = case(intervals=4)
    fine = finite_difference.solve(u0, f, x=X, frames=24, **COARSE)
    coarse = finite_difference.solve(u0, f, x=X, x_out=X[::5], frames=8, **COARSE)
    difference = np.abs(fine[:, ::3, ::5] - coarse).max()
    assert difference < 1e-13, f"difference {difference:.2e} between two views"


def test_forcing_intervals_are_coordinates_of_time() -> None:
    u0, f = case(intervals=3)
    a = finite_difference.solve(u0, f, x=X, frames=4, **COARSE)
    b = finite_difference.solve(u0, np.repeat(f, 5, axis=1), x=X, frames=4, **COARSE)
    difference = np.abs(a - b).max()
    assert difference < 1e-13, f"difference {difference:.2e} between 3 and 15 intervals"


def test_mirror_symmetry() -> None:
    u0, f = case(intervals=4)
    u = finite_difference.solve(u0, f, x=X, frames=4, **COARSE)
    mirrored = finite_difference.solve(-u0[:, ::-1], -f[..., ::-1], x=X, frames=4, **COARSE)
    difference = np.abs(u + mirrored[..., ::-1]).max()
    assert difference < 1e-12, f"difference {difference:.2e} to the mirrored problem"


def test_float32_input_and_initial_frame() -> None:
    u0, f = (part.astype(np.float32) for part in case(intervals=4))
    u = finite_difference.solve(u0, f, x=X, frames=2, **COARSE)
    assert u.dtype == np.float64
    assert np.array_equal(u[:, 0], u0), "frame 0 is not u0"


@pytest.mark.parametrize(
    ("scale", "needed"),
    [(1.0, required_steps(480, 0.01, 8.0)), (20.0, required_steps(480, 0.01, 8.0, 20.0))],
)
def test_unstable_steps_are_refused(scale: float, needed: int) -> None:
    u0 = scale * np.sin(np.pi * X)[None]
    u0 /= np.abs(u0).max() / scale
    problem = {"x": X, "viscosity": 0.01, "t_end": 8.0, "frames": 1}
    with pytest.raises(ValueError, match=f"steps >= {needed}, or fewer points"):
        finite_difference.solve(u0, np.zeros((1, 1, X.size)), steps=needed - 1, **problem)


def test_required_steps_separate_stable_from_unstable() -> None:
    """Just below the diffusive limit a checkerboard decays, just above it grows."""
    points = 30
    x = interior_grid(points)
    u0 = 1e-9 * (-1.0) ** np.arange(points)[None]
    diffusive = 2 * 0.01 * (points + 1) ** 2
    assert required_steps(points, 0.01, 1.0) == math.floor(diffusive) + 1
    end = finite_difference.solve(
        u0, np.zeros((1, 1, points)), x=x, viscosity=0.01, t_end=100.0, frames=1, points=points,
        steps=required_steps(points, 0.01, 100.0),
    )[0, -1]  # fmt: skip
    assert np.abs(end).max() < 1e-9, f"grew to {np.abs(end).max():.2e} with the required steps"


def test_diverged_samples_are_named() -> None:
    u0, f = case(intervals=4)
    f[1] = 1e5
    with pytest.raises(DivergedError, match=r"indices of the batch: 1; take more steps") as info:
        finite_difference.solve(u0, f, x=X, frames=1, **COARSE)
    assert info.value.samples == [1]
    u0[2, 3] = np.nan
    with pytest.raises(DivergedError) as info:
        finite_difference.solve(u0, f, x=X, frames=1, **COARSE)
    assert info.value.samples == [1, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"u0": np.zeros((3, 7))}, r"u0 must have shape \[batch, 120\]"),
        ({"f": np.zeros((3, 120))}, r"f must have shape \[3, intervals, 120\]"),
        ({"x": X + 1}, r"must lie in \[0, 1\]"),
        ({"x_out": [0.5, 0.5]}, "x_out must be finite and strictly increasing"),
        ({"frames": 7 * 37}, "steps=1036"),
        ({"threads": 0}, "must be positive"),
    ],
)
def test_wrong_input_is_refused(change: dict, message: str) -> None:
    u0, f = case(intervals=4)
    arguments = {"u0": u0, "f": f, "x": X, "frames": 4} | COARSE | change
    with pytest.raises(ValueError, match=message):
        finite_difference.solve(arguments.pop("u0"), arguments.pop("f"), **arguments)


def test_whole_steps() -> None:
    assert whole_steps(38_400, 1280, 80) == 38_400
    assert whole_steps(1000, 80, 32) == 1120
    assert whole_steps(1, 1, 1) == 1


def test_interpolation_is_of_fourth_order_and_exact_at_the_values() -> None:
    fine = np.linspace(0.05, 0.95, 301)
    errors = []
    for n in (24, 48):
        x = (1920 // n * np.arange(n) + 1) / 1921
        values = np.exp(-0.5 * ((x - 0.4) / 0.15) ** 2)
        errors.append(
            rms(values @ interpolation_matrix(x, fine) - np.exp(-0.5 * ((fine - 0.4) / 0.15) ** 2))
        )
        assert np.allclose(values @ interpolation_matrix(x, x[::3]), values[::3], atol=1e-14)
    order = math.log2(errors[0] / errors[1])
    assert order > 3.7, f"order {order:.2f} from errors {errors}; expected 4"


def test_interpolation_continues_linearly() -> None:
    x = (40 * np.arange(48) + 1) / 1921
    assert np.allclose((3 * x - 1) @ interpolation_matrix(x, np.array([0, 0.5, 1])), [-1, 0.5, 2])


def test_dirichlet_interpolation_vanishes_at_the_ends() -> None:
    matrix = dirichlet_interpolation_matrix(99, np.array([0.0, 0.123, 1.0]))
    values = np.sin(np.pi * np.linspace(0, 1, 101))
    assert np.allclose(values @ matrix, [0, np.sin(np.pi * 0.123), 0], atol=1e-8)


@pytest.mark.parametrize("n", [1, 2, 3, 40])
def test_sine_projection_of_a_polynomial(n: int) -> None:
    """The interpolant of x (of 1, for one value) is itself; its sine coefficients are known."""
    x, modes = interior_grid(n), 50
    k = np.arange(1, modes + 1)
    if n == 1:
        values, exact = np.ones(1), 2 * (1 - (-1.0) ** k) / (k * np.pi)
    else:
        values, exact = x, -2 * (-1.0) ** k / (k * np.pi)
    error = np.abs(values @ sine_projection_matrix(x, modes) - exact).max()
    assert error < 1e-12, f"largest error {error:.2e} of {modes} coefficients"
