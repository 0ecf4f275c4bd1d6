"""Many environments of a controlled system at once, on its batched solver, for Gymnasium."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from torch import Tensor

from wdno.environments.core import Core
from wdno.environments.options import EnvironmentOptions
from wdno.environments.single import ControlEnv, check_mode

Flags = NDArray[np.bool_]


class ControlVectorEnv(gymnasium.vector.VectorEnv[Any, NDArray[np.float32], NDArray[Any]]):
    """As many :class:`ControlEnv` as wanted, solved together; the same numbers come out.

    Episodes all have T steps. None is begun anew by itself (`AutoresetMode.DISABLED`): call
    ``reset(options={"reset_mask": flags})``, which leaves the others as they are.

    Attributes:
        core: what happens.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        **ControlEnv.metadata,
        "autoreset_mode": AutoresetMode.DISABLED,
    }

    def __init__(
        self, num_envs: int = 1, *, render_mode: str | None = None, **options: Any
    ) -> None:
        """Set up.

        Args:
            num_envs: number n of environments.
            render_mode: None or `rgb_array`.
            **options: see :class:`wdno.environments.options.EnvironmentOptions`.

        Raises:
            ValueError: an option is unknown or does not fit, or there are no environments.
        """
        if num_envs < 1:
            raise ValueError(f"num_envs: expected at least 1, got {num_envs}")
        check_mode(render_mode, self.metadata)
        self.num_envs, self.render_mode = num_envs, render_mode
        self.core = Core(num_envs, EnvironmentOptions(**options))
        self.single_observation_space = self.core.observer.space
        self.single_action_space = self.core.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._generators = [seeding.np_random()[0] for _ in range(num_envs)]
        self._seen: Any = None

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes.

        Args:
            seed: of environment 0; environment i has seed + i. Or one for each.
            options: as of :meth:`ControlEnv.reset`, with `case`, `first` and `target` for each
                environment, on a first axis n; a single `case` is that of all. `reset_mask`,
                ``[n]``, says which environments begin anew; left out: all.

        Returns:
            Observations of all n, and infos of those that begin anew.

        Raises:
            ValueError: an option is unknown or does not fit.
        """
        asked = dict(options or {})
        members = np.flatnonzero(self._mask(asked.pop("reset_mask", None)))
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else seed
        if seeds is not None:
            for member in members:
                if seeds[member] is not None:
                    self._generators[member] = seeding.np_random(seeds[member])[0]
        for key in asked.keys() - {"split"}:
            asked[key] = self._each(key, np.asarray(asked[key]))
        seen, infos = self.core.reset(members, self._generators, asked)
        self._seen = _merged(self._seen, members, seen)
        told: dict[str, Any] = {}
        for member, info in zip(members, infos, strict=True):
            told = self._add_info(told, info, int(member))
        return copy.deepcopy(self._seen), told

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[Any, NDArray[Any], Flags, Flags, dict[str, Any]]:
        """Apply controls for one interval; see :meth:`ControlEnv.step`.

        Args:
            actions: ``[n, A]``.

        Raises:
            ValueError: the shape does not fit, or an action is not finite.
            RuntimeError: an episode has not begun, or is at its end.
            DivergedError: a solution is not finite or unstable.
        """
        seen, rewards, ended, infos = self.core.step(actions, self._generators)
        self._seen = copy.deepcopy(seen)
        told: dict[str, Any] = {}
        for member, info in enumerate(infos):
            told = self._add_info(told, info, member)
        return seen, rewards, ended, np.zeros_like(ended), told

    def save_state(self) -> dict[str, Any]:
        """See :meth:`ControlEnv.save_state`."""
        return {**self.core.save(self._generators), "seen": copy.deepcopy(self._seen)}

    def restore_state(self, saved: dict[str, Any]) -> None:
        """See :meth:`ControlEnv.restore_state`."""
        self.core.restore(saved, self._generators)
        self._seen = copy.deepcopy(saved["seen"])

    def rollout(self, actions: Tensor) -> Tensor:
        """Return J ``[n]`` of actions ``[n, T, A]``; see :meth:`ControlEnv.rollout`."""
        return self.core.rollout(actions)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Return a picture of each episode so far, ``[height, width, 3]``."""
        from wdno.environments.picture import pictures

        if self.render_mode != "rgb_array":
            return None
        return tuple(pictures(self.core, member)[0] for member in range(self.num_envs))

    def save_gif(self, path: str | Path, number: int = 0) -> None:
        """Write an animation of the episode of one environment so far."""
        from wdno.environments.picture import save_gif

        save_gif(self.core, number, path)

    def _mask(self, mask: Any) -> Flags:
        flags = np.ones(self.num_envs, dtype=bool) if mask is None else np.asarray(mask)
        if flags.shape != (self.num_envs,) or flags.dtype != np.bool_ or not flags.any():
            raise ValueError(
                f"reset_mask: expected {self.num_envs} truth values, at least one of them True, "
                f"got {flags.dtype} of shape {flags.shape}"
            )
        if self._seen is None and not flags.all():
            raise ValueError("reset_mask: the first reset() is of all environments; leave it out")
        return flags

    def _each(self, key: str, values: NDArray[Any]) -> NDArray[Any]:
        """Check that an option of `reset` is for each environment."""
        if key == "case" and not values.ndim:
            return np.full(self.num_envs, values)
        if not values.ndim or len(values) != self.num_envs:
            raise ValueError(
                f"reset option `{key}`: expected one for each of {self.num_envs} environments, on "
                f"the first axis, got shape {values.shape}"
            )
        return values


def _merged(old: Any, members: NDArray[np.int64], new: Any) -> Any:
    """Return a batch of observations with new ones in the places of some."""
    if old is None:
        return new
    if isinstance(old, dict):
        return {key: _merged(part, members, new[key]) for key, part in old.items()}
    merged = old.copy()
    merged[members] = new
    return merged
