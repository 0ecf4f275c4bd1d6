"""Pictures and animations of episodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_environments import TINY

gymnasium = pytest.importorskip("gymnasium", reason="needs the extra `environments`")

import wdno.environments  # noqa: E402, F401


@pytest.mark.parametrize("name", sorted(TINY))
def test_an_episode_is_drawn_and_animated(name: str, tmp_path: Path) -> None:
    env = gymnasium.make(name, render_mode="rgb_array", **TINY[name])
    env.reset(seed=0)
    before = env.render()
    assert before.dtype == np.uint8 and before.ndim == 3 and before.shape[2] == 3
    env.step(env.action_space.sample())
    after = env.render()
    assert after.shape == before.shape and (after != before).any()
    env.unwrapped.save_gif(tmp_path / "episode.gif")
    with Image.open(tmp_path / "episode.gif") as animation:
        assert animation.n_frames == 2
    with pytest.raises(ValueError, match=r"ends in \.gif"):
        env.unwrapped.save_gif(tmp_path / "episode.png")


def test_pictures_of_a_batch() -> None:
    name = "wdno/Burgers-v0"
    batch = gymnasium.make_vec(name, num_envs=2, render_mode="rgb_array", **TINY[name])
    batch.reset(seed=0)
    first, second = batch.render()
    assert first.shape == second.shape and (first != second).any()
