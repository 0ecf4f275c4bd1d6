r"""Compressible Navier-Stokes equations in one dimension by conservative finite volumes.

$$ \rho_t + (\rho v)_x = 0, \qquad (\rho v)_t + (\rho v^2 + p - \sigma)_x = 0, \qquad
   e_t + \big((e + p - \sigma) v\big)_x = 0, $$
$$ e = \frac{p}{\Gamma - 1} + \frac{\rho v^2}{2}, \qquad
   \sigma = \big(\zeta + \tfrac43 \eta\big) v_x, $$

an ideal gas with shear viscosity $\eta$ and bulk viscosity $\zeta$ and without heat conduction, the
equations of PDEBench (arXiv 2210.07182).

Density, velocity and pressure are reconstructed linearly in each cell with the monotonised central
limiter (van Leer 1977, J. Comput. Phys. 23, 276-299); fluxes are those of the HLLC solver (Toro,
Riemann Solvers and Numerical Methods for Fluid Dynamics, 2009, chapter 10) with the wave speeds of
Einfeldt (1988, SIAM J. Numer. Anal. 25, 294-318), viscous ones central differences; steps are those
of the strong-stability-preserving Runge-Kutta method of second order (Gottlieb, Shu & Tadmor 2001,
SIAM Review 43, 89-112). Second order where the solution is smooth, first at shocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from wdno.solvers import _hllc
from wdno.solvers.grids import DivergedError

Array = NDArray[np.float64]
Boundary = Literal["outgoing", "periodic", "reflecting"]

_BOUNDARIES: dict[str, int] = {
    "outgoing": _hllc.OUTGOING,
    "periodic": _hllc.PERIODIC,
    "reflecting": _hllc.REFLECTING,
}


@dataclass(frozen=True)
class Solution:
    """Trajectories of cell means.

    Attributes:
        states: Density, momentum and energy, `[B, frames + 1, 3, n]`, float64; frame 0 is given.
        floored: How often a cell's density or pressure was raised to its floor, `[B]`: mass or
            energy that the equations do not have. Zero in all but near-vacuum.
        steps: Time steps taken, `[B]`.
    """

    states: Array
    floored: NDArray[np.int64]
    steps: NDArray[np.int64]


def to_conserved(state: ArrayLike, gamma: float) -> Array:
    """Density, momentum, energy from density, velocity, pressure, both `[..., 3, n]`."""
    rho, v, p = np.moveaxis(np.asarray(state, dtype=np.float64), -2, 0)
    return np.stack([rho, rho * v, p / (gamma - 1) + 0.5 * rho * v**2], axis=-2)


def to_primitive(state: ArrayLike, gamma: float) -> Array:
    """Density, velocity, pressure from density, momentum, energy, both `[..., 3, n]`."""
    rho, m, e = np.moveaxis(np.asarray(state, dtype=np.float64), -2, 0)
    v = m / rho
    return np.stack([rho, v, (gamma - 1) * (e - 0.5 * m * v)], axis=-2)


def coarsen(means: ArrayLike, cells: int) -> Array:
    """Means over fewer cells of the same interval; a cell that is cut counts by its part.

    Args:
        means: Cell means `[..., n]`.
        cells: Number of cells wanted, at most n; it need not divide n.

    Returns:
        `[..., cells]`, with the same integral.

    Raises:
        ValueError: If there are fewer cells than wanted.
    """
    means = np.asarray(means, dtype=np.float64)
    n = means.shape[-1]
    if not 1 <= cells <= n:
        raise ValueError(
            f"means over {cells} cells were asked for, of values on {n} cells; ask for 1 to {n}"
        )
    if cells == n:
        return means.copy()
    integral = np.zeros((*means.shape[:-1], n + 1))
    np.cumsum(means, axis=-1, out=integral[..., 1:])
    whole, part = np.divmod(np.arange(cells + 1) * n, cells)
    at_edges = integral[..., whole]
    cut = part > 0
    at_edges[..., cut] += part[cut] / cells * means[..., whole[cut]]
    result: Array = np.diff(at_edges, axis=-1) * (cells / n)
    return result


def solve(
    initial: ArrayLike,
    *,
    dx: float,
    gamma: float,
    t_end: float,
    frames: int,
    shear_viscosity: float = 0.0,
    bulk_viscosity: float = 0.0,
    boundary: Boundary = "outgoing",
    cfl: float = 0.3,
    landings: int = 1,
    floor: float = 1e-8,
    max_steps: int = 1_000_000,
    threads: int = 1,
) -> Solution:
    """Solves the compressible Navier-Stokes equations for a batch of trajectories.

    Each trajectory has time steps of its own, so it is the same to the last bit whatever the batch
    and the threads.

    Args:
        initial: Cell means of density, momentum and energy, `[B, 3, n]`, n >= 4; see
            `to_conserved`.
        dx: Width of a cell.
        gamma: Ratio of specific heats, above 1.
        t_end: Time simulated.
        frames: Equally spaced times after the initial one at which the solution is returned.
        shear_viscosity: Viscosity eta.
        bulk_viscosity: Viscosity zeta.
        boundary: `outgoing` (the outermost values continue), `periodic`, or `reflecting` (walls).
        cfl: Courant number: steps are `cfl dx / max(|v| + c + 2 (zeta + 4/3 eta) / (rho dx))`,
            shortened to end on frames. In (0, 0.5].
        landings: Steps end on this many equally spaced times in each frame, the last of which is
            returned; so solutions with the same `frames * landings` are the same solution.
        floor: Density and pressure are kept above this part of their least initial values.
        max_steps: Most time steps of a trajectory.
        threads: Processor threads; never more than numba has started.

    Returns:
        The solution, with the number of floored cells and of steps of each trajectory.

    Raises:
        ValueError: If shapes or numbers do not fit, or an initial density or pressure is not
            positive.
        DivergedError: If a solution is not finite, or needs too many steps, naming the
            trajectories.
    """
    initial = np.ascontiguousarray(initial, dtype=np.float64)
    floors = floor * _check_initial(initial, gamma)
    _check_positive(dx=dx, t_end=t_end, frames=frames, landings=landings, threads=threads)
    _check_positive(floor=floor, max_steps=max_steps)
    if not 0 < cfl <= 0.5:
        raise ValueError(f"cfl must be in (0, 0.5] for the scheme to be stable, got {cfl}")
    if not (shear_viscosity >= 0 and bulk_viscosity >= 0):
        raise ValueError(
            "viscosities must not be negative, got "
            f"shear_viscosity={shear_viscosity}, bulk_viscosity={bulk_viscosity}"
        )
    if boundary not in _BOUNDARIES:
        raise ValueError(f"boundary must be one of {', '.join(_BOUNDARIES)}, got {boundary!r}")
    batch, _, n = initial.shape
    states = np.empty((batch, frames + 1, 3, n))
    states[:, 0] = initial
    floored, steps = np.zeros(batch, np.int64), np.zeros(batch, np.int64)
    threads = min(threads, numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        # Compiled code does not see an interrupt: batches keep the wait for it short.
        for first in range(0, batch, 4 * threads):
            part = slice(first, first + 4 * threads)
            saved = np.empty((initial[part].shape[0], frames, 3, n))
            _hllc.integrate(
                initial[part],
                saved,
                floored[part],
                steps[part],
                landings,
                t_end / (frames * landings),
                dx,
                gamma,
                bulk_viscosity + 4 * shear_viscosity / 3,
                _BOUNDARIES[boundary],
                cfl,
                floors[part],
                max_steps,
            )
            states[part, 1:] = saved
    finally:
        numba.set_num_threads(before)
    _check_solved(states, steps, n, cfl, max_steps)
    return Solution(states, floored, steps)


def _check_positive(**numbers: float) -> None:
    """Refuses numbers that are not positive."""
    for name, number in numbers.items():
        if not number > 0:
            raise ValueError(f"{name} must be positive, got {number}")


def _check_initial(initial: Array, gamma: float) -> Array:
    """Refuses initial states that are no gas; returns least density and pressure, `[B, 2]`."""
    if initial.ndim != 3 or initial.shape[1] != 3 or initial.shape[2] < 2 * _hllc.GHOSTS:
        raise ValueError(
            "initial must have shape [batch, 3, cells], with density, momentum and energy in at "
            f"least {2 * _hllc.GHOSTS} cells, got {list(initial.shape)}"
        )
    if not gamma > 1:
        raise ValueError(f"gamma must be above 1, got {gamma}")
    with np.errstate(all="ignore"):
        density, _, pressure = np.moveaxis(to_primitive(initial, gamma), 1, 0)
    gas = np.isfinite(initial).all(axis=1) & (density > 0) & (pressure > 0)
    wrong = np.flatnonzero(~gas.all(axis=1))
    if wrong.size:
        raise ValueError(
            "initial must be finite, with positive density and pressure; it is not at these "
            f"indices of the batch: {_listed(wrong.tolist())}; give density, momentum and energy "
            "(to_conserved makes them of density, velocity and pressure)"
        )
    return np.stack([density.min(axis=1), pressure.min(axis=1)], axis=1)


def _check_solved(
    states: Array, steps: NDArray[np.int64], cells: int, cfl: float, max_steps: int
) -> None:
    """Refuses solutions that are not finite or were given up."""
    name = f"finite volumes with {cells} cells and cfl {cfl}"
    slow = np.flatnonzero(steps >= max_steps)
    if slow.size:
        problem = f"{name}: more than {max_steps} time steps would be needed"
        remedy = "take fewer cells, a lower viscosity, a shorter time, or a higher max_steps"
        raise DivergedError(slow.tolist(), problem, remedy)
    diverged = np.flatnonzero(~np.isfinite(states[:, -1]).all(axis=(1, 2)))
    if diverged.size:
        remedy = f"take a lower cfl, for example cfl={cfl / 2:g}, or less extreme initial states"
        raise DivergedError(diverged.tolist(), f"{name}: the solution is not finite", remedy)


def _listed(indices: Sequence[int]) -> str:
    """The first indices, for a message."""
    return ", ".join(map(str, indices[:20])) + (", ..." if len(indices) > 20 else "")
