r"""Smoke in a two-dimensional flow around obstacles, steered to a bucket from a frame.

$$ u_t + u \cdot \nabla u = -\nabla p + \nu \Delta u, \quad \nabla \cdot u = 0, \qquad
   d_t + u \cdot \nabla d = 0, $$

on a square that is open on all sides, with the scene, the starts and the controls of WDNO's data
(arXiv 2412.04833; `wdno.solvers.scene`, `wdno.systems._smoke_draw`). The control is the velocity
itself in the frame along the border, so the flow inside is steered indirectly. With `dynamics:
projection`, those of its program, velocity is neither advected nor viscous.

Buckets catch smoke: it is added to the bucket's tally and removed, so counted once. The share of
the target is its tally over all smoke tallied or still in the domain; control is to raise it. The
program's evaluator leaves the smoke in the buckets and tallies it again at every step;
`share_counted_every_step` does the same, only to compare with published numbers.

The stored grid is a view of the solver's: frames are picked, and cells averaged, which keeps the
amount of smoke. The stored control of an interval is the mean of what its steps imposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wdno.solvers.scene import WDNO_SIZE
from wdno.systems import base
from wdno.systems._smoke_control import SmokeControl
from wdno.systems._smoke_draw import SmokeDraw
from wdno.systems._smoke_grids import means, repeated, spread
from wdno.systems._smoke_options import T_END, SmokeOptions
from wdno.systems._smoke_samples import amount, empty_samples, store_end, store_frame
from wdno.systems._smoke_static import static
from wdno.systems.base import SEED, Axis, Field, PerSample, Static

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.solvers.incompressible import Flow, SmokeRun
    from wdno.solvers.incompressible_compiled import Batch

Array = NDArray[np.float64]

INITIAL_VELOCITY = (0.2, 0.0)
"""Velocity (y, x) at the start, everywhere."""


FIELDS = (
    Field("density", "state", "1", "density of smoke"),
    Field("velocity_y", "state", "1", "velocity in y"),
    Field("velocity_x", "state", "1", "velocity in x"),
    Field("control_y", "forcing", "1", "controlled velocity in y"),
    Field("control_x", "forcing", "1", "controlled velocity in x"),
    Field("share", "series", "1", "share of the smoke that the target has caught"),
)
"""Fields of every scene, before the shares of its buckets."""


class Trajectory(NamedTuple):
    """Trajectories on the stored grid: arrays of numpy, or tensors.

    Attributes:
        density: Density of smoke, `[n, T + 1, Y, X]`.
        velocity: Velocity (y, x), `[n, T + 1, 2, Y, X]`.
        tallies: Smoke caught by each bucket so far, `[n, T + 1, buckets]`.
        share: Share of the target in all smoke tallied or still in the domain, `[n, T + 1]`.
    """

    density: Any
    velocity: Any
    tallies: Any
    share: Any


class Smoke(base.EquationSystem, SmokeControl):
    """The smoke system: state density and velocity, forcing the control, series what is caught."""

    name: ClassVar[str] = "smoke"
    title = "Smoke"
    axes = (
        Axis("y", "open", "1", "position y", cells=True),
        Axis("x", "open", "1", "position x", cells=True),
    )
    attributes = MappingProxyType(
        {"divergence_free": "velocity_y velocity_x", "mass_density": "density"}
    )
    per_sample = (
        SEED,
        PerSample("divergence", "1", "largest divergence of any step and cell", diagnostic=True),
        PerSample(
            "smoke_lost",
            "1",
            "share of smoke lost to the outside and to advection",
            diagnostic=True,
        ),
    )

    def __init__(self, options: SmokeOptions | None = None) -> None:
        """Set up the system.

        Args:
            options: Its options; the defaults if left out.
        """
        self.options = options or SmokeOptions()
        self.drawing = self.options.scene.build().draw(self.options.cells)
        buckets = range(len(self.options.scene.buckets))
        self.fields = (
            *FIELDS,
            *(Field(f"share_{b}", "diagnostic", "1", f"share of bucket {b}") for b in buckets),
        )

    def coordinates(self) -> dict[str, Array]:
        """Return `time` [T + 1], `interval` [T], `interval_bounds` [T, 2], `y` [Y] and `x` [X]."""
        time: Array = np.linspace(0.0, T_END, self.options.grid.time + 1)
        cells = self.options.grid.cells
        edges: Array = np.linspace(0.0, WDNO_SIZE, cells + 1)
        centres = (edges[:-1] + edges[1:]) / 2
        bounds = np.stack([time[:-1], time[1:]], axis=1)
        return {
            "time": time,
            "interval": bounds.mean(axis=1),
            "interval_bounds": bounds,
            "y": centres,
            "x": centres.copy(),
        }

    def static(self) -> tuple[Static, ...]:
        """Return the scene on the solver's grid, where thin walls are thin."""
        return static(self.drawing, self.options.scene.target)

    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, NDArray[np.float32]]:
        """Draw and solve one trajectory for each seed, the same to the last bit in every batch.

        Args:
            seeds: One seed per trajectory.
            threads: Processor threads of the solver.

        Returns:
            The fields by name, and `divergence` and `smoke_lost` `[n]`, all float32.
        """
        n = len(seeds)
        arrays = empty_samples(self, n)
        # The noise of one trajectory takes megabytes at the solver's resolution.
        batch = 8 * threads
        for first in range(0, n, batch):
            part = slice(first, first + batch)
            draws = [SmokeDraw.from_seed(int(seed)) for seed in seeds[part]]
            self._generate(draws, {name: array[part] for name, array in arrays.items()}, threads)
        return arrays

    def _generate(
        self, draws: list[SmokeDraw], out: dict[str, NDArray[np.float32]], threads: int
    ) -> None:
        """Solves one batch and fills its part of the arrays."""
        from wdno.solvers.incompressible_compiled import Batch

        options, drawing = self.options, self.drawing
        density = np.stack([draw.density(options.cells, drawing.spacing) for draw in draws])
        batch = Batch(self._flow(), density, *self._start(len(draws)), threads=threads)
        start = amount(self, batch)
        legs = [draw.leg_of_step(options.steps) for draw in draws]
        first = [np.diff(leg, prepend=-1) != 0 for leg in legs]
        y_faces, x_faces = drawing.control_faces()
        faces = (int(y_faces.sum()), int(x_faces.sum()))
        hold, step = options.steps // options.grid.time, T_END / options.steps
        for frame in range(options.grid.time + 1):
            if frame:
                now = slice((frame - 1) * hold, frame * hold)
                force = [
                    draw.control(leg[now], new[now], faces, drawing.spacing, T_END, step)
                    for draw, leg, new in zip(draws, legs, first, strict=True)
                ]
                overwrite = np.stack([new[now] for new in first])
                imposed = batch.advance(np.stack(force), overwrite, 1)
                control = self.stored(drawing.cells_of_faces(imposed))
                out["control_y"][:, frame - 1] = control[:, 0]
                out["control_x"][:, frame - 1] = control[:, 1]
            store_frame(self, batch, frame, out)
        store_end(self, batch, start, out)

    def solve(self, density: ArrayLike, control: ArrayLike, *, threads: int = 1) -> Trajectory:
        """Simulate given starts under given controls on the stored grid.

        Args:
            density: Smoke at the start, `[n, Y, X]`, on the stored grid or any that divides the
                solver's; a cell's smoke is spread over its cells that are no obstacle.
            control: Velocity (y, x) in the frame on each of K equal intervals, `[n, K, 2, Y, X]`;
                each value is held for the interval and over its cell. What is outside the frame is
                not looked at.
            threads: Processor threads.

        Returns:
            The trajectories, float64; smoke in buckets is counted once.

        Raises:
            ValueError: If shapes do not fit, or a control is not finite.
        """
        return self._trajectory(self.simulate(density, control, threads, remove=True))

    def share_counted_every_step(
        self, density: ArrayLike, control: ArrayLike, *, threads: int = 1
    ) -> Array:
        """Return the share `[n, T + 1]` as the reference program's evaluator has it.

        Smoke stays in the buckets, and is tallied again at every step. Only for comparison with
        published numbers, which are of this kind; arguments as in `solve`.
        """
        run = self.simulate(density, control, threads, remove=False)
        shares: Array = self.shares(run.smoke, run.tallies)
        return shares[..., self.options.scene.target]

    def solve_differentiable(self, density: Tensor, control: Tensor) -> Trajectory:
        """Simulate as `solve` does, differentiably, on the device of `density`, in float64."""
        return self._trajectory(self._by_graph(density, control))

    def simulate_differentiable(self, density: Tensor, control: Tensor, threads: int) -> SmokeRun:
        """Return a run with gradients: by the adjoint, or with an advected velocity by the graph.

        The adjoint gives those with respect to the control alone. Arguments as in `solve`.
        """
        if self.options.dynamics != "projection":
            return self._by_graph(density, control)
        from wdno.solvers.incompressible_adjoint import simulate_differentiable

        smoke, force = self._on_solver_grid(density, control)
        steps, frames = self.options.steps, self.options.grid.time
        start = (smoke.numpy(force=True), *self._start(len(smoke)))
        return simulate_differentiable(
            self._flow(), *start, force, steps=steps, frames=frames, threads=threads
        )

    def _by_graph(self, density: Tensor, control: Tensor) -> SmokeRun:
        import torch

        from wdno.solvers.incompressible import simulate

        v, u = (torch.as_tensor(w, device=density.device) for w in self._start(len(density)))
        smoke, force = self._on_solver_grid(density, control)
        steps, frames = self.options.steps, self.options.grid.time
        return simulate(self._flow(), smoke, v, u, force, steps=steps, frames=frames)

    def batch(self, density: ArrayLike, threads: int) -> Batch:
        """Return trajectories at their start, to be stepped; density `[n, Y, X]` as in `solve`."""
        from wdno.solvers.incompressible_compiled import Batch

        smoke = spread(np.asarray(density, dtype=np.float64), self.drawing.solid)
        return Batch(self._flow(), smoke, *self._start(len(smoke)), threads=threads)

    def force(self, control: ArrayLike) -> Array:
        """Return controls `[n, K, 2, Y, X]`, as in `solve`, on the control faces, `[n, K, F]`."""
        import torch

        cells = torch.from_numpy(
            repeated(np.asarray(control, dtype=np.float64), self.options.cells)
        )
        found: Array = self._flow().control_on_faces(cells).numpy()
        return found

    def simulate(
        self, density: ArrayLike, control: ArrayLike, threads: int, *, remove: bool
    ) -> SmokeRun:
        """Simulate as `solve` does, with or without removing what was tallied."""
        from wdno.solvers.incompressible_compiled import simulate_compiled

        smoke, force = self._on_solver_grid(np.asarray(density), np.asarray(control))
        return simulate_compiled(
            self._flow(),
            smoke,
            *self._start(len(smoke)),
            force,
            steps=self.options.steps,
            frames=self.options.grid.time,
            remove=remove,
            threads=threads,
        )

    def _flow(self) -> Flow:
        from wdno.solvers.incompressible import Flow

        options = self.options
        return Flow(self.drawing, T_END / options.steps, options.dynamics, options.viscosity)

    def _start(self, n: int) -> tuple[Array, Array]:
        """The velocity at the start, on the faces of y and of x."""
        cells = self.options.cells
        v, u = INITIAL_VELOCITY
        return np.full((n, cells + 1, cells), v), np.full((n, cells, cells + 1), u)

    def stored(self, values: Any) -> Any:
        """Return means of `[..., N, N]` over the stored cells."""
        return means(values, self.options.grid.cells)

    def _on_solver_grid(self, density: Any, control: Any) -> tuple[Any, Any]:
        """The smoke at the start, all of it, and the control on the solver's cells."""
        return spread(density, self.drawing.solid), repeated(control, self.options.cells)

    def shares(self, smoke: Any, tallies: Any) -> Any:
        """Return each bucket's share in all smoke that is tallied or free in the domain."""
        free = (smoke * self._outside(smoke)).sum(-1).sum(-1) * self.drawing.spacing**2
        return tallies / (tallies.sum(-1) + free)[..., None]

    def _outside(self, like: Any) -> Any:
        outside = self.drawing.bucket < 0
        return outside if isinstance(like, np.ndarray) else like.new_tensor(outside)

    def _trajectory(self, run: SmokeRun) -> Trajectory:
        return Trajectory(
            self.stored(run.smoke),
            self.stored(run.velocity),
            run.tallies,
            self.shares(run.smoke, run.tallies)[..., self.options.scene.target],
        )


Options = SmokeOptions
System = Smoke
