"""Compiled adjoint of the steps of `wdno.solvers.incompressible_kernels`, for batches on a CPU.

Trajectories are computed in the same groups of `LANES`, each group through all its steps by one
thread, so that threads wait for each other once.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from wdno.solvers.compilation import compiled
from wdno.solvers.incompressible_kernels import (
    LANES,
    _advect_smoke,
    _project,
    _read,
    kept_of_trace,
    read_smoke,
)

Array = NDArray[np.float64]


@compiled(error_model="numpy")
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


@compiled(error_model="numpy")
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
            kept = kept_of_trace(i, j, dy, dx, distance)
            dy, dx = dy * kept, dx * kept
            y, x = int(np.floor(i + dy)), int(np.floor(j + dx))
            a, b = i + dy - y, j + dx - x
            found, fluid = read_smoke(smoke, distance, y, x, a, b)
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


@compiled(error_model="numpy")
def _copy(values: Array, into: Array) -> None:  # pragma: no cover - compiled
    """Copies `[LANES, ...]`, in loops, which compile far faster than an assignment."""
    for lane in range(LANES):
        for i in range(values.shape[1]):
            for j in range(values.shape[2]):
                into[lane, i, j] = values[lane, i, j]


@compiled(error_model="numpy")
def _solve_again(
    start: tuple[Array, Array, Array],
    force: Array,
    kept: tuple[Array, Array, Array],
    x: Array,
    p: Array,
    problem: Any,
    factor: Any,
) -> None:  # pragma: no cover - compiled
    """Goes through the steps of a segment once more, for one group.

    Args:
        start: Smoke `[LANES, N, M]` and velocity on the faces, `[LANES, N + 1, M]` and
            `[LANES, N, M + 1]`, at the start of the segment.
        force: Velocity of the control faces, `[LANES, F]`.
        kept: Filled: smoke before each step, `[steps, LANES, N, M]`, and the velocity that moves
            it, `[steps, LANES, N + 1, M]` and `[steps, LANES, N, M + 1]`.
        x: Work space of the projection, as is `p`.
        p: See x.
        problem: `wdno.solvers.incompressible_compiled.StepConstants`.
        factor: The pressure matrix.
    """
    faces_y, faces_x, bucket, distance, ratio, _, _, removed, _ = problem
    smokes, vs, us = kept
    _copy(start[0], smokes[0])
    _copy(start[1], vs[0])
    _copy(start[2], us[0])
    for step in range(smokes.shape[0]):
        if step > 0:
            _copy(vs[step - 1], vs[step])
            _copy(us[step - 1], us[step])
        for lane in range(LANES):
            flat_v, flat_u = vs[step, lane].reshape(-1), us[step, lane].reshape(-1)
            for f in range(faces_y.size):
                flat_v[faces_y[f]] = force[lane, f]
            for f in range(faces_x.size):
                flat_u[faces_x[f]] = force[lane, faces_y.size + f]
        _project(vs[step], us[step], factor, x, p)
        if step + 1 == smokes.shape[0]:
            break
        for lane in range(LANES):
            new = smokes[step + 1, lane]
            _advect_smoke(smokes[step, lane], vs[step, lane], us[step, lane], ratio, distance, new)
            if removed:
                for i in range(bucket.shape[0]):
                    for j in range(bucket.shape[1]):
                        if bucket[i, j] >= 0:
                            new[i, j] = 0.0


@compiled(error_model="numpy")
def _segment_back(
    kept: tuple[Array, Array, Array],
    smoke_bar: Array,
    v_bar: Array,
    u_bar: Array,
    tallies_bar: Array,
    force_bar: Array,
    x: Array,
    p: Array,
    problem: Any,
    factor: Any,
) -> None:  # pragma: no cover - compiled
    """Goes back through the steps of a segment, for one group, in place.

    Args:
        kept: See `_solve_again`.
        smoke_bar: Of the smoke after the segment, then of that before it, `[LANES, N, M]`.
        v_bar: Likewise, `[LANES, N + 1, M]`.
        u_bar: Likewise, `[LANES, N, M + 1]`.
        tallies_bar: Of what the buckets catch up to now, `[LANES, buckets]`.
        force_bar: Of the velocity of the control faces, `[LANES, F]`; added to.
        x: Work space of the projection, as is `p`.
        p: See x.
        problem: See `_solve_again`.
        factor: See there.
    """
    faces_y, faces_x, bucket, distance, ratio, _, _, removed, area = problem
    smokes, vs, us = kept
    before = np.empty_like(smoke_bar)
    for step in range(smokes.shape[0] - 1, -1, -1):
        before.fill(0.0)
        for lane in range(LANES):
            for i in range(bucket.shape[0]):
                for j in range(bucket.shape[1]):
                    number = bucket[i, j]
                    if number >= 0:
                        if removed:
                            smoke_bar[lane, i, j] = 0.0
                        smoke_bar[lane, i, j] += area * tallies_bar[lane, number]
            _advect_back(
                smokes[step, lane],
                vs[step, lane],
                us[step, lane],
                ratio,
                distance,
                smoke_bar[lane],
                before[lane],
                v_bar[lane],
                u_bar[lane],
            )
        _copy(before, smoke_bar)
        _project(v_bar, u_bar, factor, x, p)
        for lane in range(LANES):
            flat_v, flat_u = v_bar[lane].reshape(-1), u_bar[lane].reshape(-1)
            for f in range(faces_y.size):
                force_bar[lane, f] += flat_v[faces_y[f]]
                flat_v[faces_y[f]] = 0.0
            for f in range(faces_x.size):
                force_bar[lane, faces_y.size + f] += flat_u[faces_x[f]]
                flat_u[faces_x[f]] = 0.0


@compiled(error_model="numpy")
def _group_back(
    starts: tuple[Array, Array, Array],
    force: Array,
    bars: tuple[Array, Array, Array],
    steps: int,
    per_control: int,
    per_frame: int,
    gradient: Array,
    problem: Any,
    factor: Any,
) -> None:  # pragma: no cover - compiled
    """Fills the gradient of one group; see `pull_back`."""
    smokes, vs, us = starts
    smoke_bars, velocity_bars, tallies_bars = bars
    segments, n, m = smokes.shape[1:]
    x = np.empty((factor[0].size, LANES))
    p = np.zeros((n + 2, m + 2))
    kept = (
        np.empty((steps, LANES, n, m)),
        np.empty((steps, LANES, n + 1, m)),
        np.empty((steps, LANES, n, m + 1)),
    )
    smoke = np.zeros((LANES, n, m))
    v, u = np.zeros((LANES, n + 1, m)), np.zeros((LANES, n, m + 1))
    tallies = np.zeros((LANES, tallies_bars.shape[2]))
    for segment in range(segments - 1, -1, -1):
        frame, rest = divmod(segment + 1, per_frame)
        if rest == 0:
            for lane in range(LANES):
                for number in range(tallies.shape[1]):
                    tallies[lane, number] += tallies_bars[lane, frame, number]
                for i in range(n):
                    for j in range(m):
                        smoke[lane, i, j] += smoke_bars[lane, frame, i, j]
                        half = 0.5 * velocity_bars[lane, frame, 0, i, j]
                        v[lane, i, j] += half
                        v[lane, i + 1, j] += half
                        half = 0.5 * velocity_bars[lane, frame, 1, i, j]
                        u[lane, i, j] += half
                        u[lane, i, j + 1] += half
        k = segment // per_control
        start = (smokes[:, segment], vs[:, segment], us[:, segment])
        _solve_again(start, force[:, k], kept, x, p, problem, factor)
        _segment_back(kept, smoke, v, u, tallies, gradient[:, k], x, p, problem, factor)


@compiled(error_model="numpy", parallel=True)
def pull_back(
    starts: tuple[Array, Array, Array],
    force: Array,
    bars: tuple[Array, Array, Array],
    steps: int,
    per_control: int,
    per_frame: int,
    gradient: Array,
    problem: Any,
    factor: Any,
) -> None:  # pragma: no cover - compiled
    """Fills the gradient of a batch of whole groups; B trajectories in S segments.

    Args:
        starts: Smoke `[B, S, N, M]` and velocity on the faces `[B, S, N + 1, M]` and
            `[B, S, N, M + 1]` at the start of each segment.
        force: Velocity of the control faces, `[B, K, F]`.
        bars: Derivatives with respect to smoke `[B, frames + 1, N, M]`, velocity at centres
            `[B, frames + 1, 2, N, M]` and tallies `[B, frames + 1, buckets]`.
        steps: Steps in a segment.
        per_control: Segments under one control.
        per_frame: Segments from frame to frame.
        gradient: With respect to the force, `[B, K, F]`, zero at first.
        problem: `wdno.solvers.incompressible_compiled.StepConstants`.
        factor: The pressure matrix.
    """
    for group in numba.prange(force.shape[0] // LANES):
        part = slice(group * LANES, (group + 1) * LANES)
        _group_back(
            (starts[0][part], starts[1][part], starts[2][part]),
            force[part],
            (bars[0][part], bars[1][part], bars[2][part]),
            steps,
            per_control,
            per_frame,
            gradient[part],
            problem,
            factor,
        )
