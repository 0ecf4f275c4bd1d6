r"""Gradients of the finite-difference solution of the Burgers equation, by its discrete adjoint.

A step of `wdno.solvers.finite_difference`, $u^{n+1} = \Phi(u^n) + \Delta t f^n$, is differentiated
as it stands. With $a = \Delta t / (4 \Delta x)$, $d = \nu \Delta t / \Delta x^2$, and $J$ of
the frames, the adjoint $g^n = \partial J / \partial u^n$ obeys, backwards in time,

$$ g_i^n = (1 - 2 d)\, g_i^{n+1} + (d - 2 a u_i^n)\, g_{i-1}^{n+1} + (d + 2 a u_i^n)\, g_{i+1}^{n+1}
   + \frac{\partial J}{\partial u_i^n}\Big|_{frames}, \qquad
   \frac{\partial J}{\partial f_i^n} = \Delta t\, g_i^{n+1}, $$

with zero ghost values. The states are not kept: the solution is computed once more from states that
are $\sqrt{N}$ steps apart, so that memory grows with the root of the steps N (Griewank 1992,
Optim. Methods Softw. 1(1), 35-54), and a gradient takes about as long as five solutions.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from wdno.solvers.compilation import compiled
from wdno.solvers.finite_difference import Array, Scheme, numba_threads, read, solve


@compiled(parallel=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz", "arcp"})
def _pull_back(
    u0: Array,
    f: Array,
    weights: Array,
    steps: int,
    step: float,
    a: float,
    d: float,
    u0_gradient: Array,
    f_gradient: Array,
) -> None:  # pragma: no cover - compiled
    """Fills the gradients from `u0 [B, P]`, `f [B, K, P]`, `weights [B, frames, P + 2]`."""
    batch, points = u0.shape
    hold = steps // f.shape[1]
    every = steps // weights.shape[1]
    length = math.ceil(math.sqrt(steps))
    parts = (steps + length - 1) // length
    stay = 1.0 - 2.0 * d
    for sample in numba.prange(batch):
        starts = np.zeros((parts, points + 2))
        states = np.zeros((length, points + 2))
        source = np.zeros(points)
        total = np.zeros(points)
        u = np.zeros(points + 2)
        new = np.zeros(points + 2)
        g = np.zeros(points + 2)
        back = np.zeros(points + 2)
        u[1:-1] = u0[sample]
        # Once through all parts, keeping their starts; then each part again, from the last to the
        # first, keeping its states, and back through them.
        for visit in range(2 * parts - 1):
            part = visit if visit < parts else 2 * parts - 2 - visit
            first, last = part * length, min((part + 1) * length, steps)
            if visit < parts:
                starts[part] = u
            else:
                u[:] = starts[part]
            for n in range(first, last):
                if n == first or n % hold == 0:
                    for i in range(points):
                        source[i] = step * f[sample, n // hold, i]
                if visit >= parts - 1:
                    states[n - first] = u
                for i in range(points):
                    left, right = u[i], u[i + 2]
                    new[i + 1] = (
                        stay * u[i + 1]
                        + right * (d - a * right)
                        + left * (d + a * left)
                        + source[i]
                    )
                u, new = new, u
            if visit < parts - 1:
                continue
            for n in range(last - 1, first - 1, -1):
                if (n + 1) % every == 0:
                    g += weights[sample, (n + 1) // every - 1]
                    g[0] = g[-1] = 0.0
                state = states[n - first]
                for i in range(points):
                    total[i] += g[i + 1]
                for i in range(points):
                    speed = 2.0 * a * state[i + 1]
                    back[i + 1] = stay * g[i + 1] + (d - speed) * g[i] + (d + speed) * g[i + 2]
                g, back = back, g
                if n % hold == 0:
                    for i in range(points):
                        f_gradient[sample, n // hold, i] = step * total[i]
                        total[i] = 0.0
        u0_gradient[sample] = g[1:-1]


def pull_back(
    u0: ArrayLike,
    f: ArrayLike,
    weights: ArrayLike,
    *,
    x: ArrayLike,
    viscosity: float,
    t_end: float,
    frames: int,
    x_out: ArrayLike | None = None,
    points: int = 480,
    steps: int = 38_400,
    threads: int = 1,
) -> tuple[Array, Array]:
    """Return the gradient of the weighted sum of a solution with respect to u0 and f.

    Args:
        u0: Initial states `[B, n_in]`.
        f: Forcing `[B, K, n_in]`.
        weights: Of the solution's values, `[B, frames + 1, n_out]`: for a function J of the
            solution its derivatives.
        x: As of `wdno.solvers.finite_difference.solve`, with all that follow.
        viscosity: Viscosity nu.
        t_end: Time simulated.
        frames: Frames after the initial one.
        x_out: Coordinates of the solution; those of the input by default.
        points: Interior grid points P.
        steps: Least number of time steps.
        threads: Processor threads.

    Returns:
        Gradients with respect to `u0` `[B, n_in]` and to `f` `[B, K, n_in]`, float64. A trajectory
        is computed alone, so they do not depend on the batch or on the threads.

    Raises:
        ValueError: If shapes, coordinates or numbers of steps do not fit, or the step is unstable.
    """
    scheme = Scheme.of(u0, f, x, x_out, viscosity, t_end, frames, points, steps, threads)
    u0, f, weights = (np.asarray(values, dtype=np.float64) for values in (u0, f, weights))
    expected = (u0.shape[0], frames + 1, scheme.x_out.size)
    if weights.shape != expected:
        raise ValueError(
            f"weights must have the shape of the solution, {list(expected)}, got "
            f"{list(weights.shape)}"
        )
    u0_gradient, f_gradient = np.empty(u0.shape), np.empty(f.shape)
    to_grid = None if scheme.to_grid is None else np.ascontiguousarray(scheme.to_grid.T)
    to_out = None if scheme.to_out is None else np.ascontiguousarray(scheme.to_out.T)
    from_grid = np.ascontiguousarray(scheme.from_grid.T)
    with numba_threads(threads) as threads:
        for first in range(0, u0.shape[0], 4 * threads):
            part = slice(first, first + 4 * threads)
            start = read(np.ascontiguousarray(u0[part, None]), scheme.to_grid)[:, 0]
            forcing = read(np.ascontiguousarray(f[part]), scheme.to_grid)
            of_start, of_forcing = np.empty(start.shape), np.empty(forcing.shape)
            weight = np.ascontiguousarray(weights[part])
            _pull_back(
                start,
                forcing,
                read(weight[:, 1:], from_grid),
                scheme.steps,
                scheme.step,
                scheme.advection,
                scheme.diffusion,
                of_start,
                of_forcing,
            )
            of_frame = read(weight[:, :1], to_out)
            u0_gradient[part] = (read(of_start[:, None], to_grid) + of_frame)[:, 0]
            f_gradient[part] = read(of_forcing, to_grid)
    return u0_gradient, f_gradient


class _Solution(torch.autograd.Function):
    """The solution as a node of PyTorch's graph."""

    @staticmethod
    def forward(context: Any, u0: Tensor, f: Tensor, options: dict[str, Any]) -> Tensor:
        context.save_for_backward(u0, f)
        context.options = options
        solution = solve(u0.numpy(force=True), f.numpy(force=True), **options)
        return torch.from_numpy(solution).to(u0.device)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, weights: Tensor) -> tuple[Tensor, Tensor, None]:
        u0, f = context.saved_tensors
        parts = (values.numpy(force=True) for values in (u0, f, weights))
        gradients = pull_back(*parts, **context.options)
        of_u0, of_f = (
            torch.from_numpy(gradient).to(like)
            for gradient, like in zip(gradients, (u0, f), strict=True)
        )
        return of_u0, of_f, None


def solve_differentiable(u0: Tensor, f: Tensor, **options: Any) -> Tensor:
    """Solve as `wdno.solvers.finite_difference.solve`, differentiably, once.

    Args:
        u0: Initial states `[B, n_in]`, on any device; the solution is computed on the CPU.
        f: Forcing `[B, K, n_in]`.
        options: Of `wdno.solvers.finite_difference.solve`.

    Returns:
        The solution `[B, frames + 1, n_out]`, float64, on the device of `u0`.

    Raises:
        ValueError: If shapes, coordinates or numbers of steps do not fit, or the step is unstable.
        DivergedError: If the solution is not finite, or too fast for the step to be stable.
    """
    solution: Tensor = _Solution.apply(u0, f, options)  # type: ignore[no-untyped-call]
    return solution
