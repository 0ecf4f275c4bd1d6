from __future__ import annotations

import numpy as np
import pytest
import torch

from wdno.solvers import incompressible
from wdno.solvers.incompressible import Flow, SmokeRun
from wdno.solvers.incompressible_compiled import Batch, simulate_compiled
from wdno.solvers.scene import WDNO_BUCKETS, WDNO_OBSTACLES, Scene

WDNO = Scene(128, 16, WDNO_OBSTACLES, WDNO_BUCKETS)
DYNAMICS = [("projection", 0.0), ("navier_stokes", 0.0), ("navier_stokes", 0.5)]


def problem(cells: int, batch: int = 2, controls: int = 4, seed: int = 0) -> tuple:
    """Smoke, velocity and control with everything in it."""
    rng = np.random.default_rng(seed)
    smoke = rng.uniform(size=(batch, cells, cells))
    v, u = rng.normal(size=(batch, cells + 1, cells)), rng.normal(size=(batch, cells, cells + 1))
    mean = rng.normal(size=(batch, controls, 2, 1, 1)) + np.array([[2.0], [0.0]])[:, None]
    return smoke, v, u, mean + 0.3 * rng.normal(size=(batch, controls, 2, cells, cells))


def differentiably(flow: Flow, parts: tuple, **options: object) -> SmokeRun:
    with torch.no_grad():
        run = incompressible.simulate(flow, *(torch.as_tensor(p) for p in parts), **options)
    return SmokeRun(*(part.numpy() for part in run))


@pytest.mark.parametrize(("dynamics", "viscosity"), DYNAMICS)
@pytest.mark.parametrize("remove", [True, False])
def test_compiled_and_differentiable_steps_are_the_same(
    dynamics: str, viscosity: float, remove: bool
) -> None:
    flow = Flow(WDNO.draw(32), 2.0, dynamics, viscosity)
    options = {"steps": 8, "frames": 2, "remove": remove}
    parts = problem(32)
    a = simulate_compiled(flow, *parts, **options)
    b = differentiably(flow, parts, **options)
    for name, x, y in zip(a._fields, a, b, strict=True):
        assert x.shape == y.shape and np.abs(x - y).max() < 1e-10, (
            f"{name} differs by {np.abs(x - y).max():.1e}"
        )


@pytest.mark.parametrize(("dynamics", "viscosity"), DYNAMICS)
def test_no_divergence_and_no_flux_through_obstacles(dynamics: str, viscosity: float) -> None:
    drawing = WDNO.draw(64)
    flow = Flow(drawing, 1.0, dynamics, viscosity)
    smoke, v, u, control = problem(64)
    batch = Batch(flow, smoke, v, u)
    force = flow.control_on_faces(torch.as_tensor(control)).numpy()
    batch.advance(force, np.ones((2, 4), dtype=bool), 8)
    worst = batch.divergence.max()
    assert worst < 1e-10, f"largest divergence {worst:.1e} of all steps, bar 1e-5"
    for values, mask in zip(batch.velocity_faces, drawing.open_faces(), strict=True):
        assert not values[:, ~mask].any(), "flux through the face of an obstacle"
    assert not batch.smoke[:, drawing.solid].any(), "smoke in an obstacle"


def test_smoke_never_passes_a_wall() -> None:
    """One cell of wall across the domain, and flows along and towards it at a CFL number of 4."""
    drawing = Scene(32, 8, [(16, 0, 1, 32)]).draw(32)
    flow = Flow(drawing, 2.0)
    smoke, v, u, control = problem(32, batch=64, controls=1)
    smoke[:, 16:] = 0
    run = simulate_compiled(flow, smoke, v, u, 2 * control, steps=1, frames=1)
    speed = np.abs(run.velocity).max() * flow.ratio
    assert speed > 3, f"the test is too slow to say anything: {speed:.1f} cells a step"
    # Around the ends of the wall, through the outside, is a way.
    beyond = run.smoke[:, 1, 16:, 10:-10]
    assert not beyond.any(), f"smoke beyond the wall: {beyond.max()}"
    assert run.smoke[:, 1, :16].any()


def test_smoke_keeps_its_bounds() -> None:
    parts = problem(32)
    flow = Flow(WDNO.draw(32), 4.0)
    run = simulate_compiled(flow, *parts, steps=16, frames=16)
    assert run.smoke.min() >= 0 and run.smoke.max() <= parts[0].max() + 1e-12


def test_smoke_at_rest_is_tallied_once_or_at_every_step() -> None:
    scene = Scene(16, 0, (), [(4, 4, 3, 3), (10, 10, 2, 2)])
    flow = Flow(scene.draw(16), 1.0)
    smoke = np.ones((1, 16, 16))
    still = np.zeros((1, 17, 16)), np.zeros((1, 16, 17)), np.zeros((1, 1, 2, 16, 16))
    once = simulate_compiled(flow, smoke, *still, steps=5, frames=5)
    again = simulate_compiled(flow, smoke, *still, steps=5, frames=5, remove=False)
    assert once.tallies[0].tolist() == [[0, 0], *[[9, 4]] * 5]
    assert again.tallies[0].tolist() == [[9 * k, 4 * k] for k in range(6)]
    assert once.smoke[0, -1].sum() == 256 - 13 and again.smoke[0, -1].sum() == 256


def test_lengths_are_those_of_the_scene() -> None:
    """A uniform flow of 2 moves smoke by 2 t, whatever the cells; and a tally counts areas."""
    for cells in (16, 32, 64):
        scene = Scene(64, 0, (), [(40, 0, 8, 64)])
        flow = Flow(scene.draw(cells), 64 / cells / 2)
        smoke = np.zeros((1, cells, cells))
        smoke[:, cells // 4 : cells // 2, cells // 4 : cells // 2] = 1
        start = np.full((1, cells + 1, cells), 2.0), np.zeros((1, cells, cells + 1))
        steps = round(8 / flow.step)
        control = np.zeros((1, 1, 2, cells, cells))
        run = simulate_compiled(flow, smoke, *start, control, steps=steps, frames=1)
        shifted = np.roll(smoke, cells // 4, axis=1)
        in_bucket = flow.drawing.bucket >= 0
        assert np.abs(run.smoke[0, 1] - shifted[0] * ~in_bucket).max() < 1e-12
        assert abs(run.tallies[0, -1, 0] - 16 * 8) < 1e-9, run.tallies


def test_advection_of_the_velocity_is_phiflows() -> None:
    from phi import math
    from phi.physics import advect
    from phi.torch import TORCH

    from wdno.solvers import phiflow_grids

    _, v, u, _ = problem(16)
    start = torch.as_tensor(3 * v), torch.as_tensor(3 * u)
    ours = phiflow_grids.advect_velocity(*start, 0.7)
    with TORCH, math.precision(64):
        grid = phiflow_grids.staggered(*start)
        theirs = advect.semi_lagrangian(grid, grid, 0.7)
        for values, axis in zip(ours, "yx", strict=True):
            expected = theirs.vector[axis].values.native("sample,y,x")
            assert float((values - expected).abs().max()) < 1e-12


def test_control_is_imposed_and_the_rest_is_projected() -> None:
    """In the first step, the projection of the control in the frame and the start inside."""
    from wdno.solvers.pressure import project

    drawing = WDNO.draw(32)
    flow = Flow(drawing, 1.0)
    smoke, v, u, _ = problem(32, batch=1)
    control = np.zeros((1, 1, 2, 32, 32))
    control[:, :, 0], control[:, :, 1] = 3.0, -2.0
    expected = []
    for values, value, mask in zip((v, u), (3.0, -2.0), drawing.control_faces(), strict=True):
        expected.append(torch.as_tensor(np.where(mask, value, values)))
    expected = project(*expected, drawing.solid)
    run = simulate_compiled(flow, smoke, v, u, control, steps=1, frames=1)
    for found, wanted in zip((run.faces_y, run.faces_x), expected, strict=True):
        assert np.abs(found - wanted.numpy()).max() < 1e-12


def test_velocity_is_linear_in_the_control_without_its_advection() -> None:
    drawing = WDNO.draw(32)
    _, v, u, a = problem(32)
    b = problem(32, seed=1)[3]
    smoke = np.zeros((2, 32, 32))

    def velocity(dynamics: str, weight: float, control: np.ndarray) -> np.ndarray:
        flow = Flow(drawing, 1.0, dynamics)
        start = smoke, weight * v, weight * u
        return simulate_compiled(flow, *start, control, steps=8, frames=8).velocity

    for dynamics, linear in (("projection", True), ("navier_stokes", False)):
        both = velocity(dynamics, 1.0, a + b)
        apart = velocity(dynamics, 1.0, a) + velocity(dynamics, 0.0, b)
        assert (np.abs(both - apart).max() < 1e-10) == linear, f"{dynamics}: {both - apart}"


@pytest.mark.parametrize(("dynamics", "viscosity"), DYNAMICS)
def test_gradient_is_that_of_finite_differences(dynamics: str, viscosity: float) -> None:
    flow = Flow(WDNO.draw(32), 4.0, dynamics, viscosity)
    smoke, v, u, control = (torch.as_tensor(part) for part in problem(32, controls=2))
    weights = torch.randn(2, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def goal(control: torch.Tensor) -> torch.Tensor:
        run = incompressible.simulate(flow, smoke, v, u, control, steps=4, frames=2)
        return (run.tallies[:, -1] * weights).sum() + run.velocity[:, -1].square().sum()

    control.requires_grad_()
    (gradient,) = torch.autograd.grad(goal(control), control)
    assert not gradient[:, :, :, ~torch.as_tensor(flow.drawing.frame)].any()
    generator = torch.Generator().manual_seed(1)
    for _ in range(2):
        direction = torch.randn(control.shape, generator=generator, dtype=torch.float64)
        exact = float((gradient * direction).sum())
        with torch.no_grad():
            step = 1e-6 * direction
            numeric = float(goal(control + step) - goal(control - step)) / 2e-6
        assert abs(numeric - exact) < 1e-5 * abs(exact), f"gradient {exact}, differences {numeric}"


def test_every_trajectory_is_the_same_in_any_batch() -> None:
    flow = Flow(WDNO.draw(32), 2.0, "navier_stokes", 0.1)
    parts = problem(32, batch=7)
    options = {"steps": 8, "frames": 2}
    whole = simulate_compiled(flow, *parts, threads=2, **options)
    for k in (0, 6):
        alone = simulate_compiled(flow, *(p[k : k + 1] for p in parts), **options)
        assert all(np.array_equal(w[k : k + 1], a) for w, a in zip(whole, alone, strict=True)), k


def test_bad_input_is_refused() -> None:
    flow = Flow(WDNO.draw(32), 2.0)
    smoke, v, u, control = problem(32)
    for value, reason in ((np.nan, "not finite"), (-np.inf, "not finite"), (99.0, "passes the wh")):
        bad = control.copy()
        bad[1, 2, 0, 3, 5] = value
        message = f"control y of trajectory 1 is .* at interval 2, row 3, column 5: {reason}"
        with pytest.raises(ValueError, match=message):
            simulate_compiled(flow, smoke, v, u, bad, steps=4, frames=1)
        with pytest.raises(ValueError, match=message):
            differentiably(flow, (smoke, v, u, bad), steps=4, frames=1)
    inside = control.copy()
    inside[:, :, :, 16, 16] = np.nan
    run = simulate_compiled(flow, smoke, v, u, inside, steps=4, frames=1)
    assert np.isfinite(run.smoke).all(), "what is outside the frame is not looked at"
    with pytest.raises(ValueError, match=r"6 steps cannot hold 4 controls and 1 frames"):
        simulate_compiled(flow, smoke, v, u, control, steps=6, frames=1)
    with pytest.raises(ValueError, match=r"must have shape \[B, K, 2, 32, 32\], got \[2, 4, 32"):
        simulate_compiled(flow, smoke, v, u, control[:, :, 0], steps=4, frames=1)
    with pytest.raises(ValueError, match=r"expected shape \(2, 33, 32\), got \(2, 32, 33\)"):
        simulate_compiled(flow, smoke, u, v, control, steps=4, frames=1)
    with pytest.raises(ValueError, match="no effect with dynamics = projection"):
        Flow(WDNO.draw(32), 2.0, "projection", 0.1)
    with pytest.raises(ValueError, match=r"must lie in \[0, 0.25\] .*take more steps"):
        Flow(WDNO.draw(32), 2.0, "navier_stokes", 4.0)
