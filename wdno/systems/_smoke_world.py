"""Smoke trajectories in progress, interval by interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wdno.controlled import World

if TYPE_CHECKING:
    from wdno.systems.smoke import Smoke

Array = NDArray[np.float64]
PARTS = ("smoke", "velocity_y", "velocity_x", "tallies")


class SmokeWorld(World):
    """Trajectories in progress, on the cells of the solver."""

    def __init__(self, system: Smoke, first: Tensor, threads: int) -> None:
        """Start from the density of initial states ``[n, 3, Y, X]``."""
        self.interval = 0
        self._system = system
        self._intervals = system.options.grid.time
        self._hold = system.options.steps // self._intervals
        self._batch = system.batch(first[:, 0].numpy(force=True), threads)
        area = system.drawing.spacing**2
        self._start = torch.from_numpy(self._batch.smoke).sum(-1).sum(-1) * area

    @property
    def frame(self) -> Tensor:
        """The stored state now, ``[n, 3, Y, X]``."""
        stored = self._system.stored
        parts = (stored(self._batch.smoke)[:, None], stored(self._batch.velocity))
        return torch.from_numpy(np.concatenate(parts, axis=1))

    @property
    def series(self) -> Tensor:
        """The share now, ``[n, 1]``."""
        # By PyTorch, as of a whole run: sums of numpy differ in the last bit.
        parts = (self._batch.smoke, self._batch.tallies)
        shares: Tensor = self._system.shares(*(torch.from_numpy(part) for part in parts))
        return shares[:, self._target, None]

    @property
    def facts(self) -> dict[str, Tensor]:
        """`caught`: what the target has caught so far, over the smoke at the start, ``[n]``."""
        return {"caught": torch.from_numpy(self._batch.tallies[:, self._target]) / self._start}

    @property
    def _target(self) -> int:
        return self._system.options.scene.target

    def advance(self, control: Tensor) -> None:
        """Go through one interval; see :meth:`wdno.controlled.World.advance`."""
        y, x = self._system.options.grid_shape()[1:]
        expected = (self._batch.size, 2, y, x)
        if self.interval >= self._intervals:
            raise ValueError(
                f"system 'smoke': all {self._intervals} intervals are done; begin again"
            )
        if tuple(control.shape) != expected:
            raise ValueError(
                f"system 'smoke': expected a control of shape {expected} for one interval, got "
                f"{tuple(control.shape)}"
            )
        force = self._system.force(control.double().numpy(force=True)[:, None])
        overwrite = np.ones((self._batch.size, 1), dtype=bool)
        self._batch.advance(force, overwrite, self._hold)
        self.interval += 1

    def save(self) -> dict[str, Array]:
        """Return copies of smoke, velocity, tallies and the number of intervals."""
        kept = dict(zip(PARTS, self._batch.state(), strict=True))
        return {**kept, "interval": np.array(float(self.interval))}

    def restore(self, saved: Mapping[str, Array]) -> None:
        """Go back to what was saved."""
        smoke, v, u, tallies = (saved[name] for name in PARTS)
        self._batch.set_state((smoke, v, u, tallies))
        self.interval = int(saved["interval"])
