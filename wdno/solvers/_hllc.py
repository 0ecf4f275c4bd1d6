r"""Compiled parts of the finite volumes: limited slopes, HLLC fluxes, Runge-Kutta steps.

Arrays of one trajectory hold its n cells with two ghost cells at either end, `[n + 4]`: density r,
velocity v, pressure p. Conserved variables (r, momentum m, energy e) have no ghosts, `[n]`.

Loops write to separate arrays and have no branches, so that they are compiled to vector
instructions; nothing in them depends on other trajectories or on threads.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from wdno.solvers.compilation import compiled

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

OUTGOING, PERIODIC, REFLECTING = 0, 1, 2
GHOSTS = 2

# No "nnan", "ninf": divergence is detected from them.
FASTMATH = {"contract", "nsz"}


@compiled(error_model="numpy", fastmath=FASTMATH)
def _primitives(
    u: Array, w: Array, gamma: float, density_floor: float, pressure_floor: float
) -> int:  # pragma: no cover - compiled
    """Fill the cells of `w [3, n + 4]` from `u [3, n]`; return how many were below a floor."""
    r, m, e = u[0], u[1], u[2]
    cells = r.size
    w_r, w_v, w_p = w[0, GHOSTS:], w[1, GHOSTS:], w[2, GHOSTS:]
    low = 0
    for i in range(cells):
        v = m[i] / r[i]
        p = (gamma - 1.0) * (e[i] - 0.5 * m[i] * v)
        w_r[i] = r[i]
        w_v[i] = v
        w_p[i] = p
        low += (r[i] < density_floor) | (p < pressure_floor)
    if low == 0:
        return 0
    for i in range(cells):
        if r[i] < density_floor:
            # The velocity of what is nearly nothing is noise: it is set to rest.
            r[i], m[i] = density_floor, 0.0
            w_r[i], w_v[i] = density_floor, 0.0
            w_p[i] = (gamma - 1.0) * e[i]
        if w_p[i] < pressure_floor:
            w_p[i] = pressure_floor
            e[i] = pressure_floor / (gamma - 1.0) + 0.5 * m[i] * w_v[i]
    return low


@compiled(error_model="numpy", fastmath=FASTMATH)
def _fill_ghosts(w: Array, boundary: int) -> None:  # pragma: no cover - compiled
    """Fill the ghost cells of `w [3, n + 4]`."""
    size = w.shape[1]
    last = size - GHOSTS - 1
    for row in range(3):
        for k in range(GHOSTS):
            left, right = GHOSTS, last
            sign = 1.0
            if boundary == PERIODIC:
                left, right = last - k, GHOSTS + k
            elif boundary == REFLECTING:
                left, right = GHOSTS + k, last - k
                sign = -1.0 if row == 1 else 1.0
            w[row, GHOSTS - 1 - k] = sign * w[row, left]
            w[row, last + 1 + k] = sign * w[row, right]


@compiled(error_model="numpy", fastmath=FASTMATH)
def _half_slopes(w: Array, half: Array) -> None:  # pragma: no cover - compiled
    """Half of the limited difference across each cell, `[size - 2]`, of `w [size]`."""
    for i in range(half.size):
        a = w[i + 1] - w[i]
        b = w[i + 2] - w[i + 1]
        least = min(min(abs(a), abs(b)), 0.25 * abs(a + b))
        half[i] = math.copysign(least, a) if a * b > 0.0 else 0.0


@compiled(error_model="numpy", fastmath=FASTMATH)
def _fluxes(
    w: Array, half: Array, flux: Array, gamma: float, drag: float
) -> None:  # pragma: no cover - compiled
    """Fluxes `[3, n + 1]` through the faces from `w [3, n + 4]` and its half slopes `[3, n + 2]`.

    `drag` is (zeta + 4 eta / 3) / dx.
    """
    r, v, p = w[0, 1:], w[1, 1:], w[2, 1:]
    h_r, h_v, h_p = half[0], half[1], half[2]
    f_r, f_m, f_e = flux[0], flux[1], flux[2]
    to_energy = 1.0 / (gamma - 1.0)
    for i in range(f_r.size):
        r_l, r_r = r[i] + h_r[i], r[i + 1] - h_r[i + 1]
        v_l, v_r = v[i] + h_v[i], v[i + 1] - h_v[i + 1]
        p_l, p_r = p[i] + h_p[i], p[i + 1] - h_p[i + 1]
        # Divisions and roots are what this loop costs, so reciprocals are shared.
        scale = gamma / (r_l * r_r)
        cc_l, cc_r = scale * p_l * r_r, scale * p_r * r_l
        # Fastest waves: of the states and of their Roe average (Einfeldt).
        a = r_l / (r_l + math.sqrt(r_l * r_r))
        b = 1.0 - a
        v_roe = a * v_l + b * v_r
        c_roe = math.sqrt(a * cc_l + b * cc_r + 0.5 * (gamma - 1.0) * a * b * (v_r - v_l) ** 2)
        s_l = min(v_l - math.sqrt(cc_l), v_roe - c_roe)
        s_r = max(v_r + math.sqrt(cc_r), v_roe + c_roe)
        q_l, q_r = r_l * (s_l - v_l), r_r * (s_r - v_r)
        s = (p_r - p_l + q_l * v_l - q_r * v_r) / (q_l - q_r)
        # The side of the contact that the face is on; its wave, if it runs away from that side.
        from_left = s >= 0.0
        r_k = r_l if from_left else r_r
        v_k = v_l if from_left else v_r
        p_k = p_l if from_left else p_r
        q_k = q_l if from_left else q_r
        s_k = s_l if from_left else s_r
        wave = min(s_l, 0.0) if from_left else max(s_r, 0.0)
        m_k = r_k * v_k
        e_k = p_k * to_energy + 0.5 * m_k * v_k
        inverse = 1.0 / (s_k - s)
        r_s = q_k * inverse
        p_s = p_k + q_k * (s - v_k)
        e_s = ((s_k - v_k) * e_k - p_k * v_k + p_s * s) * inverse
        stress = drag * (v[i + 1] - v[i])
        f_r[i] = m_k + wave * (r_s - r_k)
        f_m[i] = m_k * v_k + p_k + wave * (r_s * s - m_k) - stress
        f_e[i] = (e_k + p_k) * v_k + wave * (e_s - e_k) - 0.5 * (v[i] + v[i + 1]) * stress


@compiled(error_model="numpy", fastmath=FASTMATH)
def _euler_step(u: Array, flux: Array, ratio: float) -> None:  # pragma: no cover - compiled
    """`u -= ratio * difference of the fluxes`, for one conserved variable."""
    for i in range(u.size):
        u[i] -= ratio * (flux[i + 1] - flux[i])


@compiled(error_model="numpy", fastmath=FASTMATH)
def _second_stage(
    u: Array, start: Array, flux: Array, ratio: float
) -> None:  # pragma: no cover - compiled
    """The mean of `start` and of a further Euler step, for one conserved variable."""
    for i in range(u.size):
        u[i] = 0.5 * (start[i] + (u[i] - ratio * (flux[i + 1] - flux[i])))


@compiled(error_model="numpy", fastmath=FASTMATH)
def _fastest(
    w: Array, speeds: Array, gamma: float, drag: float
) -> float:  # pragma: no cover - compiled
    """Largest of |v| + c + 2 drag / r; `speeds [n]` is scratch."""
    r, v, p = w[0, GHOSTS:], w[1, GHOSTS:], w[2, GHOSTS:]
    cells = speeds.size
    for i in range(cells):
        inverse = 1.0 / r[i]
        speeds[i] = abs(v[i]) + math.sqrt(gamma * p[i] * inverse) + 2.0 * drag * inverse
    # Four maxima at a time: one alone waits for itself.
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = cells - cells % 4
    for i in range(0, whole, 4):
        a, b = max(a, speeds[i]), max(b, speeds[i + 1])
        c, d = max(c, speeds[i + 2]), max(d, speeds[i + 3])
    for i in range(whole, cells):
        a = max(a, speeds[i])
    return max(max(a, b), max(c, d))


@compiled(error_model="numpy", fastmath=FASTMATH)
def _copy(source: Array, target: Array) -> None:  # pragma: no cover - compiled
    """Copy `[3, n]`; assignment of arrays takes seconds to compile."""
    for row in range(source.shape[0]):
        for i in range(source.shape[1]):
            target[row, i] = source[row, i]


@compiled(error_model="numpy", fastmath=FASTMATH)
def _trajectory(
    initial: Array,
    saved: Array,
    landings: int,
    interval: float,
    dx: float,
    gamma: float,
    viscosity: float,
    boundary: int,
    cfl: float,
    density_floor: float,
    pressure_floor: float,
    max_steps: int,
) -> tuple[int, int]:  # pragma: no cover - compiled
    """Fill `saved [frames, 3, n]` from `initial [3, n]`; return floored cells and steps taken."""
    cells = initial.shape[1]
    u = np.empty((3, cells))
    start = np.empty((3, cells))
    w = np.empty((3, cells + 2 * GHOSTS))
    half = np.empty((3, cells + 2))
    flux = np.empty((3, cells + 1))
    speeds = np.empty(cells)
    drag = viscosity / dx
    low, taken = 0, 0
    _copy(initial, u)
    for frame in range(saved.shape[0]):
        for _ in range(landings):
            left = interval
            while left > 0.0 and taken < max_steps:
                low += _primitives(u, w, gamma, density_floor, pressure_floor)
                step = cfl * dx / _fastest(w, speeds, gamma, drag)
                if step != step:  # not a number, as the state then is
                    break
                if step * max_steps < left:
                    taken = max_steps
                    break
                # The last steps of an interval are of one length, none of them tiny.
                count = math.ceil(left / step)
                step = left / count
                left = left - step if count > 1 else 0.0
                _copy(u, start)
                for stage in range(2):
                    if stage == 1:
                        low += _primitives(u, w, gamma, density_floor, pressure_floor)
                    _fill_ghosts(w, boundary)
                    for row in range(3):
                        _half_slopes(w[row], half[row])
                    _fluxes(w, half, flux, gamma, drag)
                    for row in range(3):
                        if stage == 0:
                            _euler_step(u[row], flux[row], step / dx)
                        else:
                            _second_stage(u[row], start[row], flux[row], step / dx)
                taken += 1
        # After the last step too: what is saved is not below the floors.
        low += _primitives(u, w, gamma, density_floor, pressure_floor)
        # What cannot go on stays as it is, not finite, or is given up.
        _copy(u, saved[frame])
    return low, taken


@compiled(parallel=True, error_model="numpy")
def integrate(
    initial: Array,
    saved: Array,
    floored: Counts,
    steps: Counts,
    landings: int,
    interval: float,
    dx: float,
    gamma: float,
    viscosity: float,
    boundary: int,
    cfl: float,
    floors: Array,
    max_steps: int,
) -> None:  # pragma: no cover - compiled
    """Fill `saved [B, frames, 3, n]` from `initial [B, 3, n]`, both of conserved variables.

    Frames are `landings` intervals apart. A solution that is no longer finite stays so; one that
    would take more than `max_steps` is given up, with `steps` equal to them.

    Args:
        initial: Conserved variables.
        saved: Conserved variables, filled.
        floored: Cells set to a floor, `[B]`, filled.
        steps: Time steps taken, `[B]`, filled.
        landings: Times that a step ends on, in each frame.
        interval: Time between landings.
        dx: Width of a cell.
        gamma: Ratio of specific heats.
        viscosity: zeta + 4 eta / 3.
        boundary: One of OUTGOING, PERIODIC and REFLECTING.
        cfl: Courant number.
        floors: Least density and pressure allowed, `[B, 2]`.
        max_steps: Most time steps of a trajectory.
    """
    for sample in numba.prange(initial.shape[0]):
        floored[sample], steps[sample] = _trajectory(
            initial[sample],
            saved[sample],
            landings,
            interval,
            dx,
            gamma,
            viscosity,
            boundary,
            cfl,
            floors[sample, 0],
            floors[sample, 1],
            max_steps,
        )
