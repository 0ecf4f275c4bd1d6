"""Where the values of one axis are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Nesting = Literal["left", "right", "both", "cells"]
"""What of an axis stays in place where its spacing is halved or doubled.

| nesting | values | stays | counts, coarse and fine |
|---|---|---|---|
| `left` | at points | the first point, as in space | n, 2n |
| `right` | at points | the last one, as of frames after those at the start | n, 2n |
| `both` | at points | the first and the last one, as of frames from the start on | n, 2n - 1 |
| `cells` | means | all that the cells cover | n, 2n |
"""

TOLERANCE = 1e-6
"""Coordinates closer than this share of a spacing are the same."""


class GridError(ValueError):
    """Grids that cannot be coarsened, refined or mapped to each other as asked."""


@dataclass(frozen=True)
class GridAxis:
    """The values of one axis: at evenly spaced points, or means over adjacent cells.

    Attributes:
        first: Coordinate of the first value; of the centre of its cell.
        spacing: From one value to the next; negative where coordinates descend.
        count: Number of values.
        nesting: What stays in place at other spacings; `cells` also says that values are means.
        boundary: `dirichlet` (zero at both of `ends`), `periodic` (with the period count x
            spacing) or `open` (nothing is known beyond the values).
        ends: Where a `dirichlet` axis begins and ends, in the direction of its points; of others
            empty.

    Raises:
        GridError: The values do not make an axis.
    """

    first: float
    spacing: float
    count: int
    nesting: Nesting = "left"
    boundary: str = "open"
    ends: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.count < 1 or not self.spacing or not np.isfinite([self.first, self.spacing]).all():
            raise GridError(f"axis: expected at least one value and a spacing, got {self}")
        if self.boundary not in ("dirichlet", "periodic", "open"):
            raise GridError(f"axis: boundary must be dirichlet, periodic or open, got {self}")
        if self.boundary == "dirichlet" and self.means:
            raise GridError(
                "axis: means over cells with the boundary dirichlet are not supported, as no known "
                "value is among them; store values at points, or call the boundary open"
            )
        if len(self.ends) != (2 if self.boundary == "dirichlet" else 0):
            raise GridError(
                "axis: a dirichlet axis, and no other, needs the two ends at which it is zero, got "
                f"{self}"
            )
        if self.ends and not (
            self.index(self.ends[0]) < TOLERANCE
            and self.index(self.ends[1]) > self.count - 1 - TOLERANCE
        ):
            raise GridError(f"axis: a point is outside of the ends {self.ends}: {self}")

    @classmethod
    def of(
        cls,
        coordinates: ArrayLike,
        nesting: Nesting,
        boundary: str = "open",
        ends: Sequence[float] = (),
    ) -> GridAxis:
        """Return the axis of coordinates `[n]`, n > 1.

        Raises:
            GridError: They are not evenly spaced, to a thousandth of their spacing.
        """
        x = np.asarray(coordinates, dtype=np.float64)
        if x.ndim != 1 or x.size < 2:
            raise GridError(f"axis: expected at least two coordinates, got shape {x.shape}")
        spacing = (x[-1] - x[0]) / (x.size - 1)
        even = x[0] + spacing * np.arange(x.size)
        if not np.isfinite(x).all() or np.abs(x - even).max() > 1e-3 * abs(spacing):
            raise GridError(
                f"axis: coordinates from {x[0]} to {x[-1]} are not evenly spaced; maps between "
                "grids need an even spacing"
            )
        limits = tuple(float(end) for end in ends)
        return cls(float(x[0]), float(spacing), int(x.size), nesting, boundary, limits)

    @property
    def means(self) -> bool:
        """Whether values are means over cells."""
        return self.nesting == "cells"

    @property
    def coordinates(self) -> NDArray[np.float64]:
        """Coordinates of the values, `[count]`."""
        return np.asarray(self.first + self.spacing * np.arange(self.count), dtype=np.float64)

    def index(self, x: float) -> float:
        """Return how many spacings a coordinate is from the first value."""
        return (x - self.first) / self.spacing

    def without(self, values: int) -> GridAxis:
        """Return the axis of the frames that follow so many first ones.

        Raises:
            GridError: This is not an axis of frames with more of them.
        """
        if self.nesting not in ("right", "both") or values >= self.count:
            raise GridError(f"axis: {values} first frames cannot be left out of {self}")
        if not values:
            return self
        first = self.first + values * self.spacing
        return replace(self, first=first, count=self.count - values, nesting="right")

    def coarser(self) -> GridAxis:
        """Return the axis of twice the spacing.

        Raises:
            GridError: The number of values is odd (of `both`: even), or too small.
        """
        odd = self.nesting == "both"
        if self.count % 2 != odd or self.count < 2:
            raise GridError(
                f"axis: {self.count} values cannot be halved; expected an "
                f"{'odd' if odd else 'even'} number above 1 of the nesting {self.nesting!r}"
            )
        shift = {"left": 0.0, "right": 1.0, "both": 0.0, "cells": 0.5}[self.nesting]
        first = self.first + shift * self.spacing
        return replace(self, first=first, spacing=2 * self.spacing, count=(self.count + odd) // 2)

    def finer(self) -> GridAxis:
        """Return the axis of half the spacing, whose coarser one this is."""
        shift = {"left": 0.0, "right": 0.5, "both": 0.0, "cells": 0.25}[self.nesting]
        first = self.first - shift * self.spacing
        count = 2 * self.count - (self.nesting == "both")
        return replace(self, first=first, spacing=self.spacing / 2, count=count)
