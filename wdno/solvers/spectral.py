r"""Viscous Burgers equation in a sine basis with exponential time differencing.

$$ u_t = -(u^2 / 2)_x + \nu u_{xx} + f, \quad x \in [0, 1], \quad u(0, t) = u(1, t) = 0. $$

With $u = \sum_{k=1}^{N} a_k(t) \sin(k \pi x)$ both ends vanish for good. $u^2$ is even about both
ends, so it is a cosine series and $-(u^2 / 2)_x$ a sine series again:
$$ \dot a_k = -\nu (k \pi)^2 a_k + \tfrac{k \pi}{2} C_k[u^2] + f_k, $$
where $C_k$ is the k-th cosine coefficient. $u^2$ is evaluated on M > 3N/2 intervals, which leaves
no aliasing in the N modes kept. Both transforms are dense matrices: at these sizes one batched
matrix product is faster than many short FFTs. The time scheme is the fourth-order exponential
Runge-Kutta method ETDRK4 (Cox & Matthews 2002, J. Comput. Phys. 176, 430-455, eqs. 26-29), its
coefficients by contour integrals (Kassam & Trefethen 2005, SIAM J. Sci. Comput. 26, 1214-1233).
The linear term and the piecewise constant forcing are integrated exactly.

With the speed u frozen, a mode of phase speed u is amplified by a factor that depends on
$u^2 h / \nu$ and $k \pi \nu / u$ alone. The largest factor passes 1 at $u^2 h / \nu = 4.817$:
beyond, modes near $k \pi = 0.95\,u / \nu$ grow, often into a finite but wrong solution, so a
solution that was ever faster is refused.

Everything is float64 and differentiable with respect to the initial state and the forcing.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from wdno.solvers.grids import (
    check_coordinates,
    check_shapes,
    check_speeds,
    interpolation_matrix,
    sine_projection_matrix,
    whole_steps,
)

STABILITY_LIMIT = 4.817
"""Largest u^2 h / nu for which no mode grows, with the speed u frozen and the time step h."""


class _Scheme(NamedTuple):
    """Matrices and ETDRK4 coefficients of one resolution; N modes, M quadrature intervals."""

    to_points: Tensor  # [N, M - 1]: coefficients to values at j / M
    to_tendency: Tensor  # [M - 1, N]: squared values to the tendency's coefficients
    decay: Tensor  # [N], exp(L h)
    half_decay: Tensor  # [N], exp(L h / 2)
    q: Tensor  # [N], h phi_1(L h / 2) / 2
    f1: Tensor  # [N], weights of the four stages ...
    f2: Tensor
    f3: Tensor


@lru_cache(maxsize=4)
def _scheme(modes: int, viscosity: float, step: float, device: torch.device) -> _Scheme:
    m = 3 * modes // 2 + 1
    k = np.arange(1, modes + 1)
    j = np.arange(1, m) / m
    to_points = np.sin(np.pi * k[:, None] * j)
    to_tendency = np.cos(np.pi * j[:, None] * k) * (k * np.pi / m)
    z = -viscosity * (np.pi * k) ** 2 * step
    # The closed forms lose all digits near z = 0; their means over a circle around z do not.
    circle = np.exp(1j * np.pi * (np.arange(32) + 0.5) / 32)
    w = z[:, None] + circle
    e = np.exp(w)
    q = (np.exp(w / 2) - 1) / w
    f1 = (-4 - w + e * (4 - 3 * w + w**2)) / w**3
    f2 = 2 * (2 + w + e * (w - 2)) / w**3
    f3 = (-4 - 3 * w - w**2 + e * (4 - w)) / w**3
    weights = [step * part.real.mean(axis=1) for part in (q, f1, f2, f3)]
    parts = [to_points, to_tendency, np.exp(z), np.exp(z / 2), *weights]
    return _Scheme(*(torch.as_tensor(part, device=device) for part in parts))


def _advance(
    a: Tensor, forcing: Tensor, scheme: _Scheme, repeat: int, keep: range
) -> tuple[Tensor, Tensor]:
    """Takes `repeat` steps under each forcing in turn.

    Args:
        a: Coefficients `[B, N]`.
        forcing: Coefficients of the forcing `[segments, B, N]`.
        scheme: Matrices and step.
        repeat: Steps per segment.
        keep: Segments after which the coefficients are wanted.

    Returns:
        `[len(keep) + 1, B, N]`: the coefficients wanted, then those at the end; and the largest |u|
        of each trajectory, `[B]`.
    """
    s = scheme
    kept = []
    peak = torch.zeros_like(a[:, 0])
    for segment, force in enumerate(forcing):
        for _ in range(repeat):
            u = a @ s.to_points
            peak = torch.maximum(peak, u.detach().abs().amax(dim=1))
            tendency_a = torch.addmm(force, torch.square(u), s.to_tendency)
            half = s.half_decay * a
            b = torch.addcmul(half, s.q, tendency_a)
            tendency_b = torch.addmm(force, torch.square(b @ s.to_points), s.to_tendency)
            c = torch.addcmul(half, s.q, tendency_b)
            tendency_c = torch.addmm(force, torch.square(c @ s.to_points), s.to_tendency)
            d = torch.addcmul(s.half_decay * b, s.q, 2 * tendency_c - tendency_a)
            tendency_d = torch.addmm(force, torch.square(d @ s.to_points), s.to_tendency)
            a = torch.addcmul(s.decay * a, s.f1, tendency_a)
            a = torch.addcmul(a, s.f2, tendency_b + tendency_c)
            a = torch.addcmul(a, s.f3, tendency_d)
        if segment in keep:
            kept.append(a)
    return torch.stack([*kept, a]), peak.detach()


def solve(
    u0: Tensor,
    f: Tensor,
    *,
    x: ArrayLike,
    viscosity: float,
    t_end: float,
    frames: int,
    x_out: ArrayLike | None = None,
    modes: int = 240,
    steps: int = 2560,
    save_memory: bool = True,
) -> Tensor:
    """Solves the Burgers equation with zero end values for a batch of trajectories.

    Between their coordinates `u0` and `f` are read as cubic splines, continued linearly to the
    ends, and projected onto the sines by integration. The solution is evaluated from its series,
    exactly, at any coordinates. Runs on the device of `u0`, in float64 whatever the input.

    Args:
        u0: Initial states `[B, n_in]`. They need not vanish at the ends.
        f: Forcing `[B, K, n_in]`, constant on each of K equal intervals of [0, t_end].
        x: Coordinates of `u0` and `f`, `[n_in]`, strictly increasing in [0, 1].
        viscosity: Viscosity nu.
        t_end: Time simulated.
        frames: Equally spaced times after the initial one at which the solution is returned.
        x_out: Coordinates of the solution `[n_out]`; those of the input by default.
        modes: Sine modes N.
        steps: Least number of time steps; raised to a multiple of K and of `frames`.
        save_memory: Recompute instead of storing the inner steps when gradients are needed:
            memory of about the square root of the steps, for one more forward pass.

    Returns:
        The solution `[B, frames + 1, n_out]`, float64; frame 0 is `u0` at `x_out`.

    Raises:
        ValueError: If shapes, coordinates or numbers of steps do not fit.
        DivergedError: If the solution is not finite, or too fast for the step to be stable, naming
            the trajectories.
    """
    x = check_coordinates(x)
    x_out = x if x_out is None else check_coordinates(x_out, "x_out")
    check_shapes(tuple(u0.shape), tuple(f.shape), x.size)
    if not (viscosity > 0 and t_end > 0 and modes >= 1):
        raise ValueError(
            "viscosity, t_end and modes must be positive, "
            f"got viscosity={viscosity}, t_end={t_end}, modes={modes}"
        )
    if f.device != u0.device:
        raise ValueError(f"u0 is on {u0.device} and f on {f.device}; move them to one device")
    intervals = f.shape[1]
    steps = whole_steps(steps, intervals, frames)
    segments = math.lcm(intervals, frames)
    device = u0.device

    def constant(matrix: np.ndarray) -> Tensor:
        return torch.tensor(matrix, device=device)

    u0, f = u0.double(), f.double()
    project = constant(sine_projection_matrix(x, modes))
    scheme = _scheme(modes, float(viscosity), float(t_end) / steps, device)
    forcing = (f @ project).transpose(0, 1)
    which = torch.arange(segments, device=device) * intervals // segments
    recompute = save_memory and torch.is_grad_enabled() and (u0.requires_grad or f.requires_grad)
    repeat = steps // segments
    chunk = max(1, math.isqrt(steps) // repeat) if recompute else segments
    a, kept = u0 @ project, []
    peak = torch.zeros_like(a[:, 0]).detach()
    for first in range(0, segments, chunk):
        part = which[first : first + chunk]
        # Segment s ends at a frame when (s + 1) is a multiple of segments / frames.
        every = segments // frames
        keep = range((-first - 1) % every, len(part), every)
        if recompute:
            states, faster = checkpoint(
                _advance, a, forcing[part], scheme, repeat, keep, use_reentrant=False
            )
        else:
            states, faster = _advance(a, forcing[part], scheme, repeat, keep)
        a, peak = states[-1], torch.maximum(peak, faster)
        kept.append(states[:-1])
    k = np.arange(1, modes + 1)
    sines = constant(np.sin(np.pi * k[:, None] * x_out))
    solution = torch.cat(kept).transpose(0, 1) @ sines
    start = u0 if np.array_equal(x, x_out) else u0 @ constant(interpolation_matrix(x, x_out))
    # The last frame is not followed by a step, and so is not in the peak.
    peak = torch.maximum(peak, solution.detach().abs().amax(dim=(1, 2)))
    limit = math.sqrt(STABILITY_LIMIT * viscosity * steps / t_end)
    name = f"sine-basis solver with {modes} modes and {steps} steps"
    check_speeds(peak.cpu().numpy(), limit, name, steps)
    return torch.cat([start[:, None], solution], dim=1)
