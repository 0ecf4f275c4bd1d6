"""SAC learns from roll-outs of its present policy too, interrupted as uninterrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from processes import same, without_times
from quadratic_problem import cost, follow, j_of, learn, optimal
from torch import Tensor

from wdno.objectives.sac import Transitions, mixed
from wdno.training.interruption import Interrupted
from wdno.training.watch import NonFiniteError

pytest.importorskip("stable_baselines3", reason="needs the extra `environments`")
from wdno.training.soft_actor_critic import Trainer

OFFLINE: dict[str, Any] = {"name": "sac", "tau": 0.05, "limit": 3.0}
ONLINE: dict[str, Any] = {**OFFLINE, "simulation": "own", "every": 6}


def imagined(model: Any, act: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The linear system, as it is, in place of a learned one."""

    def control(x: Tensor, k: int) -> Tensor:
        given = {"observed": x[:, :, None]}
        seen = model.condition_scaler.normalise(model.condition(given, frames=1))
        return model.decode(act(seen, k), given, frames=1)["forcing"][:, :, 0]

    observed, forcing, reward = follow(batch["observed"][:, :, 0], control)
    return {"observed": observed, "forcing": forcing, "reward": reward}


def diverging(model: Any, act: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**imagined(model, act, batch), "reward": torch.full((64, 4), torch.inf)}


def numbered(first: int) -> Transitions:
    """Ten transitions, all of whose values are their number."""
    numbers = torch.arange(first, first + 10.0)[:, None]
    return Transitions(*(numbers.clone() for _ in range(5)))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_is_of_whole_transitions(share: float) -> None:
    some = mixed(numbered(0), numbered(100), share, torch.Generator().manual_seed(0))
    numbers = some.states[:, 0]
    assert len(numbers) == 10 == len(numbers.unique())
    assert int((numbers >= 100).sum()) == round(10 * share)
    parts = (some.actions, some.rewards, some.following, some.ends)
    assert all(torch.equal(part, some.states) for part in parts)
    others = mixed(numbered(0), numbered(100), share, torch.Generator().manual_seed(1))
    assert not torch.equal(others.states, some.states)


def test_a_share_of_zero_is_offline_bit_for_bit(tmp_path: Path) -> None:
    _, offline = learn(tmp_path / "a", OFFLINE, trainer=Trainer)
    none = {**ONLINE, "imagined": 0.0}
    _, without = learn(tmp_path / "b", none, trainer=Trainer, imagination=imagined)
    _, half = learn(tmp_path / "c", ONLINE, trainer=Trainer, imagination=imagined)
    assert same(offline.tensors, without.tensors) and not same(offline.tensors, half.tensors)
    logs = [without_times(tmp_path / one / "train.jsonl") for one in "ab"]
    assert logs[0] == logs[1]


def test_interrupted_between_two_roll_outs_equals_uninterrupted(tmp_path: Path) -> None:
    starts: list[int] = []

    def counting(model: Any, act: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        starts.append(len(batch["index"]))
        return imagined(model, act, batch)

    _, whole = learn(tmp_path / "whole", ONLINE, trainer=Trainer, imagination=counting)
    made, folder = len(starts), tmp_path / "stopped"
    for reads in (10, 9):
        with pytest.raises(Interrupted):
            learn(folder, ONLINE, trainer=Trainer, imagination=counting, signal_at=reads)
    _, resumed = learn(folder, ONLINE, trainer=Trainer, imagination=counting)
    assert same(whole.tensors, resumed.tensors)
    logs = [without_times(one / "train.jsonl") for one in (tmp_path / "whole", folder)]
    assert logs[0] == logs[1]
    # A resumed training goes on with the roll-out that it was interrupted in.
    assert made > 5 and len(starts) == 2 * made


def test_from_roll_outs_alone_it_approaches_the_optimum(tmp_path: Path) -> None:
    alone = {**ONLINE, "imagined": 1.0}
    found, _ = learn(tmp_path, alone, steps=800, trainer=Trainer, imagination=imagined)
    best = j_of(optimal)
    assert best < cost(found) < 3 * best < 0.2 * j_of(lambda x, k: 0 * x)


def test_the_policy_in_a_roll_out_is_the_present_one_and_draws(tmp_path: Path) -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def noting(model: Any, act: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        same_state = torch.zeros(4000, 1, 1, 2)
        drawn = act(same_state, 1)
        assert drawn.shape == (4000, 1, 1, 2) and drawn.abs().max() <= 3.0
        asked = torch.cat([same_state[:1, :, 0], torch.full((1, 1, 2), 0.5)], dim=1)
        mean, _ = model.objective.network(asked).chunk(2, dim=1)
        # Before tanh it is normal about the model's mean.
        seen.append((torch.atanh((drawn / 3).clamp(-1 + 1e-6, 1 - 1e-6)).mean(0)[:, 0], mean[0]))
        assert drawn.std(dim=0).min() > 0.1
        return imagined(model, act, batch)

    learn(tmp_path, {**ONLINE, "every": 20}, trainer=Trainer, imagination=noting)
    assert len(seen) > 1 and not torch.allclose(seen[0][1], seen[-1][1])
    for drawn, mean in seen:
        torch.testing.assert_close(drawn, mean, atol=0.1, rtol=0.0)


def test_without_a_simulation_or_one_that_diverges_it_stops(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no simulation to roll out in"):
        learn(tmp_path / "a", ONLINE, trainer=Trainer)
    with pytest.raises(NonFiniteError, match="step 0: the simulation under the policy"):
        learn(tmp_path / "b", ONLINE, trainer=Trainer, imagination=diverging)
