"""The scene of the smoke system as static variables of its data files."""

from __future__ import annotations

import numpy as np

from wdno.solvers.scene import Drawing
from wdno.systems.base import Static

DIMS = ("scene_y", "scene_x")


def static(drawing: Drawing, target: int) -> tuple[Static, ...]:
    """Return obstacles, buckets, control frame and the coordinates of their cells.

    Args:
        drawing: The scene on the solver's grid of N x N cells.
        target: Number of the target bucket.

    Returns:
        `scene_y` and `scene_x` `[N]`, centres in the units of the stored grid's; `obstacle`,
        `bucket` and `control_frame` `[N, N]`, int8.
    """
    centres = (np.arange(drawing.cells) + 0.5) * drawing.spacing
    numbers = np.unique(np.append(drawing.bucket, -1)).astype(np.int8)
    meanings = ["none", *(f"bucket_{number}" for number in numbers[1:])]
    return (
        *(
            Static(dim, (dim,), centres, "1", f"position {dim[-1]} of the scene's cells")
            for dim in DIMS
        ),
        Static(
            "obstacle",
            DIMS,
            drawing.solid.astype(np.int8),
            "1",
            "where obstacles are",
            {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "fluid obstacle"},
        ),
        Static(
            "bucket",
            DIMS,
            drawing.bucket.astype(np.int8),
            "1",
            "number of the bucket that catches the smoke",
            {
                "flag_values": numbers,
                "flag_meanings": " ".join(meanings),
                "target": np.int8(target),
            },
        ),
        Static(
            "control_frame",
            DIMS,
            drawing.frame.astype(np.int8),
            "1",
            "where the velocity is controlled",
            {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "free controlled"},
        ),
    )
