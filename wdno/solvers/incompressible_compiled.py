"""Incompressible flow with obstacles and smoke by compiled steps on a CPU; no gradients.

The same scheme as `wdno.solvers.incompressible.simulate`, and the same numbers to rounding.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from wdno.solvers.incompressible import Flow, SmokeRun, at_centres, schedule
from wdno.solvers.incompressible_kernels import LANES, advance
from wdno.solvers.pressure import factorise

Array = NDArray[np.float64]


class StepConstants(NamedTuple):
    """What the compiled steps are told.

    Attributes:
        faces_y: Flat indices of the control faces of y.
        faces_x: Those of x.
        bucket: Number of the bucket of each cell, or -1, `[N, N]`.
        distance: Cells to the nearest obstacle, `[N, N]`.
        ratio: dt / h.
        diffusion: Viscosity dt / h^2.
        advected: Whether the velocity is advected.
        removed: Whether smoke is removed where it was tallied.
        area: Area of a cell.
    """

    faces_y: NDArray[np.int64]
    faces_x: NDArray[np.int64]
    bucket: NDArray[np.int64]
    distance: Array
    ratio: float
    diffusion: float
    advected: bool
    removed: bool
    area: float


class Batch:
    """Trajectories that are stepped together; each is the same in every batch, to the last bit.

    Attributes:
        size: Trajectories B.
        faces: Control faces F.
    """

    def __init__(
        self,
        flow: Flow,
        smoke: ArrayLike,
        velocity_y: ArrayLike,
        velocity_x: ArrayLike,
        *,
        remove: bool = True,
        threads: int = 1,
    ) -> None:
        """Set up the start.

        Args:
            flow: The scene, and how the velocity moves.
            smoke: Density `[B, N, N]`.
            velocity_y: Velocity through the faces of y, `[B, N + 1, N]`.
            velocity_x: The same of x, `[B, N, N + 1]`.
            remove: Whether smoke is removed where it was tallied.
            threads: Processor threads; never more than numba has started.
        """
        drawing = flow.drawing
        n = drawing.cells
        self.size = len(np.asarray(smoke))
        self._flow, self._threads = flow, threads
        self._smoke = self._whole(smoke, (n, n)) * ~drawing.solid
        self._v = self._whole(velocity_y, (n + 1, n))
        self._u = self._whole(velocity_x, (n, n + 1))
        self._tallies = np.zeros((len(self._smoke), drawing.bucket.max() + 1))
        faces_y, faces_x = (np.flatnonzero(mask) for mask in drawing.control_faces())
        self.faces = len(faces_y) + len(faces_x)
        self._worst = np.zeros(len(self._smoke))
        self._problem = StepConstants(
            faces_y,
            faces_x,
            drawing.bucket,
            flow.distance,
            flow.ratio,
            flow.diffusion,
            flow.dynamics == "navier_stokes",
            remove,
            drawing.spacing**2,
        )
        self._factor = factorise(drawing.solid)

    def _whole(self, values: ArrayLike, shape: tuple[int, ...]) -> Array:
        """Copies values of the batch, with zeros up to whole groups."""
        values = np.asarray(values)
        if values.shape != (self.size, *shape):
            raise ValueError(f"expected shape {(self.size, *shape)}, got {values.shape}")
        whole = np.zeros((-(-self.size // LANES) * LANES, *shape))
        whole[: self.size] = values
        return whole

    def advance(self, force: Array, overwrite: NDArray[np.bool_], hold: int) -> Array:
        """Take `hold` steps under each of S controls.

        Args:
            force: Velocities of the control faces, `[B, S, F]`.
            overwrite: Whether they replace the velocity there, or are added to it, `[B, S]`.
            hold: Steps under each.

        Returns:
            The mean of the velocity imposed on the control faces, `[B, F]`.
        """
        whole = self._whole(force, force.shape[1:])
        flags = self._whole(overwrite, overwrite.shape[1:]) > 0
        imposed = np.zeros((len(whole), self.faces))
        most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        before = numba.get_num_threads()
        numba.set_num_threads(min(self._threads, most))
        try:
            advance(
                self._smoke,
                self._v,
                self._u,
                self._tallies,
                whole,
                flags,
                hold,
                imposed,
                self._worst,
                self._problem,
                self._factor,
            )
        finally:
            numba.set_num_threads(before)
        mean: Array = imposed[: self.size] / (force.shape[1] * hold)
        return mean

    @property
    def constants(self) -> tuple[StepConstants, Any]:
        """What compiled steps are told: the problem, and the pressure matrix."""
        return self._problem, self._factor

    def state(self) -> tuple[Array, Array, Array, Array]:
        """Return copies of smoke, velocity on faces and tallies, in whole groups."""
        return self._smoke.copy(), self._v.copy(), self._u.copy(), self._tallies.copy()

    def set_state(self, state: tuple[Array, Array, Array, Array]) -> None:
        """Go back to what :meth:`state` returned."""
        self._smoke, self._v, self._u, self._tallies = (part.copy() for part in state)

    @property
    def smoke(self) -> Array:
        """Density, `[B, N, N]`."""
        return self._smoke[: self.size]

    @property
    def velocity(self) -> Array:
        """Velocity (y, x) at cell centres, `[B, 2, N, N]`."""
        return np.stack(at_centres(self._v[: self.size], self._u[: self.size]), axis=1)

    @property
    def velocity_faces(self) -> tuple[Array, Array]:
        """Velocity through the faces of y and of x, `[B, N + 1, N]` and `[B, N, N + 1]`."""
        return self._v[: self.size], self._u[: self.size]

    @property
    def tallies(self) -> Array:
        """Smoke caught by each bucket so far, `[B, buckets]`."""
        return self._tallies[: self.size]

    @property
    def divergence(self) -> Array:
        """Largest |divergence| of any fluid cell at any step so far, `[B]`."""
        return self._worst[: self.size] / self._flow.drawing.spacing


def simulate_compiled(
    flow: Flow,
    smoke: ArrayLike,
    velocity_y: ArrayLike,
    velocity_x: ArrayLike,
    control: ArrayLike,
    *,
    steps: int,
    frames: int,
    remove: bool = True,
    threads: int = 1,
) -> SmokeRun:
    """Simulate a batch of trajectories in float64; see `wdno.solvers.incompressible.simulate`.

    Args:
        flow: The scene, and how the velocity moves.
        smoke: Density at the start, `[B, N, N]`.
        velocity_y: Velocity through the faces of y at the start, `[B, N + 1, N]`.
        velocity_x: The same of x, `[B, N, N + 1]`.
        control: Velocity (y, x) imposed in the frame, `[B, K, 2, N, N]`.
        steps: Steps in all, a multiple of K and of `frames`.
        frames: Equally spaced times after the start that are returned.
        remove: Whether smoke is removed where it was tallied.
        threads: Processor threads.

    Raises:
        ValueError: If shapes or steps do not fit, or a control is not finite.
    """
    force = flow.control_on_faces(torch.as_tensor(np.asarray(control, dtype=np.float64))).numpy()
    segments, per_control, per_frame = schedule(steps, force.shape[1], frames)
    batch = Batch(flow, smoke, velocity_y, velocity_x, remove=remove, threads=threads)
    overwrite = np.ones((batch.size, 1), dtype=bool)
    kept = [(batch.smoke.copy(), batch.velocity, batch.tallies.copy())]
    for segment in range(segments):
        k = segment // per_control
        batch.advance(force[:, k : k + 1], overwrite, steps // segments)
        if (segment + 1) % per_frame == 0:
            kept.append((batch.smoke.copy(), batch.velocity, batch.tallies.copy()))
    density, velocity, tallies = (np.stack(part, axis=1) for part in zip(*kept, strict=True))
    return SmokeRun(density, velocity, tallies, *batch.velocity_faces)
