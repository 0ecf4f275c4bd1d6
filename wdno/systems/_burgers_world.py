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
        intervals, points = system.options.grid_shape()
        super().__init__("burgers", intervals, (len(first), 1, points))
        self._frame: Array = first[:, 0].numpy(force=True).astype(np.float64)
        self._threads = threads
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

    def _advance(self, control: Array) -> None:
        """Go through one interval under f, ``[n, 1, X]``."""
        scheme = self._scheme
        with finite_difference.numba_threads(self._threads):
            forcing = finite_difference.read(control, scheme.to_grid)
            saved = scheme.march(self._fine, forcing, scheme.steps // self._intervals, 1)
            frame = finite_difference.read(saved, scheme.from_grid)
        scheme.check(frame)
        self._frame, self._fine = frame[:, 0], np.ascontiguousarray(saved[:, 0, 1:-1])

    def _save(self) -> dict[str, Array]:
        """Return copies of the state on both grids."""
        return {"fine": self._fine.copy(), "frame": self._frame.copy()}

    def _restore(self, saved: Mapping[str, Array]) -> None:
        """Go back to what was saved."""
        self._fine, self._frame = saved["fine"].copy(), saved["frame"].copy()
