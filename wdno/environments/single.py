"""One environment of a controlled system, for Gymnasium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from wdno.environments.core import Core
from wdno.environments.options import EnvironmentOptions


class ControlEnv(gymnasium.Env[Any, NDArray[np.float32]]):
    """Steer a system for T intervals; the rewards of an episode sum to -J.

    Attributes:
        core: what happens, a batch of one episode.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["rgb_array"],
        "render_fps": 6,
    }

    def __init__(self, *, render_mode: str | None = None, **options: Any) -> None:
        """Set up.

        Args:
            render_mode: None or `rgb_array`.
            **options: see :class:`wdno.environments.options.EnvironmentOptions`.

        Raises:
            ValueError: an option is unknown or does not fit.
        """
        check_mode(render_mode, self.metadata)
        self.render_mode = render_mode
        self.core = Core(1, EnvironmentOptions(**options))
        self.observation_space: spaces.Space[Any] = self.core.observer.space
        self.action_space: spaces.Space[Any] = self.core.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: of the random numbers: which case, and noise.
            options: `split` and `case`, the number of a case of a data set; or arrays `first` and,
                of a system with a target, `target`, ``[F, *S]``. What is left out is random, of
                the first split.

        Returns:
            Observation, and `case` and `split`.

        Raises:
            ValueError: an option is unknown or does not fit.
        """
        super().reset(seed=seed)
        asked = {
            key: value if key == "split" else np.asarray(value)[None]
            for key, value in (options or {}).items()
        }
        seen, infos = self.core.reset(np.arange(1), [self.np_random], asked)
        return _first(seen), infos[0]

    def step(self, action: NDArray[np.float32]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Apply a control for one interval.

        Args:
            action: ``[A]``, times `action_scale` the control at each point where it may act.

        Returns:
            Observation, reward, whether the horizon is reached, False, and `case`, `split`; at the
            end also `J`, its unweighted `terms`, and `J_zero`.

        Raises:
            ValueError: the action's shape does not fit, or it is not finite.
            RuntimeError: the episode has not begun, or is at its end.
            DivergedError: the solution is not finite or unstable.
        """
        actions = np.asarray(action)[None]
        seen, rewards, ended, infos = self.core.step(actions, [self.np_random])
        return _first(seen), float(rewards[0]), bool(ended[0]), False, infos[0]

    def save_state(self) -> dict[str, Any]:
        """Return copies of all that makes what follows, random numbers too; it can be pickled."""
        return self.core.save([self.np_random])

    def restore_state(self, saved: dict[str, Any]) -> None:
        """Go back to what :meth:`save_state` returned, here or in another such environment.

        Raises:
            ValueError: it is of an environment with other shapes.
        """
        self.core.restore(saved, [self.np_random])

    def rollout(self, actions: Tensor) -> Tensor:
        """Return J of this episode's case under other actions, with gradients.

        Args:
            actions: of all intervals, ``[T, A]``; without noise, and not cut off at -1 and 1.

        Returns:
            J, a number.

        Raises:
            ValueError: the shape does not fit.
            RuntimeError: no episode has begun.
        """
        return self.core.rollout(actions[None])[0]

    def render(self) -> NDArray[np.uint8] | None:
        """Return a picture of the episode so far, ``[height, width, 3]``."""
        from wdno.environments.picture import pictures

        return pictures(self.core, 0)[0] if self.render_mode == "rgb_array" else None

    def save_gif(self, path: str | Path) -> None:
        """Write an animation of the episode so far."""
        from wdno.environments.picture import save_gif

        save_gif(self.core, 0, path)


def check_mode(mode: str | None, metadata: dict[str, Any]) -> None:
    """Refuse a render mode that there is not.

    Raises:
        ValueError: there is no such mode.
    """
    if mode is not None and mode not in metadata["render_modes"]:
        raise ValueError(
            f"render_mode: expected None or one of {', '.join(metadata['render_modes'])}, got "
            f"{mode!r}"
        )


def _first(seen: Any) -> Any:
    """Return the only one of a batch of observations."""
    return {k: part[0] for k, part in seen.items()} if isinstance(seen, dict) else seen[0]
