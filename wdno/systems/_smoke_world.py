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
        intervals, *space = system.options.grid_shape()
        super().__init__("smoke", intervals, (len(first), 2, *space))
        self._system = system
        self._hold = system.options.steps // intervals
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

    def _advance(self, control: Array) -> None:
        """Go through one interval under a velocity (y, x) in the frame, ``[n, 2, Y, X]``."""
        force = self._system.force(control[:, None])
        overwrite = np.ones((self._batch.size, 1), dtype=bool)
        self._batch.advance(force, overwrite, self._hold)

    def _save(self) -> dict[str, Array]:
        """Return copies of smoke, velocity and tallies."""
        return dict(zip(PARTS, self._batch.state(), strict=True))

    def _restore(self, saved: Mapping[str, Array]) -> None:
        """Go back to what was saved."""
        smoke, v, u, tallies = (saved[name] for name in PARTS)
        self._batch.set_state((smoke, v, u, tallies))
