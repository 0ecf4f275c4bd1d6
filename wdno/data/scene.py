"""The map of a scene, as data files and records of evaluations hold it: see `System.static`.

The geometry that it is drawn from is :class:`wdno.solvers.scene.Scene`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SceneMap:
    """Obstacles, buckets and control frame on a grid of their own.

    Attributes:
        y: centres of the cells along the first spatial axis, `[Y]`.
        x: centres of the cells along the second one, `[X]`.
        obstacle: cells of obstacles, `[Y, X]`.
        bucket: number of the bucket that a cell belongs to, or -1, `[Y, X]`.
        control_frame: cells in which the velocity is controlled, `[Y, X]`.
        target: number of the bucket that smoke should reach; None: none of them.
    """

    y: NDArray[np.floating]
    x: NDArray[np.floating]
    obstacle: Mask
    bucket: NDArray[np.integer]
    control_frame: Mask
    target: int | None = None

    @property
    def buckets(self) -> list[int]:
        """Numbers of the buckets, the target last, so that it is drawn above the others."""
        numbers = np.unique(self.bucket[self.bucket >= 0]).tolist()
        return sorted(map(int, numbers), key=lambda number: (number == self.target, number))

    def free(self, shape: tuple[int, ...]) -> Mask:
        """Return the cells of a coarser grid with neither obstacle nor control, `shape`.

        Raises:
            ValueError: the grid does not divide the scene's.
        """
        y, x = shape
        if len(self.y) % y or len(self.x) % x:
            raise ValueError(
                f"a grid of {y} x {x} cells does not divide the scene of {len(self.y)} x "
                f"{len(self.x)}: the data file is not of one system"
            )
        blocked = (self.obstacle | self.control_frame).reshape(
            y, len(self.y) // y, x, len(self.x) // x
        )
        return ~np.asarray(blocked.any(axis=(1, 3)))

    @classmethod
    def from_dataset(cls, dataset: xr.Dataset) -> SceneMap | None:
        """Read the scene of a data file, or of a record of an evaluation; None: it has none."""
        names = ("obstacle", "bucket", "control_frame")
        if any(dataset[n].attrs.get("role") != "static" if n in dataset else True for n in names):
            return None
        obstacle, bucket, frame = (dataset[name] for name in names)
        y, x = (dataset[dim].to_numpy() for dim in bucket.dims)
        target = bucket.attrs.get("target")
        return cls(
            y,
            x,
            obstacle.to_numpy().astype(bool),
            bucket.to_numpy(),
            frame.to_numpy().astype(bool),
            None if target is None else int(target),
        )

    def to_variables(self) -> dict[str, Any]:
        """Return variables and coordinates for :class:`xarray.Dataset`, as in a data file."""
        dims = ("scene_y", "scene_x")
        target = {} if self.target is None else {"target": np.int8(self.target)}
        return {
            "scene_y": ("scene_y", self.y),
            "scene_x": ("scene_x", self.x),
            "obstacle": (dims, self.obstacle.astype(np.int8), {"role": "static"}),
            "bucket": (dims, self.bucket.astype(np.int8), {"role": "static", **target}),
            "control_frame": (dims, self.control_frame.astype(np.int8), {"role": "static"}),
        }
