"""Burgers trajectories in progress, interval by interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wdno.controlled import World
from wdno.solvers import finite_difference

if TYPE_CHECKING:
    from wdno.systems.burgers import Burgers

Array = NDArray[np.float64]


class BurgersWorld(World):
    """Trajectories in progress, on the points of the finite differences."""

    def __init__(self, system: Burgers, first: Tensor, threads: int) -> None:
        """Start from initial states ``[n, 1, X]``."""
        self.interval = 0
        self._frame: Array = first[:, 0].numpy(force=True).astype(np.float64)
        self._intervals, self._threads = system.options.grid.time, threads
        nothing = np.zeros((len(first), self._intervals, system.x.size))
        self._scheme = system.scheme(self._frame, nothing, threads)
        with finite_difference.numba_threads(threads):
            self._fine = finite_difference.read(self._frame[:, None], self._scheme.to_grid)[:, 0]

    @property
    def frame(self) -> Tensor:
        """The stored state now, ``[n, 1, X]``."""
        return torch.from_numpy(self._frame[:, None].copy())

    @property
    def series(self) -> Tensor:
        """Nothing, ``[n, 0]``."""
        return torch.zeros(len(self._frame), 0, dtype=torch.float64)

    def advance(self, control: Tensor) -> None:
        """Go through one interval; see :meth:`wdno.controlled.World.advance`."""
        expected = (len(self._frame), 1, self._frame.shape[1])
        if self.interval >= self._intervals:
            raise ValueError(
                f"system 'burgers': all {self._intervals} intervals are done; begin again"
            )
        if tuple(control.shape) != expected:
            raise ValueError(
                f"system 'burgers': expected a control of shape {expected} for one interval, got "
                f"{tuple(control.shape)}"
            )
        f = np.ascontiguousarray(control.numpy(force=True), dtype=np.float64)
        scheme = self._scheme
        with finite_difference.numba_threads(self._threads):
            forcing = finite_difference.read(f, scheme.to_grid)
            saved = scheme.march(self._fine, forcing, scheme.steps // self._intervals, 1)
            frame = finite_difference.read(saved, scheme.from_grid)
        scheme.check(frame)
        self._frame, self._fine = frame[:, 0], np.ascontiguousarray(saved[:, 0, 1:-1])
        self.interval += 1

    def save(self) -> dict[str, Array]:
        """Return copies of the state on both grids and of the number of intervals."""
        done = np.array(float(self.interval))
        return {"fine": self._fine.copy(), "frame": self._frame.copy(), "interval": done}

    def restore(self, saved: Mapping[str, Array]) -> None:
        """Go back to what was saved."""
        self._fine, self._frame = saved["fine"].copy(), saved["frame"].copy()
        self.interval = int(saved["interval"])
