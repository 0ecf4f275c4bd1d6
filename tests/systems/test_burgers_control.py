"""Burgers under control: J, its gradient, and the same world interval by interval."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from wdno.systems.burgers import Burgers, BurgersOptions

COARSE = {"grid": {"time": 4, "x": 12}, "finite_difference": {"points": 60, "steps": 4800}}


@pytest.fixture(scope="module")
def burgers() -> Burgers:
    return Burgers(BurgersOptions.model_validate(COARSE))


@pytest.fixture(scope="module")
def drawn(burgers: Burgers) -> tuple[Tensor, Tensor, Tensor]:
    """Initial states, controls and final states of three trajectories."""
    arrays = burgers.generate(burgers.sample_seeds("test", range(3)))
    u, f = (torch.from_numpy(arrays[name]).double()[:, None] for name in ("u", "f"))
    return u[:, :, 0], f, u[:, :, -1]


def test_its_own_control_reaches_its_target(
    burgers: Burgers, drawn: tuple[Tensor, Tensor, Tensor]
) -> None:
    first, control, target = drawn
    outcome = burgers.run(first, control)
    assert outcome["state"].shape == (3, 1, 4, 12) and outcome["series"].shape == (3, 0, 4)
    own = burgers.terms(outcome, control, target)
    idle = burgers.terms(burgers.run(first, 0 * control), 0 * control, target)
    assert (own["deviation"] < 0.5 * idle["deviation"]).all()
    assert (idle["energy"] == 0).all() and (own["energy"] > 0).all()


def test_j_is_that_of_the_published_program_on_its_grid() -> None:
    burgers = Burgers(BurgersOptions())
    rng = np.random.default_rng(0)
    control, end, target = (
        torch.from_numpy(rng.normal(size=shape)) for shape in [(2, 1, 80, 120)] + [(2, 1, 120)] * 2
    )
    terms = burgers.terms({"state": end[:, :, None]}, control, target)
    j = sum(burgers.term_weights[name] * term for name, term in terms.items())
    published = (end - target).square().mean((1, 2)) + 2e-5 * control.square().sum((1, 2, 3))
    torch.testing.assert_close(j, published, rtol=1e-12, atol=0)


def test_gradients_of_j_equal_differences(
    burgers: Burgers, drawn: tuple[Tensor, Tensor, Tensor]
) -> None:
    first, control, target = (values[:1] for values in drawn)

    def j(f: Tensor) -> Tensor:
        terms = burgers.terms(burgers.run_differentiable(first, f), f, target)
        return terms["deviation"] + 0.3 * terms["energy"]

    asked = (0.5 * control).requires_grad_()
    (gradient,) = torch.autograd.grad(j(asked).sum(), asked)
    rng = np.random.default_rng(1)
    for _ in range(3):
        along = torch.from_numpy(rng.normal(size=control.shape))
        size = 1e-5
        ends = [j(asked.detach() + sign * size * along) for sign in (1, -1)]
        difference = (ends[0] - ends[1]) / (2 * size)
        torch.testing.assert_close((gradient * along).sum()[None], difference, rtol=1e-6, atol=0)


def test_a_world_equals_one_solution_to_the_last_bit(
    burgers: Burgers, drawn: tuple[Tensor, Tensor, Tensor]
) -> None:
    first, control, _ = drawn
    whole = burgers.run(first, control)["state"]
    world = burgers.begin(first)
    assert torch.equal(world.frame, first) and world.series.shape == (3, 0)
    for k in range(2):
        world.advance(control[:, :, k])
    saved = world.save()
    for k in (2, 3):
        world.advance(control[:, :, k])
        assert torch.equal(world.frame, whole[:, :, k])
    with pytest.raises(ValueError, match="all 4 intervals are done"):
        world.advance(control[:, :, 0])
    world.restore(saved)
    assert world.interval == 2 and torch.equal(world.frame, whole[:, :, 1])
    world.advance(control[:, :, 2])
    assert torch.equal(world.frame, whole[:, :, 2])


def test_refuses_what_does_not_fit(burgers: Burgers, drawn: tuple[Tensor, Tensor, Tensor]) -> None:
    first, control, _ = drawn
    with pytest.raises(ValueError, match=r"expected initial states \[n, 1, 12\]"):
        burgers.run(first, control[:, :, :3])
    with pytest.raises(ValueError, match="expected a control of shape"):
        burgers.begin(first).advance(control)
    with pytest.raises(ValueError, match="needs a target"):
        burgers.terms(burgers.run(first, control), control)
    spectral = Burgers(BurgersOptions.model_validate({**COARSE, "solver": "spectral"}))
    with pytest.raises(ValueError, match="finite_difference"):
        spectral.begin(first)
