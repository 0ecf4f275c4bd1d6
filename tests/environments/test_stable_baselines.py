"""Algorithms of stable-baselines3 run on the environments, one by one and batched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tiny_environments import TINY

gymnasium = pytest.importorskip("gymnasium", reason="needs the extra `environments`")
sb3 = pytest.importorskip("stable_baselines3", reason="needs the extra `environments`")

from stable_baselines3.common.env_util import make_vec_env  # noqa: E402
from stable_baselines3.common.vec_env import VecMonitor  # noqa: E402

from wdno.environments.stable_baselines import BatchedVecEnv  # noqa: E402

NAME = "wdno/Burgers-v0"
PPO: dict[str, Any] = {"n_steps": 16, "batch_size": 32, "n_epochs": 1, "seed": 0, "device": "cpu"}


def batched(**options: Any) -> BatchedVecEnv:
    env = gymnasium.make_vec(NAME, num_envs=4, **TINY[NAME], **options).unwrapped
    return BatchedVecEnv(env)


@pytest.mark.parametrize("batch", [False, True])
def test_ppo_learns_for_a_few_hundred_steps(batch: bool) -> None:
    envs = batched() if batch else make_vec_env(NAME, 2, seed=0, env_kwargs=TINY[NAME])
    model = sb3.PPO("MlpPolicy", VecMonitor(envs) if batch else envs, **PPO)
    before = model.policy.state_dict()["action_net.weight"].clone()
    model.learn(200)
    after = model.policy.state_dict()["action_net.weight"]
    assert np.isfinite(after.numpy()).all() and (before != after).any()
    assert {"r", "l"} <= model.ep_info_buffer[-1].keys() and model.ep_info_buffer[-1]["l"] == 4


@pytest.mark.parametrize("observation", ["flat", "dict"])
def test_the_batch_is_what_one_by_one_is(observation: str) -> None:
    options = {"observation": observation}
    batch = batched(**options)
    plain = make_vec_env(NAME, 4, env_kwargs={**TINY[NAME], **options})
    for envs in (batch, plain):
        envs.seed(3)
    seen, expected = batch.reset(), plain.reset()
    rng = np.random.default_rng(0)
    for _ in range(6):
        actions = rng.uniform(-0.2, 0.2, (4, 12)).astype(np.float32)
        for pair in zip(_parts(seen), _parts(expected), strict=True):
            np.testing.assert_array_equal(*pair)
        seen, rewards, ended, infos = batch.step(actions)
        expected, wanted, over, told = plain.step(actions)
        np.testing.assert_allclose(rewards, wanted, rtol=1e-6)
        assert ended.tolist() == over.tolist()
        for info, other in zip(infos, told, strict=True):
            assert set(info) <= set(other) and info["case"] == other["case"]
            if "terminal_observation" in other:
                last = info["terminal_observation"], other["terminal_observation"]
                for pair in zip(*map(_parts, last), strict=True):
                    np.testing.assert_array_equal(*pair)
                assert info["J"] == pytest.approx(other["J"], rel=1e-12)


def _parts(seen: Any) -> list[Any]:
    return list(seen.values()) if isinstance(seen, dict) else [seen]
