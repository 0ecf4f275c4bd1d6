"""Trajectories on a grid that is halved, and the samples of several such grids together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from wdno.data.coarser import GroupedData, levels_below, restricted
from wdno.data.dataset import ProblemData, Trajectories
from wdno.data.grid import grid_of
from wdno.data.netcdf import DataError

if TYPE_CHECKING:
    from torch import Tensor


class HalvedTrajectories(Trajectories):
    """The samples of a data set, restricted to its grid halved in time and space.

    Points are picked and cells averaged, by coordinates (:func:`wdno.grids.maps.restrict`). It
    offers what the trajectories of a file do; the data set is that of the stored ones.

    Attributes:
        stored: the samples as they are stored.
        halvings: how often the grid is halved.
    """

    def __init__(self, stored: Trajectories, halvings: int) -> None:
        """Restrict trajectories.

        Args:
            stored: the samples as they are stored.
            halvings: how often the grid is halved.

        Raises:
            DataError: the grid cannot be halved so often, or several frames are given, of which
                a halved grid would have fewer.
        """
        layout = stored.layout
        self.stored, self.halvings = stored, halvings
        self._grids = levels_below(grid_of(stored.dataset), halvings, time=True)
        finest, grid = self._grids[0], self._grids[-1]
        if grid.given != layout.given_frames:
            raise DataError(
                f"data file {stored.path}: {layout.given_frames} frames are given, of which the "
                f"grid halved {halvings} times has {grid.given}, so that it makes another problem; "
                "halve the grid of a system with one given frame"
            )
        axes = grid.axes("state")
        space = [str(name) for name in stored.dataset[layout.state[0]].dims[2:]]
        self.path, self._dataset = stored.path, stored.dataset
        self.coordinates = dict(stored.coordinates)
        for name, old, new in zip(["time", *space], finest.axes("state"), axes, strict=True):
            kept = stored.coordinates[name]
            self.coordinates[name] = new.coordinates.astype(kept.dtype) if new != old else kept
        ends = [float(self.coordinates[name][end]) for name in ("time", *space) for end in (0, -1)]
        self.layout = replace(layout, grid=grid.shape, extent=tuple(ends))
        self.in_memory, self.reference_times = stored.in_memory, stored.reference_times

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def nbytes(self) -> int:
        """Size of all samples as they are stored, which is what is read."""
        return self.stored.nbytes

    @property
    def attributes(self) -> dict[str, str | int]:
        """Attributes of the stored ones, and how often their grid is halved."""
        return {**self.stored.attributes, "halvings": self.halvings}

    @property
    def provenance(self) -> dict[str, Any]:
        """Provenance of the stored ones."""
        return self.stored.provenance

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        """Read samples on the halved grid; see :meth:`Trajectories.batch`."""
        read = self.stored.batch(indices)
        found = {**read, **restricted(read, self._grids[0], self._grids[-1])}
        if not found["forcing"].shape[1]:
            found["forcing"] = found["forcing"].new_zeros(len(indices), 0, *self.layout.grid)
        return found


class HalvedData(GroupedData):
    """The samples of a data file on several grids, a group and so a batch being of one of them.

    A batch has the number of halvings of its grid as `grid_level`.

    Attributes:
        halvings: how often the grid of each group is halved.
    """

    def __init__(
        self,
        trajectories: Trajectories,
        halvings: Sequence[int],
        opened: Callable[[Trajectories], ProblemData],
    ) -> None:
        """Of a data file.

        Args:
            trajectories: the samples as they are stored.
            halvings: how often to halve the grid, for each group.
            opened: makes samples of a problem.

        Raises:
            DataError: as :class:`HalvedTrajectories`.
        """
        whole = opened(trajectories).problem
        doubled = tuple(True for _ in whole.grid)
        # One set of scales for all grids: what the network sees must mean the same on each.
        super().__init__(trajectories, replace(whole, levels=1, doubled=doubled), dict)
        self.halvings = tuple(halvings)
        self._levels = [
            opened(HalvedTrajectories(trajectories, times) if times else trajectories)
            for times in halvings
        ]

    @property
    def groups(self) -> tuple[int, ...]:
        """How many samples each grid has."""
        return tuple(len(level) for level in self._levels)

    def _of_group(self, group: int, samples: np.ndarray) -> dict[str, Tensor]:
        level = torch.full((len(samples),), self.halvings[group])
        return self._levels[group].batch(samples) | {"grid_level": level}
