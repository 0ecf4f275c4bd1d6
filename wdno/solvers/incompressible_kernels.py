"""Compiled steps of incompressible flow with obstacles, for batches on a CPU.

Trajectories are computed in groups of `LANES`, side by side in the substitutions of the pressure
solve, so each entry of the factor is read once for a group. Every trajectory is the same to the
last bit whatever its group; batches are whole groups. Arguments `factor` are
`wdno.solvers.pressure.Factor`.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from wdno.solvers.compilation import compiled

Array = NDArray[np.float64]

LANES = 4
"""Trajectories solved side by side: one or two vector registers of float64."""


@compiled(error_model="numpy", fastmath={"contract"})
def _solve(factor: Any, x: Array) -> None:  # pragma: no cover - compiled
    """Solves A p = x in place, `[n, LANES]`, by L D L^T."""
    pointers, below, entries, pivots = factor[2], factor[3], factor[4], factor[5]
    lane = np.empty(LANES)
    for j in range(pivots.size):
        for k in range(LANES):
            lane[k] = x[j, k]
        for e in range(pointers[j], pointers[j + 1]):
            i, value = below[e], entries[e]
            for k in range(LANES):
                x[i, k] -= value * lane[k]
    for j in range(pivots.size - 1, -1, -1):
        inverse = 1.0 / pivots[j]
        for k in range(LANES):
            lane[k] = x[j, k] * inverse
        for e in range(pointers[j], pointers[j + 1]):
            i, value = below[e], entries[e]
            for k in range(LANES):
                lane[k] -= value * x[i, k]
        for k in range(LANES):
            x[j, k] = lane[k]


@compiled(error_model="numpy")
def _project(v: Array, u: Array, factor: Any, x: Array, p: Array) -> None:  # pragma: no cover
    """Projects `v [LANES, N + 1, M]`, `u [LANES, N, M + 1]` in place.

    Work space is `x [n, LANES]` and `p [N + 2, M + 2]`, whose margin and obstacles are zero.
    """
    row, column, open_y, open_x = factor[0], factor[1], factor[6], factor[7]
    n, m = open_x.shape[0], open_y.shape[1]
    for lane in range(LANES):
        for i in range(n + 1):
            for j in range(m):
                if not open_y[i, j]:
                    v[lane, i, j] = 0.0
        for i in range(n):
            for j in range(m + 1):
                if not open_x[i, j]:
                    u[lane, i, j] = 0.0
        for k in range(row.size):
            i, j = row[k], column[k]
            x[k, lane] = v[lane, i, j] - v[lane, i + 1, j] + u[lane, i, j] - u[lane, i, j + 1]
    _solve(factor, x)
    for lane in range(LANES):
        for k in range(row.size):
            p[row[k] + 1, column[k] + 1] = x[k, lane]
        for i in range(n + 1):
            for j in range(m):
                if open_y[i, j]:
                    v[lane, i, j] -= p[i + 1, j + 1] - p[i, j + 1]
        for i in range(n):
            for j in range(m + 1):
                if open_x[i, j]:
                    u[lane, i, j] -= p[i + 1, j + 1] - p[i + 1, j]


@compiled(error_model="numpy", parallel=True)
def project_batch(v: Array, u: Array, factor: Any) -> None:  # pragma: no cover - compiled
    """Projects a batch of whole groups in place, `v [B, N + 1, M]` and `u [B, N, M + 1]`."""
    for group in numba.prange(v.shape[0] // LANES):
        x = np.empty((factor[0].size, LANES))
        p = np.zeros((u.shape[1] + 2, v.shape[2] + 2))
        part = slice(group * LANES, (group + 1) * LANES)
        _project(v[part], u[part], factor, x, p)


@compiled(error_model="numpy")
def _read(values: Array, y: float, x: float) -> float:  # pragma: no cover - compiled
    """Bilinear interpolation at indices (y, x), with the outermost values continued outwards."""
    n, m = values.shape
    # Written so that a value that is not a number reads something, and not beyond the array.
    y, x = min(y if y > 0.0 else 0.0, n - 1.0), min(x if x > 0.0 else 0.0, m - 1.0)
    i, j = min(int(y), n - 2), min(int(x), m - 2)
    a, b = y - i, x - j
    low = (1.0 - b) * values[i, j] + b * values[i, j + 1]
    high = (1.0 - b) * values[i + 1, j] + b * values[i + 1, j + 1]
    value: float = (1.0 - a) * low + a * high
    return value


@compiled(error_model="numpy")
def _advect_velocity(
    v: Array, u: Array, ratio: float, diffusion: float, new_v: Array, new_u: Array
) -> None:  # pragma: no cover - compiled
    """Semi-Lagrangian step of the velocity, then an explicit one of its diffusion, in place.

    `ratio` is dt / h, `diffusion` is viscosity dt / h^2.
    """
    n, m = u.shape[0], v.shape[1]
    for i in range(n + 1):
        below, above = max(i - 1, 0), min(i, n - 1)
        for j in range(m):
            across = (u[below, j] + u[below, j + 1] + u[above, j] + u[above, j + 1]) / 4
            new_v[i, j] = _read(v, i - ratio * v[i, j], j - ratio * across)
    for i in range(n):
        for j in range(m + 1):
            left, right = max(j - 1, 0), min(j, m - 1)
            across = (v[i, left] + v[i + 1, left] + v[i, right] + v[i + 1, right]) / 4
            new_u[i, j] = _read(u, i - ratio * across, j - ratio * u[i, j])
    for old, new in ((v, new_v), (u, new_u)):
        rows, columns = old.shape
        for i in range(rows):
            for j in range(columns):
                around = new[max(i - 1, 0), j] + new[min(i + 1, rows - 1), j]
                around += new[i, max(j - 1, 0)] + new[i, min(j + 1, columns - 1)]
                old[i, j] = new[i, j] + diffusion * (around - 4.0 * new[i, j])


@compiled(error_model="numpy")
def kept_of_trace(
    i: int, j: int, dy: float, dx: float, distance: Array
) -> float:  # pragma: no cover - compiled
    """Return the part of a trace from cell (i, j) by (dy, dx) that comes before an obstacle."""
    n, m = distance.shape
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
    return kept


@compiled(error_model="numpy")
def read_smoke(
    smoke: Array, distance: Array, y: int, x: int, a: float, b: float
) -> tuple[float, float]:  # pragma: no cover - compiled
    """Return weighted smoke and weight of the fluid among the four cells from (y, x) on.

    Cells beyond the border are fluid without smoke.
    """
    n, m = smoke.shape
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
    return found, fluid


@compiled(error_model="numpy")
def _advect_smoke(
    smoke: Array, v: Array, u: Array, ratio: float, distance: Array, new: Array
) -> None:  # pragma: no cover - compiled
    """Semi-Lagrangian step of the smoke `[N, M]`; see `wdno.solvers.phiflow_grids.trace`.

    Args:
        smoke: What is there; zero comes from outside.
        v: Velocity through the faces of y.
        u: Velocity through the faces of x.
        ratio: dt / h.
        distance: Cells to the nearest obstacle along the farther axis; 0 in one.
        new: The result.
    """
    n, m = smoke.shape
    for i in range(n):
        for j in range(m):
            new[i, j] = 0.0
            if distance[i, j] == 0:
                continue
            y_half = i - 0.5 * ratio * (0.5 * (v[i, j] + v[i + 1, j]))
            x_half = j - 0.5 * ratio * (0.5 * (u[i, j] + u[i, j + 1]))
            dy = -ratio * _read(v, y_half + 0.5, x_half)
            dx = -ratio * _read(u, y_half, x_half + 0.5)
            kept = kept_of_trace(i, j, dy, dx, distance)
            dy, dx = dy * kept, dx * kept
            y, x = int(np.floor(i + dy)), int(np.floor(j + dx))
            found, fluid = read_smoke(smoke, distance, y, x, i + dy - y, j + dx - x)
            new[i, j] = found / fluid


@compiled(error_model="numpy", parallel=True)
def advance(
    smoke: Array,
    v: Array,
    u: Array,
    tallies: Array,
    force: Array,
    overwrite: NDArray[np.bool_],
    hold: int,
    imposed: Array,
    worst: Array,
    problem: Any,
    factor: Any,
) -> None:  # pragma: no cover - compiled
    """Takes `hold` steps under each of S controls, a batch of whole groups, in place.

    Args:
        smoke: `[B, N, M]`.
        v: Velocity through the faces of y, `[B, N + 1, M]`.
        u: Velocity through the faces of x, `[B, N, M + 1]`.
        tallies: Smoke caught by each bucket, `[B, buckets]`; added to.
        force: Velocity of the control faces, `[B, S, F]`: those of y, then those of x.
        overwrite: Whether it replaces the velocity there, or is added to it, `[B, S]`.
        hold: Steps under each control.
        imposed: Sum over the steps of the velocity imposed, `[B, F]`; added to.
        worst: Largest |divergence| times spacing so far, `[B]`; kept up.
        problem: `wdno.solvers.incompressible_compiled.StepConstants`.
        factor: The pressure matrix.
    """
    faces_y, faces_x, bucket, distance, ratio, diffusion, advected, removed, area = problem
    row, column = factor[0], factor[1]
    for group in numba.prange(smoke.shape[0] // LANES):
        x = np.empty((row.size, LANES))
        p = np.zeros((u.shape[1] + 2, v.shape[2] + 2))
        new, new_v, new_u = np.empty_like(smoke[0]), np.empty_like(v[0]), np.empty_like(u[0])
        first = group * LANES
        lanes = range(first, first + LANES)
        for step in range(force.shape[1] * hold):
            s = step // hold
            for lane in lanes:
                if advected:
                    _advect_velocity(v[lane], u[lane], ratio, diffusion, new_v, new_u)
                flat_v, flat_u = v[lane].reshape(-1), u[lane].reshape(-1)
                for f in range(faces_y.size):
                    kept = 0.0 if overwrite[lane, s] else flat_v[faces_y[f]]
                    flat_v[faces_y[f]] = kept + force[lane, s, f]
                    imposed[lane, f] += flat_v[faces_y[f]]
                for f in range(faces_x.size):
                    kept = 0.0 if overwrite[lane, s] else flat_u[faces_x[f]]
                    flat_u[faces_x[f]] = kept + force[lane, s, faces_y.size + f]
                    imposed[lane, faces_y.size + f] += flat_u[faces_x[f]]
            _project(v[first : first + LANES], u[first : first + LANES], factor, x, p)
            for lane in lanes:
                for k in range(row.size):
                    i, j = row[k], column[k]
                    outflow = v[lane, i + 1, j] - v[lane, i, j] + u[lane, i, j + 1] - u[lane, i, j]
                    worst[lane] = max(worst[lane], abs(outflow))
                _advect_smoke(smoke[lane], v[lane], u[lane], ratio, distance, new)
                for i in range(new.shape[0]):
                    for j in range(new.shape[1]):
                        number = bucket[i, j]
                        if number >= 0:
                            tallies[lane, number] += area * new[i, j]
                            if removed:
                                new[i, j] = 0.0
                        smoke[lane, i, j] = new[i, j]
