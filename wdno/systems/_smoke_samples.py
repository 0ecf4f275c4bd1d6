"""What of a smoke trajectory in progress becomes a sample of a data file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from wdno.solvers.incompressible_compiled import Batch
    from wdno.systems.smoke import Smoke

Arrays = Mapping[str, NDArray[np.float32]]


def empty_samples(smoke: Smoke, count: int) -> dict[str, NDArray[np.float32]]:
    """Return arrays for so many samples: the fields, `divergence` and `smoke_lost`."""
    t, y, x = smoke.options.grid_shape()
    of_role: dict[str, tuple[int, ...]]
    of_role = {"state": (count, t + 1, y, x), "forcing": (count, t, y, x)}
    of_role |= {"series": (count, t + 1), "diagnostic": (count, t + 1)}
    shapes: dict[str, tuple[int, ...]] = {f.name: of_role[f.role] for f in smoke.fields}
    shapes |= {"divergence": (count,), "smoke_lost": (count,)}
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def amount(smoke: Smoke, batch: Batch) -> NDArray[np.float64]:
    """Return the smoke that is in the domain now, `[n]`."""
    found: NDArray[np.float64] = batch.smoke.sum(axis=(1, 2)) * smoke.drawing.spacing**2
    return found


def store_frame(smoke: Smoke, batch: Batch, frame: int, out: Arrays) -> None:
    """Write state, share and shares of the buckets of a batch as a frame of its samples."""
    velocity = smoke.stored(batch.velocity)
    out["density"][:, frame] = smoke.stored(batch.smoke)
    out["velocity_y"][:, frame] = velocity[:, 0]
    out["velocity_x"][:, frame] = velocity[:, 1]
    shares = smoke.shares(batch.smoke, batch.tallies)
    out["share"][:, frame] = shares[:, smoke.options.scene.target]
    for bucket, share in enumerate(shares.T):
        out[f"share_{bucket}"][:, frame] = share


def store_end(smoke: Smoke, batch: Batch, start: NDArray[np.float64], out: Arrays) -> None:
    """Write what is known at the end; `start` is the amount of smoke at the start, `[n]`."""
    kept = amount(smoke, batch) + batch.tallies.sum(axis=1)
    out["smoke_lost"][:] = 1 - kept / start
    out["divergence"][:] = batch.divergence
