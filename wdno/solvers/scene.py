"""A scene of flow with obstacles: what is solid, what catches smoke, where the flow is controlled.

A scene is written in cells of its own square grid, row 0 at the bottom, and drawn on any coarser
grid that divides it. Lengths stay those of the scene: on half as many cells a cell is two wide. An
obstacle fills every cell that it touches, so that a wall thinner than a cell stays closed; a bucket
holds the cells whose centre is in it. Imports nothing heavy: options are checked by drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

Rectangle = tuple[int, int, int, int]
"""Row and column of the lower left cell, height and width."""


@dataclass(frozen=True)
class Drawing:
    """A scene on a grid of N x N cells.

    Attributes:
        spacing: Width of a cell, in cells of the scene.
        solid: Cells of obstacles, `[N, N]`.
        bucket: Number of the bucket that a fluid cell belongs to, or -1, `[N, N]`.
        frame: Cells in which the velocity is controlled, `[N, N]`.
    """

    spacing: float
    solid: Mask
    bucket: NDArray[np.int64]
    frame: Mask

    @property
    def cells(self) -> int:
        """Cells along one side, N."""
        return int(self.solid.shape[0])

    def control_faces(self) -> tuple[Mask, Mask]:
        """Return the faces with a controlled velocity, of y `[N + 1, N]` and of x `[N, N + 1]`.

        They are the open ones between two cells of the frame, or between the frame and the outside.
        """
        controlled = _faces_between(self.frame)
        open_faces = self.open_faces()
        return controlled[0] & open_faces[0], controlled[1] & open_faces[1]

    def cells_of_faces(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean of the control faces of each cell, zero where it has none.

        Args:
            values: Values of the control faces `[B, F]`: those of y, then those of x, each in
                row-major order.

        Returns:
            Values (y, x) of cells, `[B, 2, N, N]`.
        """
        y_faces, x_faces = self.control_faces()
        y, x = (np.zeros((len(values), *mask.shape)) for mask in (y_faces, x_faces))
        y[:, y_faces], x[:, x_faces] = np.split(values, [int(y_faces.sum())], axis=1)
        total = np.stack([y[:, :-1] + y[:, 1:], x[:, :, :-1] + x[:, :, 1:]], axis=1)
        sides = (y_faces[:-1], y_faces[1:], x_faces[:, :-1], x_faces[:, 1:])
        low_y, high_y, low_x, high_x = (side.astype(np.int64) for side in sides)
        count = np.stack([low_y + high_y, low_x + high_x])
        return total / np.maximum(count, 1)

    def open_faces(self) -> tuple[Mask, Mask]:
        """Return the faces that no obstacle touches, of y `[N + 1, N]` and of x `[N, N + 1]`."""
        return _faces_between(~self.solid)


@dataclass(frozen=True)
class Scene:
    """Obstacles, buckets and control frame on a square grid.

    Attributes:
        size: Cells along one side.
        frame: Width of the frame in which the velocity is controlled; 0 for none.
        obstacles: Solid rectangles.
        buckets: Rectangles that catch smoke.
    """

    size: int
    frame: int
    obstacles: Sequence[Rectangle] = ()
    buckets: Sequence[Rectangle] = ()

    def draw(self, cells: int) -> Drawing:
        """Draw the scene on a grid.

        Args:
            cells: Cells along one side, a divisor of `size`.

        Raises:
            ValueError: If the grid does not divide the scene, or not the frame; if the frame leaves
                nothing inside; if a rectangle leaves the scene; if a bucket holds no fluid cell; or
                if obstacles close off a pocket of fluid, in which the pressure has no solution.
        """
        if cells < 1 or self.size % cells:
            near = [d for d in range(1, self.size + 1) if self.size % d == 0]
            raise ValueError(
                f"a grid of {cells} cells does not divide the scene of {self.size}; "
                f"it can be {', '.join(map(str, near))}"
            )
        ratio = self.size // cells
        if not 0 <= 2 * self.frame < self.size:
            raise ValueError(
                f"a frame of {self.frame} on both sides is as wide as the domain of {self.size}; "
                f"it must be below {(self.size + 1) // 2}"
            )
        if self.frame % ratio:
            raise ValueError(
                f"a frame of {self.frame} is no whole number of cells on a grid of {cells}, "
                f"whose cells are {ratio} wide"
            )
        solid = np.zeros((cells, cells), dtype=bool)
        for rectangle in self.obstacles:
            row, column, height, width = self._inside(rectangle, "obstacle")
            rows = slice(row // ratio, -(-(row + height) // ratio))
            solid[rows, column // ratio : -(-(column + width) // ratio)] = True
        centre = (np.arange(cells) + 0.5) * ratio
        bucket = np.full((cells, cells), -1)
        for number, rectangle in enumerate(self.buckets):
            row, column, height, width = self._inside(rectangle, "bucket")
            in_rows = (row <= centre) & (centre < row + height)
            in_columns = (column <= centre) & (centre < column + width)
            held = in_rows[:, None] & in_columns & ~solid
            if not held.any():
                raise ValueError(
                    f"bucket {number} at {rectangle} holds no fluid cell on a grid of {cells}"
                )
            if (bucket[held] >= 0).any():
                raise ValueError(f"bucket {number} at {rectangle} overlaps another one")
            bucket[held] = number
        width = self.frame // ratio
        frame = np.ones((cells, cells), dtype=bool)
        frame[width : cells - width, width : cells - width] = False
        pocket = closed_pockets(solid)
        if pocket.any():
            row, column = (int(k) for k in np.argwhere(pocket)[0])
            raise ValueError(
                f"the obstacles close off {int(pocket.sum())} fluid cells on a grid of {cells} "
                f"(first: row {row}, column {column}), where the pressure has no solution; "
                "open the pocket or fill it"
            )
        return Drawing(float(ratio), solid, bucket, frame)

    def _inside(self, rectangle: Rectangle, what: str) -> Rectangle:
        row, column, height, width = rectangle
        if (
            min(row, column) < 0
            or min(height, width) < 1
            or max(row + height, column + width) > (self.size)
        ):
            raise ValueError(
                f"{what} {tuple(rectangle)} (row, column, height, width) is not inside the scene "
                f"of {self.size} x {self.size}"
            )
        return row, column, height, width


def closed_pockets(solid: Mask) -> Mask:
    """Return the fluid cells that no open path joins to the outside, `[N, N]`."""
    reached = np.zeros_like(solid)
    reached[[0, -1]] = reached[:, [0, -1]] = True
    reached &= ~solid
    count = -1
    while count != (count := int(reached.sum())):
        for _ in range(16):
            grown = reached.copy()
            grown[1:] |= reached[:-1]
            grown[:-1] |= reached[1:]
            grown[:, 1:] |= reached[:, :-1]
            grown[:, :-1] |= reached[:, 1:]
            reached = grown & ~solid
    return ~solid & ~reached


def _faces_between(cells: Mask) -> tuple[Mask, Mask]:
    """Faces all of whose cells are in the set; beyond the domain, everything is."""
    padded = np.pad(cells, 1, constant_values=True)
    return (
        padded[:-1, 1:-1] & padded[1:, 1:-1],
        padded[1:-1, :-1] & padded[1:-1, 1:],
    )


WDNO_SIZE = 128
WDNO_FRAME = 16
WDNO_OBSTACLES: tuple[Rectangle, ...] = (
    (16, 16, 1, 96),
    (16, 16, 8, 1),
    (16, 112, 8, 1),
    (40, 16, 16, 1),
    (40, 112, 16, 1),
    (72, 16, 40, 1),
    (72, 112, 40, 1),
    (112, 16, 1, 8),
    (112, 40, 1, 16),
    (112, 72, 1, 16),
    (112, 104, 1, 8),
    (64, 48, 16, 1),
    (96, 48, 16, 1),
    (64, 80, 16, 1),
    (96, 80, 16, 1),
    (40, 40, 1, 48),
)
WDNO_BUCKETS: tuple[Rectangle, ...] = (
    (112, 22, 15, 20),
    (112, 54, 15, 20),
    (112, 86, 15, 20),
    (22, 0, 20, 16),
    (54, 0, 20, 16),
    (22, 112, 20, 15),
    (54, 112, 20, 15),
)
WDNO_TARGET = 1
"""The scene of WDNO's smoke data (arXiv 2412.04833) and its target bucket."""
