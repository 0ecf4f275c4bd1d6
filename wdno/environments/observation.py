"""What an agent sees: the state or sensors in it, series, the target, and how far time is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from wdno.environments.options import EnvironmentOptions
from wdno.environments.plant import Plant

Array = NDArray[np.float64]

LIMIT = 1e3
"""Observations beyond it are cut off; no state of the systems comes near."""


class Observer:
    """Makes observations of a plant.

    Attributes:
        space: of one observation: a box of the parts one after another, or a dictionary of them:
            ``state`` ``[F, *S]``, of a system with series ``series`` ``[S]``, of one with a target
            ``target`` ``[F, *S]``, and ``time`` ``[1]``, the share of the intervals that are done.
        sensors: indices of the observed points in the flattened grid; None: all of it.
    """

    def __init__(self, plant: Plant, options: EnvironmentOptions) -> None:
        """Of a plant.

        Raises:
            ValueError: a sensor is not on the grid.
        """
        self.plant, self._noise = plant, options.sensor_noise
        partial = options.observation == "sensors"
        self.sensors = sensor_points(options.sensors, plant.space) if partial else None
        fields = (len(plant.state), *plant.space)
        state = fields if self.sensors is None else (fields[0], len(self.sensors))
        shapes: dict[str, tuple[int, ...]] = {"state": state}
        if plant.series:
            shapes["series"] = (len(plant.series),)
        if plant.controlled.has_target:
            shapes["target"] = fields
        boxes = {k: spaces.Box(-LIMIT, LIMIT, s, np.float32) for k, s in shapes.items()}
        boxes["time"] = spaces.Box(0.0, 1.0, (1,), np.float32)
        self._flat = options.observation != "dict"
        self.space: spaces.Space[Any] = spaces.Dict({**boxes})
        if self._flat:
            ends = [(box.low.ravel(), box.high.ravel()) for box in boxes.values()]
            low, high = (np.concatenate(end) for end in zip(*ends, strict=True))
            self.space = spaces.Box(low, high, dtype=np.float32)

    def __call__(
        self,
        frame: tuple[Array, Array],
        target: Array | None,
        done: NDArray[np.int64],
        generators: Sequence[np.random.Generator],
    ) -> Any:
        """Return the observations of n episodes, float32, each array ``[n, ...]``.

        Args:
            frame: state ``[n, F, *S]`` and series ``[n, S]`` now.
            target: ``[n, F, *S]``, where the system has one.
            done: intervals done, ``[n]``.
            generators: of the noise of each episode, n.
        """
        state, series = frame
        if self.sensors is not None:
            state = state.reshape(*state.shape[:2], -1)[..., self.sensors]
        if self._noise:
            noise = [generator.standard_normal(state.shape[1:]) for generator in generators]
            state = state + self._noise * np.stack(noise)
        parts = {"state": state}
        if self.plant.series:
            parts["series"] = series
        if target is not None:
            parts["target"] = target
        parts["time"] = done[:, None] / self.plant.intervals
        seen = {k: np.clip(v, -LIMIT, LIMIT).astype(np.float32) for k, v in parts.items()}
        if not self._flat:
            return seen
        return np.concatenate([part.reshape(len(done), -1) for part in seen.values()], axis=1)


def sensor_points(
    sensors: int | Sequence[Sequence[int]], space: tuple[int, ...]
) -> NDArray[np.int64]:
    """Return the indices of sensors in the flattened grid.

    Args:
        sensors: how many along each axis, each in the middle of an equal share of it; or the
            indices of each.
        space: shape of the grid.

    Raises:
        ValueError: there are more than points, or one is not on the grid.
    """
    if isinstance(sensors, int):
        if sensors > min(space):
            raise ValueError(
                f"sensors: expected at most {min(space)} along each axis of a grid of shape "
                f"{space}, got {sensors}"
            )
        axes = [((2 * np.arange(sensors) + 1) * length // (2 * sensors)) for length in space]
        grid = np.meshgrid(*axes, indexing="ij")
        return np.asarray(np.ravel_multi_index(tuple(grid), space).ravel())
    for point in sensors:
        if len(point) != len(space) or any(i >= n for i, n in zip(point, space, strict=True)):
            raise ValueError(
                f"sensors: expected points of a grid of shape {space}, each as {len(space)} "
                f"indices from 0, got {list(point)}"
            )
    return np.asarray(np.ravel_multi_index(tuple(np.array(sensors).T), space))
