r"""Gradients of the compiled smoke simulation with respect to its controls, by the adjoint.

A step of `wdno.solvers.incompressible` with `dynamics: projection` imposes the control c in the
frame of the velocity, $w \to R w + c$, projects, $w \to P w$, and moves the smoke by it,
$s \to A(w) s$. R sets faces to zero and P is an orthogonal projection, so both are their own
adjoints, and P is computed by the same factorisation. With the bars of what J depends on,

$$ \bar s \to A(w)^T \bar s, \qquad \bar w \to P \big(\bar w + (\partial_w A(w) s)^T \bar s\big),
   \qquad \bar c = (1 - R) \bar w, \qquad \bar w \to R \bar w, $$

backwards in time. States are kept once in each frame and computed again from there, so a gradient
takes about four simulations. Where a trace stops at an obstacle the number of the part at which it
stops is taken as constant, as differentiating the program of `simulate` does.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wdno.solvers.finite_difference import numba_threads
from wdno.solvers.incompressible import Flow, SmokeRun, schedule
from wdno.solvers.incompressible_compiled import Batch
from wdno.solvers.incompressible_kernels import LANES, _project

Array = NDArray[np.float64]


@numba.njit(cache=True, error_model="numpy")
def _read_back(
    values: Array, y: float, x: float, bar: float, into: Array
) -> tuple[float, float]:  # pragma: no cover - compiled
    """Adds `bar` times the weights of a reading to `into`; returns bar times its slopes."""
    n, m = values.shape
    inside_y = 0.0 < y < n - 1.0
    inside_x = 0.0 < x < m - 1.0
    y, x = min(y if y > 0.0 else 0.0, n - 1.0), min(x if x > 0.0 else 0.0, m - 1.0)
    i, j = min(int(y), n - 2), min(int(x), m - 2)
    a, b = y - i, x - j
    into[i, j] += bar * (1.0 - a) * (1.0 - b)
    into[i, j + 1] += bar * (1.0 - a) * b
    into[i + 1, j] += bar * a * (1.0 - b)
    into[i + 1, j + 1] += bar * a * b
    low = (1.0 - b) * values[i, j] + b * values[i, j + 1]
    high = (1.0 - b) * values[i + 1, j] + b * values[i + 1, j + 1]
    left = (1.0 - a) * values[i, j] + a * values[i + 1, j]
    right = (1.0 - a) * values[i, j + 1] + a * values[i + 1, j + 1]
    return (
        bar * (high - low) if inside_y else 0.0,
        bar * (right - left) if inside_x else 0.0,
    )


@numba.njit(cache=True, error_model="numpy")
def _read(values: Array, y: float, x: float) -> float:  # pragma: no cover - compiled
    """Bilinear interpolation, as in `wdno.solvers.incompressible_kernels`."""
    n, m = values.shape
    y, x = min(y if y > 0.0 else 0.0, n - 1.0), min(x if x > 0.0 else 0.0, m - 1.0)
    i, j = min(int(y), n - 2), min(int(x), m - 2)
    a, b = y - i, x - j
    low = (1.0 - b) * values[i, j] + b * values[i, j + 1]
    high = (1.0 - b) * values[i + 1, j] + b * values[i + 1, j + 1]
    value: float = (1.0 - a) * low + a * high
    return value


@numba.njit(cache=True, error_model="numpy")
def _advect_back(
    smoke: Array,
    v: Array,
    u: Array,
    ratio: float,
    distance: Array,
    bar: Array,
    smoke_bar: Array,
    v_bar: Array,
    u_bar: Array,
) -> None:  # pragma: no cover - compiled
    """Adjoint of the step of the smoke: adds to the bars of what it was made of."""
    n, m = smoke.shape
    for i in range(n):
        for j in range(m):
            if distance[i, j] == 0 or bar[i, j] == 0.0:
                continue
            y_half = i - 0.5 * ratio * (0.5 * (v[i, j] + v[i + 1, j]))
            x_half = j - 0.5 * ratio * (0.5 * (u[i, j] + u[i, j + 1]))
            dy = -ratio * _read(v, y_half + 0.5, x_half)
            dx = -ratio * _read(u, y_half, x_half + 0.5)
            reach, kept = max(abs(dy), abs(dx)), 1.0
            if distance[i, j] <= reach + 1.0:
                count = min(np.ceil(4.0 * reach), 4.0 * (n + m))
                part = 0.0
                while part < count:
                    y = int(np.floor(i + dy * ((part + 1.0) / count) + 0.5))
                    x = int(np.floor(j + dx * ((part + 1.0) / count) + 0.5))
                    if 0 <= y < n and 0 <= x < m and distance[y, x] == 0:
                        break
                    part += 1.0
                if count > 0.0:
                    kept = part / count
            dy, dx = dy * kept, dx * kept
            y, x = int(np.floor(i + dy)), int(np.floor(j + dx))
            a, b = i + dy - y, j + dx - x
            found, fluid = 0.0, 0.0
            for k in range(4):
                row, column = y + k // 2, x + k % 2
                weight = (a if k // 2 else 1.0 - a) * (b if k % 2 else 1.0 - b)
                if 0 <= row < n and 0 <= column < m:
                    if distance[row, column] > 0:
                        fluid += weight
                        found += weight * smoke[row, column]
                else:
                    fluid += weight
            scaled, mean = bar[i, j] / fluid, found / fluid
            a_bar, b_bar = 0.0, 0.0
            for k in range(4):
                row, column = y + k // 2, x + k % 2
                of_a, of_b = (a if k // 2 else 1.0 - a), (b if k % 2 else 1.0 - b)
                value = 0.0
                if 0 <= row < n and 0 <= column < m:
                    if distance[row, column] == 0:
                        continue
                    value = smoke[row, column]
                    smoke_bar[row, column] += scaled * of_a * of_b
                a_bar += scaled * (value - mean) * (of_b if k // 2 else -of_b)
                b_bar += scaled * (value - mean) * (of_a if k % 2 else -of_a)
            y_bar, x_bar = _read_back(v, y_half + 0.5, x_half, -ratio * kept * a_bar, v_bar)
            more_y, more_x = _read_back(u, y_half, x_half + 0.5, -ratio * kept * b_bar, u_bar)
            y_bar, x_bar = -0.25 * ratio * (y_bar + more_y), -0.25 * ratio * (x_bar + more_x)
            v_bar[i, j] += y_bar
            v_bar[i + 1, j] += y_bar
            u_bar[i, j] += x_bar
            u_bar[i, j + 1] += x_bar


@numba.njit(cache=True, error_model="numpy", parallel=True)
def _step_back(
    smoke: Array,
    v: Array,
    u: Array,
    smoke_bar: Array,
    v_bar: Array,
    u_bar: Array,
    tallies_bar: Array,
    force_bar: Array,
    problem: Any,
    factor: Any,
) -> None:  # pragma: no cover - compiled
    """Goes back one step, a batch of whole groups, in place.

    Args:
        smoke: Before the step, `[B, N, M]`.
        v: Velocity that moved it, through the faces of y, `[B, N + 1, M]`.
        u: The same of x, `[B, N, M + 1]`.
        smoke_bar: Of the smoke after the step; then of that before it.
        v_bar: Likewise.
        u_bar: Likewise.
        tallies_bar: Of all that the buckets catch from this step on, `[B, buckets]`.
        force_bar: Of the velocity imposed on the control faces, `[B, F]`; added to.
        problem: `wdno.solvers.incompressible_compiled.StepConstants`.
        factor: The pressure matrix.
    """
    faces_y, faces_x, bucket, distance, ratio, _, _, removed, area = problem
    for group in numba.prange(smoke.shape[0] // LANES):
        x = np.empty((factor[0].size, LANES))
        p = np.zeros((u.shape[1] + 2, v.shape[2] + 2))
        before = np.empty_like(smoke[0])
        first = group * LANES
        for lane in range(first, first + LANES):
            for i in range(bucket.shape[0]):
                for j in range(bucket.shape[1]):
                    number = bucket[i, j]
                    if number >= 0:
                        if removed:
                            smoke_bar[lane, i, j] = 0.0
                        smoke_bar[lane, i, j] += area * tallies_bar[lane, number]
            before[:] = 0.0
            _advect_back(
                smoke[lane],
                v[lane],
                u[lane],
                ratio,
                distance,
                smoke_bar[lane],
                before,
                v_bar[lane],
                u_bar[lane],
            )
            smoke_bar[lane] = before
        _project(v_bar[first : first + LANES], u_bar[first : first + LANES], factor, x, p)
        for lane in range(first, first + LANES):
            flat_v, flat_u = v_bar[lane].reshape(-1), u_bar[lane].reshape(-1)
            for f in range(faces_y.size):
                force_bar[lane, f] += flat_v[faces_y[f]]
                flat_v[faces_y[f]] = 0.0
            for f in range(faces_x.size):
                force_bar[lane, faces_y.size + f] += flat_u[faces_x[f]]
                flat_u[faces_x[f]] = 0.0


class _Simulation(torch.autograd.Function):
    """The frames of a simulation as a node of PyTorch's graph."""

    @staticmethod
    def forward(
        context: Any, force: Tensor, start: tuple[Array, ...], options: dict[str, Any]
    ) -> tuple[Tensor, ...]:
        run = _Run(force.numpy(force=True), start, **options)
        context.run = run
        return tuple(torch.from_numpy(values).to(force.device) for values in run.frames())

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, *bars: Tensor) -> tuple[Tensor, None, None]:
        gradient = context.run.back(*(bar.numpy(force=True) for bar in bars))
        return torch.from_numpy(gradient).to(bars[0].device), None, None


class _Run:
    """A simulation whose states are kept in every segment."""

    def __init__(
        self,
        force: Array,
        start: tuple[Array, ...],
        flow: Flow,
        steps: int,
        frames: int,
        threads: int,
    ) -> None:
        self.force, self.threads = force, threads
        self.segments, self.per_control, self.per_frame = schedule(steps, force.shape[1], frames)
        self.steps = steps // self.segments
        self.batch = Batch(flow, *start, threads=threads)
        self.states = [self.batch.state()]
        for segment in range(self.segments):
            self._advance(segment, self.steps)
            self.states.append(self.batch.state())

    def _advance(self, segment: int, steps: int) -> None:
        k = segment // self.per_control
        overwrite = np.ones((self.batch.size, 1), dtype=bool)
        self.batch.advance(self.force[:, k : k + 1], overwrite, steps)

    def frames(self) -> tuple[Array, ...]:
        """Smoke, velocity at centres and tallies at the frames, `[B, frames + 1, ...]`."""
        found = []
        for state in self.states[:: self.per_frame]:
            self.batch.set_state(state)
            found.append((self.batch.smoke.copy(), self.batch.velocity, self.batch.tallies.copy()))
        smoke, velocity, tallies = (np.stack(part, axis=1) for part in zip(*found, strict=True))
        return smoke, velocity, tallies

    def back(self, smoke_bars: Array, velocity_bars: Array, tallies_bars: Array) -> Array:
        """Gradient with respect to the force, `[B, K, F]`."""
        batch = self.batch
        smoke, v, u, tallies = (np.zeros_like(part) for part in self.states[0])
        gradient = np.zeros((len(smoke), *self.force.shape[1:]))
        n = batch.size
        with numba_threads(self.threads):
            for segment in range(self.segments - 1, -1, -1):
                if (segment + 1) % self.per_frame == 0:
                    frame = (segment + 1) // self.per_frame
                    smoke[:n] += smoke_bars[:, frame]
                    tallies[:n] += tallies_bars[:, frame]
                    half = velocity_bars[:, frame] / 2
                    v[:n, 1:] += half[:, 0]
                    v[:n, :-1] += half[:, 0]
                    u[:n, :, 1:] += half[:, 1]
                    u[:n, :, :-1] += half[:, 1]
                batch.set_state(self.states[segment])
                before = []
                for _ in range(self.steps):
                    old = batch.state()[0]
                    self._advance(segment, 1)
                    before.append((old, *batch.state()[1:3]))
                of_force = np.zeros((len(smoke), batch.faces))
                for old, moved_v, moved_u in reversed(before):
                    _step_back(
                        old, moved_v, moved_u, smoke, v, u, tallies, of_force, *batch.constants
                    )
                gradient[:, segment // self.per_control] += of_force
        found: Array = gradient[:n]
        return found


def simulate_differentiable(
    flow: Flow,
    smoke: Array,
    velocity_y: Array,
    velocity_x: Array,
    control: Tensor,
    *,
    steps: int,
    frames: int,
    threads: int = 1,
) -> SmokeRun:
    """Simulate as `simulate_compiled` does, with gradients with respect to the control, once.

    Args:
        flow: The scene, with `dynamics: projection`.
        smoke: Density at the start, `[B, N, N]`.
        velocity_y: Velocity through the faces of y at the start, `[B, N + 1, N]`.
        velocity_x: The same of x, `[B, N, N + 1]`.
        control: Velocity (y, x) imposed in the frame, `[B, K, 2, N, N]`, on any device; what is
            computed is computed on the CPU.
        steps: Steps in all, a multiple of K and of `frames`.
        frames: Equally spaced times after the start that are returned.
        threads: Processor threads.

    Returns:
        The run, float64; the faces at the end have no gradients.

    Raises:
        ValueError: If shapes or steps do not fit, a control is not finite, or the velocity is
            advected.
    """
    if flow.dynamics != "projection":
        raise ValueError(
            f"the adjoint is that of dynamics: projection, got {flow.dynamics}; use "
            "wdno.solvers.incompressible.simulate"
        )
    force = flow.control_on_faces(control.double())
    start = tuple(np.asarray(part, dtype=np.float64) for part in (smoke, velocity_y, velocity_x))
    options = {"flow": flow, "steps": steps, "frames": frames, "threads": threads}
    densities, velocity, tallies = _Simulation.apply(force, start, options)  # type: ignore[no-untyped-call]
    nothing = torch.zeros(0, dtype=torch.float64)
    return SmokeRun(densities, velocity, tallies, nothing, nothing)
