"""The Burgers data distribution and its solvers at full resolution."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wdno.solvers.grids import DivergedError
from wdno.systems.burgers import BurgersDraw, Options, System

pytestmark = pytest.mark.validation

CASES = System.sample_seeds("test", range(4))


def burgers(**options: object) -> System:
    return System(Options.model_validate(options))


def state(**options: object) -> np.ndarray:
    """u of the cases, without the initial frame."""
    return burgers(**options).generate(CASES)["u"][:, 1:].astype(np.float64)


def mse(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a - b) ** 2).mean())


@pytest.fixture(scope="module")
def converged() -> np.ndarray:
    return state(solver="spectral", spectral={"modes": 360, "steps": 3840})


def test_spectral_solver_converges(converged: np.ndarray) -> None:
    errors = [
        mse(state(solver="spectral", spectral={"modes": modes}), converged)
        for modes in (120, 160, 240)
    ]
    assert errors[0] > 5 * errors[1] > 25 * errors[2], f"MSE with 120, 160, 240 modes: {errors}"
    assert errors[2] < 1e-9, f"MSE {errors[2]:.2e} of the default resolution, expected below 1e-9"


def test_fastest_of_many_trajectories() -> None:
    """The tail of the distribution: half of the spectral steps would be unstable there."""
    seeds = System.sample_seeds("train", range(600))
    u = burgers().generate(seeds, threads=2)["u"]
    fast = np.argsort(-np.abs(u).max(axis=(1, 2)))[:4]
    top = [seeds[index] for index in fast]
    error = mse(burgers(solver="spectral").generate(top)["u"], u[fast])
    peak = float(np.abs(u).max())
    assert error < 5e-7, f"MSE {error:.2e} between the solvers where |u| reaches {peak:.2f}"
    with pytest.raises(DivergedError, match="is stable up to"):
        burgers(solver="spectral", spectral={"steps": 1280}).generate(top)


def test_finite_differences_converge_to_the_spectral_solution(converged: np.ndarray) -> None:
    """At order 2 the MSE falls 16-fold when the points double and the steps quadruple."""
    sizes = {120: 2560, 240: 10_240, 480: 38_400, 960: 153_600}
    errors = [
        mse(state(finite_difference={"points": points, "steps": steps}), converged)
        for points, steps in sizes.items()
    ]
    orders = [math.log2(errors[i] / errors[i + 1]) / 2 for i in range(3)]
    assert min(orders[1:]) > 1.8, f"orders {orders} from MSE {errors}; expected 2"
    assert errors[2] < 5e-7, f"MSE {errors[2]:.2e} of the default resolution, bar 5e-7"


def test_published_scheme_agrees(converged: np.ndarray) -> None:
    """The reference program's resolution, to which the default was chosen as the cheap one."""
    system = burgers(finite_difference={"points": 1920, "steps": 614_400})
    u = system.generate(CASES[:2], threads=2)["u"][:, 1:]
    error = mse(u, converged[:2])
    assert error < 1e-9, f"MSE {error:.2e} between 1920 x 614400 and the spectral solution"


@pytest.mark.parametrize("solver", ["finite_difference", "spectral"])
@pytest.mark.parametrize(("time", "x", "bar"), [(80, 120, 1e-6), (32, 48, 2e-5), (640, 960, 1e-8)])
def test_stored_data_reproduce_the_stored_state(solver: str, time: int, x: int, bar: float) -> None:
    """What remains is the averaging of the forcing over the stored intervals."""
    system = burgers(solver=solver, grid={"time": time, "x": x})
    data = system.generate(CASES)
    error = mse(system.solve(data["u"][:, 0], data["f"])[:, 1:], data["u"][:, 1:])
    assert error < bar, f"MSE {error:.2e} on {time} x {x} with {solver}, bar {bar}"


def test_statistics_of_the_distribution() -> None:
    """Scaled energy of the forcing: mean 0.364, median 0.255 (as the reference program's data)."""
    system = burgers()
    seeds = System.sample_seeds("train", range(2000))
    energy = np.array(
        [2e-5 * (BurgersDraw.from_seed(seed).forcing(system.x, 80) ** 2).sum() for seed in seeds]
    )
    error = energy.std() / math.sqrt(len(seeds))
    assert abs(energy.mean() - 0.364) < 3.5 * error, f"mean {energy.mean():.3f} +- {error:.3f}"
    assert abs(np.median(energy) - 0.255) < 0.03, f"median {np.median(energy):.3f}"


def test_persistence_error() -> None:
    """u(t) = u0 has an MSE of 1.33."""
    u = burgers().generate(System.sample_seeds("train", range(600)), threads=2)["u"]
    errors = ((u[:, 1:] - u[:, :1]) ** 2).mean(axis=(1, 2))
    spread = errors.std() / math.sqrt(len(errors))
    assert abs(errors.mean() - 1.33) < 3.5 * spread, f"MSE {errors.mean():.3f} +- {spread:.3f}"
