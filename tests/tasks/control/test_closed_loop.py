"""A policy is trained by what a simulation does under it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from models import build
from torch import Tensor

from wdno import model as models
from wdno.data.dataset import ProblemData, Trajectories
from wdno.model import Model
from wdno.problem import ProblemError
from wdno.systems.burgers import Burgers
from wdno.tasks.control import problem, rewards
from wdno.tasks.control.closed_loop import ClosedLoop, teacher
from wdno.tasks.control.objective import CountedObjective
from wdno.tasks.control.options import Options
from wdno.tasks.simulation.problem import data as simulation

if TYPE_CHECKING:
    from wdno.problem import Batch

FRAMES: dict[str, Any] = {
    "representation": {"name": "identity"},
    "network": {"name": "mlp", "grid": [16], "width": 16},
}
STEPPING = {"name": "regression", "stepping": {}}


class Linear:
    """In place of a trained simulation: u' = 0.9 u + 0.5 f."""

    stepwise = True

    def eval(self) -> Linear:
        return self

    def requires_grad_(self, wanted: bool) -> Linear:
        return self

    def to(self, device: torch.device) -> Linear:
        return self

    def estimate(self, batch: Batch, frames: int) -> dict[str, Tensor]:
        assert frames == 1
        return {"state": 0.9 * batch["first"][:, :, None] + 0.5 * batch["forcing"]}


@pytest.fixture
def data(folder: Path) -> ProblemData:
    return problem.data(Trajectories(folder / "test.nc"), framewise=True)


@pytest.fixture
def batch(data: ProblemData) -> Batch:
    return next(data.batches(6))


def policy(data: ProblemData, **options: Any) -> Model:
    return build(data, objective={"name": "pid", "simulation": "own", **options}, **FRAMES)


def trained(model: Model, batch: Batch, steps: int = 150) -> list[float]:
    """Lower the loss of a batch; return it before and after."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(steps):
        loss = model.loss_per_sample(batch, torch.Generator()).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return [losses[0], losses[-1]]


@pytest.mark.parametrize("loss", ["j", "distance"])
def test_j_of_a_linear_system_falls_below_that_of_no_control(
    data: ProblemData, batch: Batch, objective: CountedObjective, loss: str
) -> None:
    model = policy(data, loss=loss)
    model.teacher = ClosedLoop(Linear(), objective)  # type: ignore[arg-type]
    first, target = batch["observed"][:, :, 0], batch["last"]
    frames = [first * 0.9**k for k in range(1, 11)]
    if loss == "j":
        idle = (frames[-1] - target).square().mean()
    else:
        idle = torch.stack([(one - target).abs().mean() for one in frames]).sum()
    before, after = trained(model, batch)
    assert before == pytest.approx(float(idle), rel=1e-5), "it begins without control"
    assert after < 0.5 * before


def test_the_loss_is_j_of_the_simulation_under_the_policy(
    data: ProblemData, batch: Batch, objective: CountedObjective
) -> None:
    model = policy(data)
    torch.nn.init.constant_(model.objective.scale, 0.2)  # type: ignore[union-attr,arg-type]
    loop = ClosedLoop(Linear(), objective)  # type: ignore[arg-type]
    model.teacher = loop
    first, target = batch["observed"][:, :, 0], batch["last"]
    state, control = loop.rollout(model.objective, first, target, 10)  # type: ignore[arg-type]
    expected = first
    for k in range(10):
        expected = 0.9 * expected + 0.5 * control[:, :, k]
        torch.testing.assert_close(state[:, :, k], expected)
    # What a controller is told, asked for all intervals at once, is what the loop has done.
    seen = torch.cat([first[:, :, None], state[:, :, :-1]], dim=2)
    torch.testing.assert_close(
        model.estimate({"observed": seen, "last": target})["forcing"], control
    )
    j = objective.sum(objective.system.terms({"state": state}, control, target))
    torch.testing.assert_close(model.loss_per_sample(batch, torch.Generator()), j)


def test_as_published_no_gradient_leads_through_the_simulation(
    data: ProblemData, batch: Batch, objective: CountedObjective
) -> None:
    def gradients(**options: Any) -> dict[str, Tensor]:
        model = policy(data, **options)
        torch.nn.init.constant_(model.objective.scale, 0.2)  # type: ignore[union-attr,arg-type]
        model.teacher = ClosedLoop(Linear(), objective)  # type: ignore[arg-type]
        model.loss_per_sample(batch, torch.Generator()).sum().backward()
        return {name: one.grad for name, one in model.named_parameters() if one.grad is not None}

    published = gradients(gradient=False, loss="distance")
    assert published and not any(one.any() for one in published.values())
    assert any(one.any() for one in gradients(loss="distance").values())
    energy = gradients(gradient=False)
    assert any(one.any() for one in energy.values()), "energy is no matter of the simulation"


def test_a_trained_simulation_is_asked_step_by_step(
    data: ProblemData, folder: Path, batch: Batch, burgers: Burgers, tmp_path: Path
) -> None:
    steps = build(simulation(Trajectories(folder / "test.nc")), objective=STEPPING, **FRAMES)
    path = tmp_path / "simulation.safetensors"
    models.save(path, steps, steps.state_dict(), {})
    options = Options(methods=["pid"])
    loop = teacher("burgers", burgers.options, options, {"simulation": path}, data.trajectories)
    model = policy(data)
    torch.nn.init.constant_(model.objective.scale, 0.2)  # type: ignore[union-attr,arg-type]
    first, target = batch["observed"][:, :, 0], batch["last"]
    state, control = loop.rollout(model.objective, first, target, 10)  # type: ignore[arg-type]
    whole = steps.estimate({"first": first, "forcing": control})["state"]
    torch.testing.assert_close(state, whole, rtol=1e-4, atol=1e-5)
    # It is not among what is trained, saved or counted.
    model.teacher = loop
    assert not any("simulation" in name for name in model.state_dict())
    model.loss_per_sample(batch, torch.Generator()).sum().backward()
    assert all(weights.grad is None for weights in loop.simulation.parameters())


def test_transitions_of_a_roll_out_are_those_of_the_simulation(
    folder: Path, burgers: Burgers, objective: CountedObjective
) -> None:
    trajectories = Trajectories(folder / "test.nc")
    law = rewards.law("burgers", burgers.options, Options(methods=["sac"]), trajectories)
    data = rewards.data(trajectories, law, 1.0)
    batch, sac = next(data.batches(6)), {"name": "sac", "simulation": "own", "limit": 1.5}
    model = build(data, objective=sac, **FRAMES)
    draws = torch.Generator().manual_seed(0)
    asked: list[Tensor] = []

    def act(seen: Tensor, interval: int) -> Tensor:
        assert interval == len(asked)
        asked.append(seen)
        return 1.5 * (2 * torch.rand(6, 1, 1, 16, generator=draws) - 1)

    loop = ClosedLoop(Linear(), objective)  # type: ignore[arg-type]
    found = loop.imagined(law, model, act, batch)
    assert {name: part.shape for name, part in found.items()} == {
        name: batch[name].shape for name in ("observed", "last", "forcing", "reward")
    }
    state, forcing, last = found["observed"], found["forcing"], batch["last"]
    assert torch.equal(state[:, :, 0], batch["observed"][:, :, 0])
    assert torch.equal(found["last"], last)
    following = 0.9 * state + 0.5 * forcing
    torch.testing.assert_close(state[:, :, 1:], following[:, :, :-1])

    # The reward of an interval is what J falls in it.
    def missed(one: Tensor) -> Tensor:
        return (one - last[:, :, None]).square().mean((1, 3))

    energy = 0.024 * forcing.square().mean((1, 3)) * burgers.options.t_end / 10
    expected = (missed(state) - missed(following) - energy) / law.unit
    torch.testing.assert_close(found["reward"], expected, rtol=1e-3, atol=1e-4)

    # Of states, controls and targets the critics see what the policy has seen and drawn.
    request = model.asked({**batch, **found})
    one = model.objective.transitions(request, torch.Generator())  # type: ignore[union-attr, operator]
    steps = one.states.view(6, 10, 3, 16)
    torch.testing.assert_close(steps[:, :, :2], torch.cat(asked, dim=2).transpose(1, 2))
    assert torch.equal(one.following.view(6, 10, 3, 16)[:, :-1], steps[:, 1:])
    again = torch.Generator().manual_seed(0)
    drawn = torch.stack([2 * torch.rand(6, 16, generator=again) - 1 for _ in range(10)], dim=1)
    torch.testing.assert_close(one.actions.view(6, 10, 16), drawn, rtol=1e-4, atol=1e-5)
    assert torch.equal(one.rewards.view(6, 10), found["reward"])
    assert one.ends.view(6, 10).sum(1).tolist() == [1.0] * 6 == one.ends.view(6, 10)[:, -1].tolist()


def test_what_cannot_be_a_simulation_is_refused(
    data: ProblemData, folder: Path, burgers: Burgers
) -> None:
    options = Options(methods=["pid"])
    needs = {"simulation": folder / "simulation_regression.safetensors"}
    with pytest.raises(ProblemError, match="goes from frame to frame"):
        teacher("burgers", burgers.options, options, needs, data.trajectories)
    weighed = Options(methods=["pid"], weights={"smoothness": 1.0})
    with pytest.raises(ProblemError, match="smoothness"):
        teacher("burgers", burgers.options, weighed, needs, data.trajectories)
    whole, _ = models.load(needs["simulation"])
    with pytest.raises(ValueError, match="1 frames are asked for of a model that generates all"):
        whole.estimate({}, frames=1)
