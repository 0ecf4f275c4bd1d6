"""Policies that learn from rewards do better than the data, and interrupted as uninterrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from processes import same, without_times
from quadratic_problem import INTERVALS, Trajectories, cost, j_of, learn, optimal, policy_model

from wdno.objectives.base import Request
from wdno.training.interruption import Interrupted
from wdno.training.state import Training
from wdno.training.trainer import Trainer

FRAMEWISE: dict[str, Any] = {"name": "framewise"}
BPPO: dict[str, Any] = {"name": "bppo", "tau": 0.1, "cloning": 0.5}
SAC: dict[str, Any] = {"name": "sac", "tau": 0.05, "limit": 3.0}


def trainer_of(objective: dict[str, Any]) -> type[Training]:
    if objective["name"] != "sac":
        return Trainer
    pytest.importorskip("stable_baselines3", reason="needs the extra `environments`")
    from wdno.training import soft_actor_critic

    return soft_actor_critic.Trainer


def test_bppo_improves_on_cloning(tmp_path: Path) -> None:
    best = j_of(optimal)
    cloned, _ = learn(tmp_path / "bc", FRAMEWISE, steps=200)
    improved, _ = learn(tmp_path / "bppo", BPPO, steps=700)
    assert best < cost(improved) < 0.5 * (best + cost(cloned))


def test_sac_approaches_the_optimum(tmp_path: Path) -> None:
    best = j_of(optimal)
    found, _ = learn(tmp_path, SAC, steps=800, trainer=trainer_of(SAC))
    assert best < cost(found) < 1.5 * best


@pytest.mark.parametrize("objective", [BPPO, SAC], ids=lambda one: str(one["name"]))
def test_interrupted_equals_uninterrupted(tmp_path: Path, objective: dict[str, Any]) -> None:
    trainer = trainer_of(objective)
    _, whole = learn(tmp_path / "whole", objective, trainer=trainer)
    folder = tmp_path / "stopped"
    for reads in (17, 20):  # the second time after half of the steps, where improvement begins
        with pytest.raises(Interrupted):
            learn(folder, objective, trainer=trainer, signal_at=reads)
    _, resumed = learn(folder, objective, trainer=trainer)
    assert same(whole.tensors, resumed.tensors)
    logs = [without_times(one / "train.jsonl") for one in (tmp_path / "whole", folder)]
    assert logs[0] == logs[1]
    assert whole.validation[0][1] is not None


def test_what_is_none_of_its_own_is_not_cloned() -> None:
    model = policy_model({**BPPO, "value_weight": 1e-9}, 10).train()
    batch = Trajectories(8).batch(torch.arange(8).numpy())
    batch["own"][2:] = False
    losses = model.loss_per_sample(batch, torch.Generator().manual_seed(0))
    assert (losses[2:].abs() < 1e-6).all() and (losses[:2].abs() > 1e-3).all()


def test_the_values_learn_what_is_to_go() -> None:
    model = policy_model({**BPPO, "gamma": 0.5}, 10)
    reward = torch.arange(1.0, 5.0)[None]
    to_go = model.objective._to_go(reward)  # type: ignore[union-attr, operator]
    torch.testing.assert_close(to_go, torch.tensor([[3.25, 4.5, 5.0, 4.0]]))


def test_transitions_are_those_of_the_data() -> None:
    model = policy_model(SAC, 10)
    batch = Trajectories(3).batch(torch.arange(3).numpy())
    request = model.asked(batch)
    found = model.objective.transitions(request, torch.Generator())  # type: ignore[union-attr, operator]
    states = found.states.view(3, INTERVALS, -1)
    assert torch.equal(found.following.view(3, INTERVALS, -1)[:, :-1], states[:, 1:])
    assert found.ends.view(3, -1).tolist() == [[0, 0, 0, 1]] * 3
    assert torch.equal(found.rewards.view(3, -1), batch["reward"])
    controls = request.wanted()[:, 0].clamp(-3, 3)
    torch.testing.assert_close(found.actions.view(3, INTERVALS, -1) * 3, controls)


def test_refuses_what_it_cannot_learn_from() -> None:
    model = policy_model(BPPO, 10)
    batch = Trajectories(3).batch(torch.arange(3).numpy())
    without = {name: part for name, part in batch.items() if name != "reward"}
    with pytest.raises(ValueError, match="learns from rewards"):
        model.loss_per_sample(without, torch.Generator())
    fresh = policy_model(BPPO, 10)
    fresh.objective.cloning_steps.zero_()  # type: ignore[union-attr, operator]
    with pytest.raises(ValueError, match=r"prepare\(steps\)"):
        fresh.loss_per_sample(batch, torch.Generator())
    asked = Request(condition=torch.zeros(1, 1, INTERVALS, 2), channels=1)
    with pytest.raises(ValueError, match="needs the target"):
        model.objective.loss(asked, torch.Generator())


def test_sac_refuses_other_networks_and_controls_of_some_points() -> None:
    from wdno.objectives.sac import SAC as Objective

    with pytest.raises(ValueError, match="expected the network 'mlp'"):
        Objective(torch.nn.Linear(2, 2))
    model = policy_model(SAC, 10)
    batch = Trajectories(3).batch(torch.arange(3).numpy())
    batch["acts"][:, :, 0] = False
    with pytest.raises(ValueError, match="at some points alone"):
        model.objective.transitions(model.asked(batch), torch.Generator())  # type: ignore[union-attr, operator]
    with pytest.raises(TypeError, match="no single loss"):
        model.loss_per_sample(batch, torch.Generator())
