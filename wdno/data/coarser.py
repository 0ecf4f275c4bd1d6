"""Grids below that of a data file, and what the file holds, restricted to them by coordinates."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch

from wdno.data.dataset import ProblemData
from wdno.data.netcdf import DataError
from wdno.grids.axis import GridError
from wdno.grids.maps import restrict

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.grids.levels import Grid

Role = Literal["state", "forcing", "series"]
ROLES = get_args(Role)


def levels_below(finest: Grid, count: int, time: bool) -> list[Grid]:
    """Return a grid and so many that are each half of the one before.

    Raises:
        DataError: it cannot be halved so often.
    """
    grids = [finest]
    try:
        for _ in range(count):
            grids.append(grids[-1].coarser(time=time))
    except GridError as error:
        raise DataError(
            f"data: the grid {finest.shape} cannot be halved {count} times ({error}); "
            "choose a grid of even numbers, or halve it less often"
        ) from error
    return grids


def restricted(
    stored: Mapping[str, Tensor], finest: Grid, grid: Grid, roles: Sequence[Role] = ROLES
) -> dict[str, Tensor]:
    """Return the roles of a data file on a coarser grid, or the same; absent ones are left out.

    Args:
        stored: `state`, `forcing` and `series`, with all frames.
        finest: their grid.
        grid: a coarser one, or the same.
        roles: those that are wanted.
    """
    return {
        name: restrict(stored[name], finest.axes(name), grid.axes(name))
        for name in roles
        if name in stored and stored[name].shape[1]
    }


class GroupedData(ProblemData):
    """Samples in groups, numbered through, of which a batch is of one; subclasses read a group."""

    def __len__(self) -> int:
        return sum(self.groups)

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        """Read samples of one group; see :meth:`ProblemData.batch`.

        Raises:
            ValueError: they are of several groups.
            DataError: a value is not finite; the message names field and sample.
        """
        indices = np.asarray(indices, dtype=np.int64)
        ends = np.cumsum(self.groups)
        found = np.unique(np.searchsorted(ends, indices, side="right"))
        if len(found) > 1:
            raise ValueError(f"data: a batch has samples of the levels {found}")
        group = int(found[0])
        samples = indices - (ends[group] - self.groups[group])
        return self._of_group(group, samples) | {"index": torch.from_numpy(indices)}

    @abstractmethod
    def _of_group(self, group: int, samples: np.ndarray) -> dict[str, Tensor]:
        """Read samples of a group, by their numbers in it."""
