"""A batch of environments for stable-baselines3, whose `VecEnv` is not Gymnasium's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from wdno.environments.batch import ControlVectorEnv


class BatchedVecEnv(VecEnv):
    """A :class:`ControlVectorEnv` as stable-baselines3 wants it: episodes begin anew by themselves.

    Attributes:
        env: what is solved.
    """

    def __init__(self, env: ControlVectorEnv) -> None:
        """Of environments, such as ``gymnasium.make_vec(id, num_envs).unwrapped``."""
        self.env = env
        self._actions: Any = None
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> Any:
        """Begin all episodes, with the seeds of `seed` if it was called before."""
        seeds = list(self._seeds) if any(seed is not None for seed in self._seeds) else None
        seen, infos = self.env.reset(seed=seeds)
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = _each(infos, self.num_envs)
        return seen

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions for :meth:`step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, NDArray[Any], NDArray[Any], list[dict[str, Any]]]:
        """Go one interval on; of episodes at their end, the first observation of the next."""
        seen, rewards, ended, _, told = self.env.step(self._actions)
        infos = _each(told, self.num_envs)
        if ended.any():
            for number in map(int, np.flatnonzero(ended)):
                last = {k: v[number] for k, v in seen.items()} if isinstance(seen, dict) else None
                infos[number]["terminal_observation"] = seen[number] if last is None else last
                infos[number]["TimeLimit.truncated"] = False
            seen, begun = self.env.reset(options={"reset_mask": ended})
            for number, info in enumerate(_each(begun, self.num_envs)):
                if ended[number]:
                    self.reset_infos[number] = info
        return seen, rewards.astype(np.float32), ended, infos

    def close(self) -> None:
        """Close the environments."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute, the same for each of the environments."""
        return [getattr(self.env, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of all environments at once."""
        setattr(self.env, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of all environments at once; its result stands for each."""
        result = getattr(self.env, method_name)(*method_args, **method_kwargs)
        return [result for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """Say that none is wrapped."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Return a picture of each episode."""
        return self.env.render() or [None] * self.num_envs


def _each(infos: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Divide the infos of a batch among its members; `_key` says who has a key."""
    found: list[dict[str, Any]] = [{} for _ in range(count)]
    for key, values in infos.items():
        if key.startswith("_") or f"_{key}" not in infos:
            continue
        parts = _each(values, count) if isinstance(values, dict) else values
        for number in map(int, np.flatnonzero(infos[f"_{key}"])):
            part = parts[number]
            found[number][key] = part.item() if isinstance(part, np.generic) else part
    return found
