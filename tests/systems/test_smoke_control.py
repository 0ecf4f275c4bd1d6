"""Smoke under control: the documented J and the published ones, gradients, and a world by steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_smoke import smoke
from torch import Tensor

from wdno.solvers.grids import DivergedError
from wdno.systems.smoke import Smoke


@pytest.fixture(scope="module")
def system() -> Smoke:
    return smoke()


@pytest.fixture(scope="module")
def drawn(system: Smoke) -> tuple[Tensor, Tensor]:
    """Initial states and controls of three trajectories."""
    arrays = system.generate(system.sample_seeds("test", range(3)))
    state, control = (
        torch.from_numpy(np.stack([arrays[name] for name in names], axis=1)).double()
        for names in (("density", "velocity_y", "velocity_x"), ("control_y", "control_x"))
    )
    return state[:, :, 0], control


def test_control_acts_in_the_frame_alone(system: Smoke, drawn: tuple[Tensor, Tensor]) -> None:
    first, control = drawn
    mask = torch.from_numpy(system.control_mask())
    assert mask.shape == (2, 16, 16) and mask[:, 0].all() and not mask[:, 8, 8].any()
    assert ((control * ~mask[:, None]) == 0).all()
    whole = system.run(first, control)
    disturbed = system.run(first, control + 3.0 * ~mask[:, None])
    torch.testing.assert_close(disturbed["state"], whole["state"], rtol=0, atol=0)
    inner = system.terms(whole, control + 3.0 * ~mask[:, None])
    assert torch.equal(inner["energy"], system.terms(whole, control)["energy"])


def test_j_counts_the_smoke_at_the_start_and_what_control_costs(
    system: Smoke, drawn: tuple[Tensor, Tensor]
) -> None:
    first, control = drawn
    idle = system.terms(system.run(first, 0 * control), 0 * control)
    assert torch.equal(idle["missed"], torch.ones(3).double()) and (idle["energy"] == 0).all()
    mask = torch.from_numpy(system.control_mask())[:, None]
    wind = torch.zeros_like(control)
    wind[:, 0] = 1.5
    outcome = system.run(first, wind * mask)
    terms, further = (
        system.terms(outcome, wind * mask),
        system.reported(first, outcome, wind * mask),
    )
    torch.testing.assert_close(terms["energy"], torch.full((3,), 1.5**2 / 2).double())
    assert torch.equal(terms["energy"], further["control_energy"])
    assert (terms["missed"] < 1).any()
    torch.testing.assert_close(further["missed_share"], 1 - outcome["series"][:, 0, -1])
    assert (further["missed_twice"] <= further["missed_share"] + 1e-9).all()
    # Of smoke that has left the domain the published share knows nothing.
    gone = further["smoke_lost"] > 1e-6
    assert gone.any()
    share, missed = further["missed_share"][gone], terms["missed"][gone]
    assert (share <= missed + 1e-9).all()


def test_gradients_of_j_equal_differences(system: Smoke, drawn: tuple[Tensor, Tensor]) -> None:
    first, control = (part[:1] for part in drawn)
    control = control + torch.from_numpy(system.control_mask())[None, :, None] * torch.tensor(
        [1.0, 0.0]
    ).double().view(2, 1, 1, 1)

    def j(asked: Tensor) -> Tensor:
        terms = system.terms(system.run_differentiable(first, asked), asked)
        return terms["missed"] + 0.5 * terms["energy"]

    asked = control.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(j(asked).sum(), asked)
    along = torch.randn(control.shape, generator=torch.Generator().manual_seed(0)).double()
    ends = [j(control + sign * 1e-6 * along).detach() for sign in (1, -1)]
    difference = (ends[0] - ends[1]) / 2e-6
    torch.testing.assert_close((gradient * along).sum()[None], difference, rtol=1e-4, atol=1e-9)
    solved = system.run(first, control)
    followed = system.run_differentiable(first, control)
    for name in ("state", "series", "caught", "lost"):
        torch.testing.assert_close(followed[name], solved[name], rtol=1e-12, atol=1e-12)


def test_a_world_equals_one_solution(system: Smoke, drawn: tuple[Tensor, Tensor]) -> None:
    first, control = drawn
    whole = system.run(first, control)
    world = system.begin(first)
    for k in range(4):
        world.advance(control[:, :, k])
    saved = world.save()
    for k in range(4, 8):
        world.advance(control[:, :, k])
        torch.testing.assert_close(world.frame, whole["state"][:, :, k], rtol=0, atol=0)
        torch.testing.assert_close(world.series, whole["series"][:, :, k], rtol=0, atol=0)
    torch.testing.assert_close(world.facts["caught"], whole["caught"], rtol=0, atol=0)
    with pytest.raises(ValueError, match="all 8 intervals are done"):
        world.advance(control[:, :, 0])
    world.restore(saved)
    assert world.interval == 4
    torch.testing.assert_close(world.frame, whole["state"][:, :, 3], rtol=0, atol=0)
    for k in range(4, 8):
        world.advance(control[:, :, k])
    torch.testing.assert_close(world.frame, whole["state"][:, :, 7], rtol=0, atol=0)
    torch.testing.assert_close(world.facts["caught"], whole["caught"], rtol=0, atol=0)


def test_obstacles_in_a_stored_cell_take_no_smoke(
    system: Smoke, drawn: tuple[Tensor, Tensor]
) -> None:
    first, _ = drawn
    partly = torch.from_numpy(system.stored(system.drawing.solid.astype(float))) > 0
    assert (first[:, 0] * partly).any(), "a start beside a wall"
    frame = system.begin(first).frame
    torch.testing.assert_close(frame[:, 0], first[:, 0], rtol=1e-14, atol=0)
    torch.testing.assert_close(frame.float(), first.float(), rtol=0, atol=0)


def test_what_a_model_predicts_is_not_praised_above_one(system: Smoke) -> None:
    share = torch.tensor([[[0.2]], [[1.7]], [[-0.1]]], requires_grad=True)
    control = torch.zeros(3, 2, 8, 16, 16)
    terms = system.estimated({"series": share}, control)
    torch.testing.assert_close(terms["missed"], torch.tensor([0.8, 0.0, 1.0]))
    (gradient,) = torch.autograd.grad(terms["missed"].sum(), share)
    assert gradient.flatten().tolist() == [-1.0, 0.0, -1.0]


def test_an_advected_velocity_has_gradients_by_the_graph(drawn: tuple[Tensor, Tensor]) -> None:
    moving = smoke(steps=8, dynamics="navier_stokes", viscosity=0.01)
    first, control = (part[:1] for part in drawn)

    def total(asked: Tensor) -> Tensor:
        outcome = moving.run_differentiable(first, asked)
        return outcome["state"].square().sum() + outcome["series"].sum()

    asked = control.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(total(asked), asked)
    along = torch.randn(control.shape, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        ends = [total(control + sign * 1e-6 * along) for sign in (1, -1)]
    torch.testing.assert_close(
        (gradient * along).sum(), (ends[0] - ends[1]) / 2e-6, rtol=1e-4, atol=0
    )
    solved, followed = moving.run(first, control), moving.run_differentiable(first, control)
    for name, values in solved.items():
        torch.testing.assert_close(followed[name], values, rtol=1e-9, atol=1e-9)


def test_one_control_that_is_too_fast_names_its_trajectory(
    system: Smoke, drawn: tuple[Tensor, Tensor]
) -> None:
    first, control = drawn
    fast = control.clone()
    fast[1, 0, 2, 0, 0] = 1e4
    for solve in (system.run, system.run_differentiable):
        with pytest.raises(DivergedError) as refused:
            solve(first, fast)
        assert refused.value.samples == [1]
    with pytest.raises(DivergedError):
        system.begin(first).advance(fast[:, :, 2])


def test_refuses_what_does_not_fit(system: Smoke, drawn: tuple[Tensor, Tensor]) -> None:
    first, control = drawn
    with pytest.raises(ValueError, match=r"expected initial states \[n, 3, 16, 16\]"):
        system.run(first[:, :1], control)
    with pytest.raises(ValueError, match=r"expected controls of shape \[3, 2, 8, 16, 16\]"):
        system.run(first, control[:2])
    with pytest.raises(ValueError, match=r"expected initial states \[n, 3, 16, 16\]"):
        system.begin(first[..., :8, :8])
    broken = first.clone()
    broken[1, 0, 4, 4] = torch.nan
    for solve in (system.run, system.run_differentiable):
        with pytest.raises(ValueError, match="density at the start is not finite in trajectory 1"):
            solve(broken, control)
    broken = first.clone()
    broken[:, 1:] = torch.nan
    assert system.run(broken, control)["state"].isfinite().all()
    with pytest.raises(ValueError, match="expected a control of shape"):
        system.begin(first).advance(control)
