"""Gradients of smoke by the adjoint: those of PyTorch's graph, and of differences."""

from __future__ import annotations

import pytest
import torch
from small_smoke import smoke
from torch import Tensor

from wdno.solvers.incompressible import SmokeRun, simulate
from wdno.solvers.incompressible_adjoint import simulate_differentiable
from wdno.systems.smoke import Smoke

SYSTEM = smoke(cells=32, steps=16, grid={"time": 4, "cells": 32})


def start(system: Smoke, samples: int) -> tuple[Tensor, ...]:
    """Smoke in the middle of the scene, where obstacles are, and the velocity at the start."""
    generator = torch.Generator().manual_seed(0)
    density = torch.rand(samples, 32, 32, generator=generator, dtype=torch.float64)
    return density, *(torch.from_numpy(part) for part in system._start(samples))


def controls(samples: int, intervals: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (samples, intervals, 2, 32, 32)
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    return 0.4 * noise + torch.tensor([0.7, 0.2], dtype=torch.float64).view(2, 1, 1)


def weighted(run: SmokeRun) -> Tensor:
    """A function of all that a run returns but the faces, of each trajectory."""
    generator = torch.Generator().manual_seed(2)
    total = torch.zeros(len(run.smoke), dtype=torch.float64)
    for part in (run.smoke, run.velocity, 30 * run.tallies):
        weights = torch.randn(part.shape[1:], generator=generator, dtype=torch.float64)
        total = total + (weights * part).flatten(1).sum(1) + (part**2).flatten(1).sum(1) / 2
    return total


def gradient(method: object, samples: int, **options: int) -> tuple[Tensor, Tensor]:
    density, v, u = start(SYSTEM, samples)
    control = controls(samples).requires_grad_()
    parts = (density, v, u) if method is simulate else tuple(p.numpy() for p in (density, v, u))
    assert callable(method)
    run = method(SYSTEM._flow(), *parts, control, steps=16, frames=4, **options)
    values = weighted(run)
    (found,) = torch.autograd.grad(values.sum(), control)
    return values.detach(), found


def test_equals_the_graph_of_pytorch() -> None:
    values, by_graph = gradient(simulate, 3)
    same, by_adjoint = gradient(simulate_differentiable, 3)
    torch.testing.assert_close(same, values, rtol=1e-9, atol=0)
    scale = by_graph.abs().max()
    torch.testing.assert_close(by_adjoint / scale, by_graph / scale, rtol=0, atol=1e-8)
    assert (by_adjoint.flatten(1).norm(dim=1) > 0).all()


def test_equals_differences() -> None:
    density, v, u = (part.numpy() for part in start(SYSTEM, 1))
    control = controls(1)
    _, found = gradient(simulate_differentiable, 1)
    along = torch.randn(control.shape, generator=torch.Generator().manual_seed(3)).double()
    size = 1e-6
    with torch.no_grad():
        ends = [
            weighted(
                simulate_differentiable(
                    SYSTEM._flow(), density, v, u, control + sign * size * along, steps=16, frames=4
                )
            )
            for sign in (1, -1)
        ]
    difference = (ends[0] - ends[1]) / (2 * size)
    torch.testing.assert_close((found * along).sum()[None], difference, rtol=1e-4, atol=0)


def test_does_not_depend_on_batch_or_threads() -> None:
    _, together = gradient(simulate_differentiable, 5)
    _, alone = gradient(simulate_differentiable, 1)
    _, threaded = gradient(simulate_differentiable, 5, threads=2)
    assert torch.equal(together, threaded)
    assert torch.equal(together[:1], alone)


def test_fewer_controls_than_frames_and_more() -> None:
    density, v, u = start(SYSTEM, 1)
    for intervals, frames in ((2, 4), (8, 2)):
        found = []
        for method in (simulate, simulate_differentiable):
            control = controls(1, intervals).requires_grad_()
            parts = [density, v, u]
            if method is simulate_differentiable:
                parts = [part.numpy() for part in parts]
            run = method(SYSTEM._flow(), *parts, control, steps=16, frames=frames)
            found.append(torch.autograd.grad(weighted(run).sum(), control)[0])
        scale = found[0].abs().max()
        torch.testing.assert_close(found[1] / scale, found[0] / scale, rtol=0, atol=1e-8)


def test_refuses_a_velocity_that_is_advected() -> None:
    moving = smoke(cells=32, steps=16, dynamics="navier_stokes")
    density, v, u = (part.numpy() for part in start(moving, 1))
    with pytest.raises(ValueError, match="dynamics: projection"):
        simulate_differentiable(moving._flow(), density, v, u, controls(1), steps=16, frames=4)
