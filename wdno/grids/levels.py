"""The axes of what a data file holds, at the level of its own grid and at others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from wdno.grids.axis import GridAxis, GridError

Held = Literal["state", "generated", "forcing", "space", "series", "generated_series"]
"""What a tensor holds along its last dimensions: see :meth:`Grid.axes`."""


@dataclass(frozen=True)
class Grid:
    """Axes of time and space of one level.

    Attributes:
        frames: Times of all frames, the given ones first.
        given: Number of the given frames.
        intervals: Intervals of the forcing, over which it is a mean.
        space: Axes of space.
    """

    frames: GridAxis
    given: int
    intervals: GridAxis
    space: tuple[GridAxis, ...]

    @classmethod
    def of(cls, times: ArrayLike, given: int, space: Sequence[GridAxis]) -> Grid:
        """Return the grid of a data file.

        Args:
            times: Coordinates of all frames, `[g + T]`, evenly spaced.
            given: Number g of given frames, at least one.
            space: Axes of space.

        Raises:
            GridError: No frame is given, or times are not evenly spaced.
        """
        count = int(np.size(times)) - given
        if given < 1 or count < 1:
            raise GridError(
                f"grid: expected given frames and others after them, got {given} and {count}"
            )
        frames = _nested(GridAxis.of(times, "right"))
        first = frames.first + (given - 0.5) * frames.spacing
        intervals = GridAxis(first, frames.spacing, count, "cells")
        return cls(frames, given, intervals, tuple(space))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what is generated, `(T, *space)`."""
        return (self.frames.count - self.given, *(axis.count for axis in self.space))

    def axes(self, of: Held) -> tuple[GridAxis, ...]:
        """Return the axes of the last dimensions of a tensor.

        Args:
            of: `state`, all frames `[..., g + T, *space]`; `generated`, those that follow the given
                ones, `[..., T, *space]`; `forcing`, `[..., T, *space]`; `space`, one frame
                `[..., *space]`; `series` and `generated_series`, `[..., g + T]` and `[..., T]`.
        """
        times: Mapping[str, tuple[GridAxis, ...]] = {
            "state": (self.frames,),
            "series": (self.frames,),
            "generated": (self.frames.without(self.given),),
            "generated_series": (self.frames.without(self.given),),
            "forcing": (self.intervals,),
            "space": (),
        }
        return times[of] if of.endswith("series") else (*times[of], *self.space)

    def coarser(self, *, time: bool) -> Grid:
        """Return the grid of half as many points in space, and in time if that is asked for.

        Raises:
            GridError: A number that is to be halved is odd.
        """
        space = tuple(axis.coarser() for axis in self.space)
        if not time:
            return replace(self, space=space)
        # Intervals are even in number, so the last given frame is among those that stay.
        frames, intervals = _nested(self.frames.coarser()), self.intervals.coarser()
        return Grid(frames, frames.count - intervals.count, intervals, space)

    def finer(self, *, time: bool) -> Grid:
        """Return the grid of twice as many points in space, and in time if that is asked for.

        Raises:
            GridError: Time is to be refined where several frames are given: there is nothing
                between them that could be known.
        """
        space = tuple(axis.finer() for axis in self.space)
        if not time:
            return replace(self, space=space)
        if self.given > 1:
            raise GridError(
                f"grid: with {self.given} given frames, time cannot be refined, as no frame "
                "between them is known; refine space alone"
            )
        frames = replace(self.frames, nesting="both").finer()
        return Grid(frames, 1, self.intervals.finer(), space)


def _nested(frames: GridAxis) -> GridAxis:
    """All frames, as they are halved: from the last one backwards, the first one if it fits."""
    return replace(frames, nesting="both" if frames.count % 2 else "right")
