"""A second-order MUSCL-HLLC scheme as in textbooks, in plain numpy, to compare the solver with.

Van Leer's limiter on density, velocity and pressure, HLLC with the pressure-based wave speeds of
Toro (Riemann Solvers and Numerical Methods for Fluid Dynamics, 2009, section 10.5), Heun's steps.
"""

from __future__ import annotations

import numpy as np


def conserved(w: np.ndarray, gamma: float) -> np.ndarray:
    rho, v, p = w
    return np.stack([rho, rho * v, p / (gamma - 1) + rho * v**2 / 2])


def primitive(u: np.ndarray, gamma: float) -> np.ndarray:
    v = u[1] / u[0]
    return np.stack([u[0], v, (gamma - 1) * (u[2] - u[1] * v / 2)])


def flux(w: np.ndarray, gamma: float) -> np.ndarray:
    rho, v, p = w
    return np.stack([rho * v, rho * v**2 + p, v * (p * gamma / (gamma - 1) + rho * v**2 / 2)])


def hllc(left: np.ndarray, right: np.ndarray, gamma: float) -> np.ndarray:
    sound = [np.sqrt(gamma * w[2] / w[0]) for w in (left, right)]
    mean = (left[0] + right[0]) * (sound[0] + sound[1]) / 4
    p = np.maximum(0, (left[2] + right[2]) / 2 - (right[1] - left[1]) * mean / 2)
    factor = [
        np.sqrt(1 + (gamma + 1) / (2 * gamma) * np.maximum(p / w[2] - 1, 0)) for w in (left, right)
    ]
    s = [left[1] - sound[0] * factor[0], right[1] + sound[1] * factor[1]]
    q = [w[0] * (s_k - w[1]) for w, s_k in zip((left, right), s, strict=True)]
    middle = (right[2] - left[2] + q[0] * left[1] - q[1] * right[1]) / (q[0] - q[1])
    result = np.where(s[0] >= 0, flux(left, gamma), flux(right, gamma))
    for w, s_k, q_k, here in (
        (left, s[0], q[0], (s[0] < 0) & (middle >= 0)),
        (right, s[1], q[1], (middle < 0) & (s[1] > 0)),
    ):
        u = conserved(w, gamma)
        rho = q_k / (s_k - middle)
        energy = rho * (u[2] / w[0] + (middle - w[1]) * (middle + w[2] / q_k))
        star = np.stack([rho, rho * middle, energy])
        result = np.where(here, flux(w, gamma) + s_k * (star - u), result)
    return result


def change(u: np.ndarray, dx: float, gamma: float, limiter: str) -> np.ndarray:
    w = np.pad(primitive(u, gamma), ((0, 0), (2, 2)), mode="edge")
    a, b = np.diff(w[:, :-1]), np.diff(w[:, 1:])
    same = a * b > 0
    if limiter == "minmod":
        slope = np.where(same, np.sign(a) * np.minimum(abs(a), abs(b)), 0)
    else:
        slope = np.where(same, 2 * a * b / np.where(same, a + b, 1), 0)
    inner = w[:, 1:-1]
    faces = hllc((inner + slope / 2)[:, :-1], (inner - slope / 2)[:, 1:], gamma)
    return -np.diff(faces) / dx


def solve(
    w: np.ndarray,
    dx: float,
    gamma: float,
    t_end: float,
    cfl: float = 0.4,
    limiter: str = "van Leer",
) -> np.ndarray:
    """Density, velocity, pressure `[3, n]` at t_end, with outgoing boundaries."""
    u, t = conserved(w, gamma), 0.0
    while t < t_end:
        rho, v, p = primitive(u, gamma)
        step = min(cfl * dx / (abs(v) + np.sqrt(gamma * p / rho)).max(), t_end - t)
        once = u + step * change(u, dx, gamma, limiter)
        u = (u + once + step * change(once, dx, gamma, limiter)) / 2
        t += step
    return primitive(u, gamma)
