"""Residuals of equations: their order on exact solutions, on every grid of the domain."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from wdno import systems
from wdno.equation import Equation, equation_of
from wdno.grids.axis import GridAxis
from wdno.grids.levels import Grid
from wdno.systems.advection import Options as AdvectionOptions
from wdno.systems.advection import System as Advection
from wdno.systems.burgers import Options as BurgersOptions
from wdno.systems.burgers import System as Burgers

Solution = tuple[Equation, np.ndarray, np.ndarray, Grid]
NU, BETA = 0.03, 0.7
PI = np.pi


def burgers_axis(count: int, stride: int) -> GridAxis:
    """Points (s j + 1) / (s n + 1), the first of them 1 / s of a spacing from the end."""
    x = (stride * np.arange(count) + 1) / (stride * count + 1)
    return GridAxis.of(x, "left", "dirichlet", (0.0, 1.0))


def burgers(count: int, stride: int = 16) -> Solution:
    """u = sin(pi x) exp(-t), with the mean of the forcing that drives it."""
    axis = burgers_axis(count, stride)
    t, x = np.linspace(0.0, 1.0, count + 1)[:, None], axis.coordinates
    # Integrals over time of exp(-t) and exp(-2 t), by what they stand with.
    single = (NU * PI**2 - 1) * np.sin(PI * x) * -np.exp(-t)
    double = PI * np.sin(PI * x) * np.cos(PI * x) * -np.exp(-2 * t) / 2
    forcing = np.diff(single + double, axis=0) * count
    state = np.sin(PI * x) * np.exp(-t)
    system = Burgers(BurgersOptions(viscosity=NU, solver="spectral"))
    return system, state[None, None], forcing[None, None], Grid.of(t[:, 0], 1, [axis])


def burgers_even(count: int) -> Solution:
    """The same where the first point is as far from the end as the others from each other."""
    return burgers(count, 1)


def burgers_uneven(count: int) -> Solution:
    """The same where the first point is at half a spacing, and counts."""
    return burgers(count, 2)


def advection(count: int) -> Solution:
    axis = GridAxis(0.0, 1 / count, count, "left", "periodic")
    t = np.linspace(0.0, 1.0, count + 1)[:, None]
    state = np.sin(2 * PI * (axis.coordinates - BETA * t)) + 0.3
    system = Advection(AdvectionOptions(beta=BETA))
    grid = Grid.of(t[:, 0], 1, [axis])
    return system, state[None, None], np.zeros((1, 0, count, count)), grid


def size(solution: Solution) -> float:
    system, *known = solution
    found = system.residual(*known)
    assert found.shape[:3] == (1, 1, len(known[2].intervals.coordinates))
    return float(np.abs(found).max())


@pytest.mark.parametrize("exact", [burgers, burgers_even, burgers_uneven, advection])
def test_it_vanishes_with_second_order(exact: Callable[[int], Solution]) -> None:
    sizes = [size(exact(count)) for count in (24, 48, 96, 192)]
    orders = np.log2(np.array(sizes[:-1]) / sizes[1:])
    assert orders[-1] > 1.9, f"residuals {sizes}, orders {orders}"
    assert sizes[-1] < 2e-3


@pytest.mark.parametrize("term", ["viscosity", "forcing", "flux", "beta"])
def test_every_term_counts(term: str) -> None:
    """Without a term of the equation the residual stays, however fine the grid."""
    for count in (48, 96):
        system, state, forcing, grid = advection(count) if term == "beta" else burgers(count)
        if term == "viscosity":
            system = Burgers(BurgersOptions(viscosity=2 * NU, solver="spectral"))
        elif term == "beta":
            system = Advection(AdvectionOptions(beta=-BETA))
        elif term == "forcing":
            forcing = 0.0 * forcing
        else:
            state = 2 * state
            forcing = 2 * forcing
        assert size((system, state, forcing, grid)) > 0.1


def test_a_point_that_crowds_the_end_does_not_count() -> None:
    system, state, forcing, grid = burgers(48)
    before = system.residual(state, forcing, grid)
    assert before.shape[-1] == 47
    state[..., 0] += 1.0
    np.testing.assert_array_equal(system.residual(state, forcing, grid), before)


def test_frames_before_the_last_given_one_do_not_count() -> None:
    system, state, forcing, grid = advection(24)
    later = Grid.of(grid.frames.coordinates, 3, grid.space)
    found = system.residual(state, forcing[:, :, 2:], later)
    np.testing.assert_array_equal(found, system.residual(state, forcing, grid)[:, :, 2:])


@pytest.mark.parametrize("solver", ["finite_difference", "spectral"])
def test_it_holds_for_what_the_solvers_make(solver: str) -> None:
    """From a state that fits the ends, under a forcing that is constant on stored intervals."""
    sizes = []
    for time, points in ((40, 60), (80, 120)):
        options = {
            "grid": {"time": time, "x": points},
            "t_end": 1.0,
            "viscosity": NU,
            "solver": solver,
            "finite_difference": {"points": 240, "steps": 5120},
        }
        system = Burgers(BurgersOptions.model_validate(options))
        u0 = np.sin(PI * system.x)
        f = np.cos(PI * np.arange(20)[:, None] / 20) * np.sin(2 * PI * system.x)
        state = system.solve(u0[None], f[None])
        forcing = np.repeat(f, time // 20, axis=0)[None, None]
        axis = GridAxis.of(system.x, "left", "dirichlet", (0.0, 1.0))
        grid = Grid.of(system.coordinates()["time"], 1, [axis])
        found = system.residual(state[:, None], forcing, grid)
        sizes.append(float(np.sqrt(np.square(found).mean())))
    assert sizes[1] < 0.3 * sizes[0]
    assert sizes[1] < 0.02


def test_systems_with_an_equation() -> None:
    with_one = {
        name
        for name in systems.REGISTRY.names()
        if issubclass(systems.REGISTRY.load(name), Equation)
    }
    assert {"burgers", "advection"} <= with_one


def test_systems_say_that_they_have_an_equation() -> None:
    for name in systems.REGISTRY.names():
        held = issubclass(systems.REGISTRY.load(name), Equation)
        assert systems.REGISTRY.light(name).Options.has_equation is held, name
    assert isinstance(equation_of("advection", AdvectionOptions()), Advection)
    smoke = systems.REGISTRY.light("smoke").Options()
    assert equation_of("smoke", smoke) is None


@pytest.mark.parametrize("exact", [burgers, burgers_uneven, advection])
def test_a_residual_of_tensors_is_that_of_arrays_and_has_a_gradient(
    exact: Callable[[int], Solution],
) -> None:
    system, state, forcing, grid = exact(12)
    noise = np.random.default_rng(0).normal(size=state.shape)
    values = torch.from_numpy(state + noise).requires_grad_()
    found = system.residual(values, torch.from_numpy(forcing), grid)
    expected = system.residual(state + noise, forcing, grid)
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-12, atol=1e-12)
    (slope,) = torch.autograd.grad(found.square().mean(), values)
    step = 1e-6 * np.random.default_rng(1).normal(size=state.shape)
    change = [
        float(np.square(system.residual(state + noise + sign * step, forcing, grid)).mean())
        for sign in (1, -1)
    ]
    assert float((slope.numpy() * step).sum()) == pytest.approx(
        (change[0] - change[1]) / 2, rel=1e-6
    )
    single = system.residual(values.float(), torch.from_numpy(forcing).float(), grid)
    assert single.dtype == torch.float32
