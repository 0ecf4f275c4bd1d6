r"""Viscous Burgers equation by conservative central differences and explicit Euler steps.

$$ u_t = -(u^2 / 2)_x + \nu u_{xx} + f, \quad x \in [0, 1], \quad u(0, t) = u(1, t) = 0. $$

On the interior points $x_i = i\,\Delta x$, $\Delta x = 1 / (P + 1)$, with zero ghost values at both
ends,
$$ u_i^{n+1} = u_i^n - \tfrac{\Delta t}{4 \Delta x} \big((u_{i+1}^n)^2 - (u_{i-1}^n)^2\big)
   + \tfrac{\nu \Delta t}{\Delta x^2} (u_{i+1}^n - 2 u_i^n + u_{i-1}^n) + \Delta t\, f_i^n, $$
second order in space and first in time. It is stable for
$2 \nu \Delta t / \Delta x^2 < 1$ and $\Delta t \le 2 \nu / \max |u|^2$ (Hindmarsh, Gresho &
Griffiths 1984, Int. J. Numer. Methods Fluids 4, 853-897), so its steps grow with the square of its
points: with 1920 points and 614 400 steps it is the scheme of WDNO's data (arXiv 2412.04833), with
fewer points it is far cheaper and still well below the error of any model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from wdno.solvers.compilation import compiled
from wdno.solvers.grids import (
    check_coordinates,
    check_shapes,
    check_speeds,
    dirichlet_interpolation_matrix,
    interior_grid,
    interpolation_matrix,
    whole_steps,
)
from wdno.solvers.stability import required_steps

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


# Infinities and NaN keep their meaning (no "nnan", "ninf"): divergence is detected from them.
@compiled(parallel=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz", "arcp"})
def _integrate(
    u0: Array, f: Array, steps: int, step: float, advection: float, diffusion: float, saved: Array
) -> None:  # pragma: no cover - compiled
    """Fills `saved [B, frames, P + 2]` from `u0 [B, P]` and `f [B, K, P]`, one thread each."""
    batch, points = u0.shape
    hold = steps // f.shape[1]
    every = steps // saved.shape[1]
    for sample in numba.prange(batch):
        u = np.zeros(points + 2)
        new = np.zeros(points + 2)
        source = np.empty(points)
        u[1:-1] = u0[sample]
        for n in range(steps):
            if n % hold == 0:
                for i in range(points):
                    source[i] = step * f[sample, n // hold, i]
            for i in range(points):
                left, right = u[i], u[i + 2]
                new[i + 1] = (
                    (1.0 - 2.0 * diffusion) * u[i + 1]
                    + right * (diffusion - advection * right)
                    + left * (diffusion + advection * left)
                    + source[i]
                )
            u, new = new, u
            if (n + 1) % every == 0:
                saved[sample, (n + 1) // every - 1] = u


@compiled(parallel=True, error_model="numpy", fastmath={"contract"})
def _multiply(
    values: Array, matrix: Array, first: Indices, last: Indices, out: Array
) -> None:  # pragma: no cover - compiled
    """`out [B, F, m] = values [B, F, n] @ matrix`, row i of which is zero but in first..last."""
    for sample in numba.prange(values.shape[0]):
        for frame in range(values.shape[1]):
            out[sample, frame] = 0.0
            for i in range(values.shape[2]):
                value = values[sample, frame, i]
                for j in range(first[i], last[i] + 1):
                    out[sample, frame, j] += value * matrix[i, j]


def read(values: Array, matrix: Array | None) -> Array:
    """`values [B, F, n] @ matrix [n, m]`, on the solver's threads, each trajectory by itself.

    None stands for the identity.

    Not by BLAS: its result may depend on the batch, and on a busy machine its threads wait for each
    other through many small products. The influence of a value on a spline dies off
    exponentially, so all but a band of the matrix is below rounding.
    """
    if matrix is None:
        return values
    matters = np.abs(matrix) > 1e-17
    first = np.where(matters.any(axis=1), matters.argmax(axis=1), 0)
    last = np.where(matters.any(axis=1), matrix.shape[1] - 1 - matters[:, ::-1].argmax(axis=1), -1)
    out = np.empty((*values.shape[:2], matrix.shape[1]))
    _multiply(values, matrix, first, last, out)
    return out


def _between(x: Array, x_out: Array) -> Array | None:
    return None if np.array_equal(x, x_out) else interpolation_matrix(x, x_out)


@contextmanager
def numba_threads(threads: int) -> Iterator[int]:
    """Let compiled loops use so many threads, or as many as numba has started; yields how many."""
    threads = min(threads, numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        yield threads
    finally:
        numba.set_num_threads(before)


@dataclass(frozen=True)
class Scheme:
    """The scheme for one problem: steps, coefficients, and maps between the grids.

    Attributes:
        viscosity: Viscosity nu.
        points: Interior grid points P.
        steps: Time steps.
        step: Length of one.
        advection: step / (4 dx).
        diffusion: nu step / dx^2.
        x_out: Coordinates of the solution `[n_out]`.
        to_grid: From the input's coordinates to the grid, `[n_in, P]`; None: they are the same.
        to_out: From the input's coordinates to those of the solution, `[n_in, n_out]`, likewise.
        from_grid: From the grid with its ends to the coordinates of the solution, `[P + 2, n_out]`.
    """

    viscosity: float
    points: int
    steps: int
    step: float
    advection: float
    diffusion: float
    x_out: Array
    to_grid: Array | None
    to_out: Array | None
    from_grid: Array

    @classmethod
    def of(
        cls,
        u0: ArrayLike,
        f: ArrayLike,
        x: ArrayLike,
        x_out: ArrayLike | None,
        viscosity: float,
        t_end: float,
        frames: int,
        points: int,
        steps: int,
        threads: int,
    ) -> Scheme:
        """Check a problem, as :func:`solve` is given it, and lay out its scheme.

        Raises:
            ValueError: as :func:`solve`.
        """
        x = check_coordinates(x)
        x_out = x if x_out is None else check_coordinates(x_out, "x_out")
        u0, f = np.asarray(u0), np.asarray(f)
        check_shapes(u0.shape, f.shape, x.size)
        if not (viscosity > 0 and t_end > 0 and points >= 1 and threads >= 1):
            raise ValueError(
                "viscosity, t_end, points and threads must be positive, got "
                f"viscosity={viscosity}, t_end={t_end}, points={points}, threads={threads}"
            )
        steps = whole_steps(steps, f.shape[1], frames)
        speed = float(np.abs(u0).max(initial=0.0))
        needed = required_steps(points, viscosity, t_end, speed if math.isfinite(speed) else 0.0)
        step, dx = t_end / steps, 1 / (points + 1)
        if steps < needed:
            raise ValueError(
                f"{steps} steps are unstable on {points} points: nu dt / dx^2 = "
                f"{viscosity * step / dx**2:.3g} (must be below 0.5) and max |u0|^2 dt / (2 nu) = "
                f"{speed**2 * step / (2 * viscosity):.3g} (must not exceed 1) for max |u0| = "
                f"{speed:.3g}; take steps >= {needed}, or fewer points"
            )
        return cls(
            viscosity=viscosity,
            points=points,
            steps=steps,
            step=step,
            advection=step / (4 * dx),
            diffusion=viscosity * step / dx**2,
            x_out=x_out,
            to_grid=_between(x, interior_grid(points)),
            to_out=_between(x, x_out),
            from_grid=dirichlet_interpolation_matrix(points, x_out),
        )

    def march(self, u: Array, f: Array, steps: int, frames: int) -> Array:
        """Go so many steps on the grid, on the threads that numba has.

        Args:
            u: States `[B, P]`.
            f: Forcing `[B, K, P]`, each for `steps / K` steps.
            steps: Steps, a multiple of K and of `frames`.
            frames: States that are returned, equally spaced.

        Returns:
            The states after the first with their ends, `[B, frames, P + 2]`.
        """
        saved = np.empty((len(u), frames, self.points + 2))
        _integrate(u, f, steps, self.step, self.advection, self.diffusion, saved)
        return saved

    def check(self, solution: Array) -> None:
        """Refuse a solution `[B, frames + 1, n_out]` that is not finite, or too fast for the step.

        Raises:
            DivergedError: Naming the trajectories.
        """
        name = f"finite differences with {self.points} points and {self.steps} steps"
        peaks = np.abs(solution).max(axis=(1, 2), initial=0.0)
        check_speeds(peaks, math.sqrt(2 * self.viscosity / self.step), name, self.steps)


def solve(
    u0: ArrayLike,
    f: ArrayLike,
    *,
    x: ArrayLike,
    viscosity: float,
    t_end: float,
    frames: int,
    x_out: ArrayLike | None = None,
    points: int = 480,
    steps: int = 38_400,
    threads: int = 1,
) -> Array:
    """Solves the Burgers equation with zero end values for a batch of trajectories.

    Between their coordinates `u0` and `f` are read as cubic splines, continued linearly to the
    ends; the solution between grid points as the cubic spline that vanishes at the ends. A
    trajectory is computed alone, so it does not depend on the batch or on the threads.

    Args:
        u0: Initial states `[B, n_in]`. They need not vanish at the ends.
        f: Forcing `[B, K, n_in]`, constant on each of K equal intervals of [0, t_end].
        x: Coordinates of `u0` and `f`, `[n_in]`, strictly increasing in [0, 1].
        viscosity: Viscosity nu.
        t_end: Time simulated.
        frames: Equally spaced times after the initial one at which the solution is returned.
        x_out: Coordinates of the solution `[n_out]`; those of the input by default.
        points: Interior grid points P.
        steps: Least number of time steps; raised to a multiple of K and of `frames`.
        threads: Processor threads; never more than numba has started.

    Returns:
        The solution `[B, frames + 1, n_out]`, float64; frame 0 is `u0` at `x_out`.

    Raises:
        ValueError: If shapes, coordinates or numbers of steps do not fit, or if the step is
            unstable by the viscosity or by the speed of the initial states.
        DivergedError: If the solution is not finite, or too fast for the step to be stable, naming
            the trajectories.
    """
    scheme = Scheme.of(u0, f, x, x_out, viscosity, t_end, frames, points, steps, threads)
    u0, f = np.asarray(u0), np.asarray(f)
    solution = np.empty((u0.shape[0], frames + 1, scheme.x_out.size))
    with numba_threads(threads) as threads:
        # Compiled code does not see an interrupt: batches keep the wait for it short.
        for first in range(0, u0.shape[0], 4 * threads):
            part = slice(first, first + 4 * threads)
            start = np.ascontiguousarray(u0[part, None], dtype=np.float64)
            forcing = np.ascontiguousarray(f[part], dtype=np.float64)
            solution[part, :1] = read(start, scheme.to_out)
            saved = scheme.march(
                read(start, scheme.to_grid)[:, 0],
                read(forcing, scheme.to_grid),
                scheme.steps,
                frames,
            )
            solution[part, 1:] = read(saved, scheme.from_grid)
    scheme.check(solution)
    return solution
