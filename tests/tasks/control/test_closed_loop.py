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
from wdno.tasks.control import problem
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
