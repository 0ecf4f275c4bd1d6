"""The flow solver against exact solutions and PhiFlow, and the smoke system at its full size."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
import torch

from wdno.solvers import incompressible, phiflow_grids
from wdno.solvers.incompressible import Flow
from wdno.solvers.incompressible_compiled import Batch, simulate_compiled
from wdno.solvers.pressure import divergence, project, project_dense
from wdno.solvers.scene import WDNO_BUCKETS, WDNO_OBSTACLES, Scene
from wdno.systems.smoke import Options, System

pytestmark = pytest.mark.validation

WDNO = Scene(128, 16, WDNO_OBSTACLES, WDNO_BUCKETS)
SIZE, T_END, SPEED = 128, 64.0, 0.5
K = math.pi / SIZE


def taylor_green(y: np.ndarray, x: np.ndarray, decay: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    r"""Velocity (y, x) of Taylor-Green vortices turned by 45 degrees.

    $(u, v) = -a e^{-\nu k^2 t} (\sin k y, \sin k x)$ on [-64, 64]^2 with k = pi / 128 solves the
    Navier-Stokes equations. Its pressure $\propto \cos k x \cos k y$ is zero on the border, where
    the normal derivatives of the velocity vanish: the open boundary of the solver, exactly.
    """
    centred = K * (x - SIZE / 2), K * (y - SIZE / 2)
    return -SPEED * decay * np.sin(centred[0]), -SPEED * decay * np.sin(centred[1])


def faces(cells: int, decay: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Exact velocity on the faces of y and of x, `[1, ...]`."""
    edges = np.linspace(0, SIZE, cells + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    v = taylor_green(edges[:, None] + 0 * centres, centres + 0 * edges[:, None], decay)[0]
    u = taylor_green(centres[:, None] + 0 * edges, edges + 0 * centres[:, None], decay)[1]
    return v[None], u[None]


def orders(errors: list[float]) -> list[float]:
    return [math.log2(a / b) for a, b in itertools.pairwise(errors)]


@pytest.mark.parametrize("viscosity", [0.0, 0.5])
def test_taylor_green_flow_converges_at_order_one(viscosity: float) -> None:
    """Semi-Lagrangian advection with steps in proportion to the cells is of first order."""
    decay = math.exp(-viscosity * K**2 * T_END)
    errors = []
    for cells in (16, 32, 64, 128):
        flow = Flow(Scene(SIZE, 0).draw(cells), T_END / cells, "navier_stokes", viscosity)
        control = np.zeros((1, 1, 2, cells, cells))
        smoke = np.zeros((1, cells, cells))
        run = simulate_compiled(flow, smoke, *faces(cells), control, steps=cells, frames=1)
        found = zip((run.faces_y, run.faces_x), faces(cells, decay), strict=True)
        errors.append(math.sqrt(np.mean([((a - b) ** 2).mean() for a, b in found])))
    assert min(orders(errors)) > 0.8 and orders(errors)[-1] > 0.9, (
        f"orders {orders(errors)}, expected 1, of the errors {errors} at speed {SPEED}"
    )
    assert errors[-1] < 0.01 * SPEED, f"error {errors[-1]:.4f} on 128 cells"


def test_viscous_decay() -> None:
    """At a low speed, where numerical diffusion, which grows with it, is small."""
    cells, viscosity, t_end = 64, 2.0, 256.0
    flow = Flow(Scene(SIZE, 0).draw(cells), 0.25, "navier_stokes", viscosity)
    control, smoke = np.zeros((1, 1, 2, cells, cells)), np.zeros((1, cells, cells))
    v, u = (0.01 * w for w in faces(cells))
    run = simulate_compiled(flow, smoke, v, u, control, steps=1024, frames=1)
    ratio = np.linalg.norm(run.faces_y) / np.linalg.norm(v)
    exact = math.exp(-viscosity * K**2 * t_end)
    assert abs(ratio / exact - 1) < 0.01, f"decay by {ratio:.4f}, exact {exact:.4f}"


def test_smoke_converges_to_the_exact_advection() -> None:
    """A blob in the steady vortices, against trajectories integrated by the midpoint rule."""
    errors, lost = [], []
    for cells in (16, 32, 64, 128):
        centres = (np.arange(cells) + 0.5) * (SIZE / cells)
        y, x = np.meshgrid(centres, centres, indexing="ij")

        def blob(y: np.ndarray, x: np.ndarray) -> np.ndarray:
            return np.exp(-((y - 48) ** 2 + (x - 56) ** 2) / (2 * 16**2))

        back_y, back_x, step = y.copy(), x.copy(), T_END / 256
        for _ in range(256):
            v, u = taylor_green(back_y, back_x)
            v, u = taylor_green(back_y - step / 2 * v, back_x - step / 2 * u)
            back_y, back_x = back_y - step * v, back_x - step * u
        flow = Flow(Scene(SIZE, 0).draw(cells), T_END / cells)
        control = np.zeros((1, 1, 2, cells, cells))
        run = simulate_compiled(
            flow, blob(y, x)[None], *faces(cells), control, steps=cells, frames=1
        )
        errors.append(float(np.abs(run.smoke[0, 1] - blob(back_y, back_x)).mean()))
        lost.append(1 - float(run.smoke[0, 1].sum() / blob(back_y, back_x).sum()))
    assert min(orders(errors)) > 0.7 and orders(errors)[-1] > 0.85, (
        f"orders {orders(errors)}, expected 1, of the errors {errors}"
    )
    assert abs(lost[-1]) < 0.01, f"share of smoke lost in a smooth flow: {lost}"


def test_projection_of_a_smooth_flow_converges() -> None:
    """A vortex plus the gradient of a potential that vanishes outside gives the vortex back."""
    errors = []
    for cells in (16, 32, 64, 128):
        v, u = faces(cells)
        edges = K * (np.linspace(0, SIZE, cells + 1) - SIZE / 2)
        centres = (edges[:-1] + edges[1:]) / 2
        potential_v = -np.sin(edges)[:, None] * np.cos(centres)
        potential_u = -np.cos(centres)[:, None] * np.sin(edges)
        a, b = (torch.as_tensor(w) for w in (v + potential_v, u + potential_u))
        got = project(a, b, np.zeros((cells, cells), dtype=bool))
        errors.append(max(float((p - torch.as_tensor(q)).abs().max()) for p, q in
                          zip(got, (v, u), strict=True)))  # fmt: skip
    assert min(orders(errors)) > 0.7 and orders(errors)[-1] > 0.9, (
        f"orders {orders(errors)}, expected 1, of the errors {errors}"
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_projection_agrees_with_phiflow_at_full_size() -> None:
    solid = WDNO.draw(128).solid
    generator = torch.Generator().manual_seed(0)
    v = torch.randn(2, 129, 128, generator=generator, dtype=torch.float64)
    u = torch.randn(2, 128, 129, generator=generator, dtype=torch.float64)
    theirs = phiflow_grids.project_by_phiflow(v, u, solid, 1e-7)
    left = float(divergence(*theirs, solid, 1.0).abs().max())
    assert left < 1e-5, f"PhiFlow's solve left a divergence of {left:.1e}"
    ours, dense = project(v, u, solid), project_dense(v, u, solid)
    error = max(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))
    assert error < 1e-4, f"difference to PhiFlow {error:.1e}, bar 1e-4"
    error = max(float((a - b).abs().max()) for a, b in zip(ours, dense, strict=True))
    assert error < 1e-10, f"difference of the sparse and the dense path {error:.1e}"


def test_full_size_is_right_and_fast() -> None:
    """128 x 128 cells, 256 steps, a batch of 16: bounds of every quantity, and the time."""
    system = System()
    seeds = System.sample_seeds("train", range(16))
    system.generate(seeds[:1])
    start = time.process_time()
    data = system.generate(seeds, threads=2)
    spent = 1e3 * (time.process_time() - start) / (16 * 256)
    assert spent < 20, f"{spent:.1f} ms of two processors per step and trajectory, bar 20"
    worst = data["divergence"].max()
    assert worst < 1e-5, f"divergence {worst:.1e}, bar 1e-5"
    lost = data["smoke_lost"]
    assert np.abs(lost.mean()) < 0.05 and np.abs(lost).max() < 0.25, f"share of smoke lost {lost}"
    assert (data["share"][:, -1] > 0.1).sum() > 5, f"shares of the target {data['share'][:, -1]}"
    control = np.stack([data["control_y"], data["control_x"]], axis=2)
    run = system.solve(data["density"][:, 0], control, threads=2)
    error = np.sqrt(((run.density - data["density"]) ** 2).sum() / (data["density"] ** 2).sum())
    assert error < 0.2, f"stored controls reproduce the density to {error:.3f} of its norm"


def test_differentiable_steps_are_the_same_at_full_size() -> None:
    flow = Flow(WDNO.draw(128), 1.0)
    rng = np.random.default_rng(0)
    smoke = rng.uniform(size=(2, 128, 128))
    v, u = rng.normal(size=(2, 129, 128)), rng.normal(size=(2, 128, 129))
    control = 3 * rng.normal(size=(2, 2, 2, 128, 128))
    a = simulate_compiled(flow, smoke, v, u, control, steps=16, frames=2)
    with torch.no_grad():
        parts = (torch.as_tensor(part) for part in (smoke, v, u, control))
        b = incompressible.simulate(flow, *parts, steps=16, frames=2)
    for name, x, y in zip(a._fields, a, b, strict=True):
        assert np.abs(x - y.numpy()).max() < 1e-9, name


def test_samples_of_a_small_scene_look_like_those_of_the_full_one() -> None:
    """The default data set of laptops: statistics within what a coarse grid costs."""
    shares = {}
    for cells, steps in ((32, 64), (64, 128)):
        options = {"cells": cells, "steps": steps, "grid": {"time": 16, "cells": 32}}
        data = System(Options.model_validate(options)).generate(
            System.sample_seeds("train", range(48)), threads=2
        )
        shares[cells] = data["share"][:, -1]
    together = float(np.corrcoef(shares[32], shares[64])[0, 1])
    assert together > 0.8, f"the target's shares on 32 and 64 cells correlate by {together:.2f}"
    assert abs(shares[32].mean() - shares[64].mean()) < 0.1, {
        k: v.mean() for k, v in shares.items()
    }


def test_batches_at_full_size_do_not_matter() -> None:
    flow = Flow(WDNO.draw(128), 1.0)
    rng = np.random.default_rng(1)
    smoke, force = rng.uniform(size=(5, 128, 128)), rng.normal(size=(5, 4, 14_000))
    force = force[:, :, : Batch(flow, smoke, *_still(5)).faces]
    whole = Batch(flow, smoke, *_still(5), threads=2)
    whole.advance(force, np.ones((5, 4), dtype=bool), 1)
    alone = Batch(flow, smoke[4:], *_still(1))
    alone.advance(force[4:], np.ones((1, 4), dtype=bool), 1)
    assert np.array_equal(whole.smoke[4:], alone.smoke)


def _still(batch: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((batch, 129, 128)), np.zeros((batch, 128, 129))
