"""Many environments at once: the same numbers as one by one, begun anew together or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tiny_environments import TINY

gymnasium = pytest.importorskip("gymnasium", reason="needs the extra `environments`")

from wdno.environments.batch import ControlVectorEnv  # noqa: E402

IDS = sorted(TINY)


def make_many(name: str, count: int, **options: Any) -> ControlVectorEnv:
    env = gymnasium.make_vec(name, num_envs=count, **TINY[name], **options).unwrapped
    assert isinstance(env, ControlVectorEnv)
    return env


@pytest.mark.parametrize("observation", ["flat", "dict"])
@pytest.mark.parametrize("name", IDS)
def test_several_equal_one_batch(name: str, observation: str) -> None:
    options = {"observation": observation, "sensor_noise": 0.1, "action_noise": 0.1}
    batch = make_many(name, 3, **options)
    singles = [gymnasium.make(name, **TINY[name], **options) for _ in range(3)]
    seen, infos = batch.reset(seed=4)
    alone = [env.reset(seed=4 + i) for i, env in enumerate(singles)]
    assert list(infos["case"]) == [info["case"] for _, info in alone]
    _same(seen, [one for one, _ in alone])
    plant = batch.core.plant
    rng = np.random.default_rng(0)
    for k in range(plant.intervals):
        actions = rng.uniform(-0.2, 0.2, size=(3, plant.actions)).astype(np.float32)
        seen, rewards, ended, truncated, infos = batch.step(actions)
        found = [env.step(action) for env, action in zip(singles, actions, strict=True)]
        _same(seen, [one[0] for one in found])
        np.testing.assert_allclose(rewards, [one[1] for one in found], rtol=1e-12, atol=1e-15)
        assert ended.tolist() == [k == plant.intervals - 1] * 3 and not truncated.any()
        assert seen in batch.observation_space and actions in batch.action_space
    for i, (*_, info) in enumerate(found):
        for key in ("J", "J_zero"):
            assert infos[key][i] == pytest.approx(info[key], rel=1e-12)
        assert {k: v[i] for k, v in infos["terms"].items() if k[0] != "_"} == pytest.approx(
            info["terms"], rel=1e-12
        )


def _same(batch: Any, singles: list[Any]) -> None:
    if isinstance(batch, dict):
        for key, part in batch.items():
            np.testing.assert_array_equal(part, [one[key] for one in singles])
    else:
        np.testing.assert_array_equal(batch, singles)


@pytest.mark.parametrize("name", IDS)
def test_some_begin_anew_while_others_go_on(name: str) -> None:
    batch, whole = make_many(name, 3), make_many(name, 3)
    plant = batch.core.plant
    first, _ = batch.reset(options={"split": "test", "case": [0, 1, 2]})
    whole.reset(options={"split": "test", "case": [0, 1, 0]})
    actions = np.random.default_rng(1).uniform(-0.2, 0.2, (plant.intervals, 3, plant.actions))
    actions[:, 2] = actions[:, 0]
    batch.step(actions[0])
    before = batch.step(actions[1])[0]
    mask = np.array([False, False, True])
    seen, infos = batch.reset(options={"reset_mask": mask, "split": "test", "case": 0})
    np.testing.assert_array_equal(seen[:2], before[:2])
    np.testing.assert_array_equal(seen[2], first[0])
    assert infos["_case"].tolist() == mask.tolist()
    expected = [whole.step(part)[:2] for part in actions]
    for k in range(2, plant.intervals):
        saved = batch.save_state()
        batch.step(0 * actions[0])
        batch.restore_state(saved)
        now = np.stack([*actions[k, :2], actions[k - 2, 2]])
        seen, rewards, ended, *_ = batch.step(now)
        np.testing.assert_array_equal(seen[:2], expected[k][0][:2])
        np.testing.assert_array_equal(seen[2], expected[k - 2][0][2])
        np.testing.assert_allclose(rewards[:2], expected[k][1][:2], rtol=1e-12)
    assert ended.tolist() == [True, True, False]
    with pytest.raises(RuntimeError, match=r"at the end: 0, 1 of 3"):
        batch.step(actions[0])
    batch.reset(options={"reset_mask": ended})
    assert batch.core.episodes.history.done.tolist() == [0, 0, plant.intervals - 2]


def test_gradients_of_a_batch() -> None:
    batch = make_many("wdno/Burgers-v0", 2)
    batch.reset(options={"split": "test", "case": [0, 1]})
    actions = torch.zeros(2, 4, 12, dtype=torch.float64, requires_grad=True)
    j = batch.rollout(actions)
    (gradient,) = torch.autograd.grad(j.sum(), actions)
    better = batch.rollout(actions.detach() - 1e-3 * gradient)
    assert (better < j).all()


def test_refuses_what_does_not_fit() -> None:
    batch = make_many("wdno/Burgers-v0", 2)
    with pytest.raises(ValueError, match="the first reset"):
        batch.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(ValueError, match="expected 2 truth values"):
        batch.reset(options={"reset_mask": np.array([1, 0])})
    with pytest.raises(ValueError, match="expected one for each of 2 environments"):
        batch.reset(options={"case": [0, 1, 2]})
    with pytest.raises(ValueError, match="at least 1"):
        make_many("wdno/Burgers-v0", 0)
    with pytest.raises(ValueError, match="render_mode"):
        make_many("wdno/Burgers-v0", 1, render_mode="human")
