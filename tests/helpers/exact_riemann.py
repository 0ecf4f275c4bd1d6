"""Exact solutions of Riemann problems of an ideal gas, and the problems of the literature.

Toro, Riemann Solvers and Numerical Methods for Fluid Dynamics (2009), chapter 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq


@dataclass(frozen=True)
class Riemann:
    """A Riemann problem: two states (density, velocity, pressure) that meet at x = jump."""

    left: tuple[float, float, float]
    right: tuple[float, float, float]
    gamma: float = 1.4
    jump: float = 0.5
    time: float = 0.2

    def star(self) -> tuple[float, float]:
        """Pressure and velocity between the two nonlinear waves."""
        sides = (self.left, self.right)
        spread = self.right[1] - self.left[1]

        def gap(p: float) -> float:
            return sum(self._change(p, side) for side in sides) + spread

        top = max(side[2] for side in sides)
        while gap(top) < 0:
            top *= 2
        p = brentq(gap, 1e-14 * top, top, xtol=1e-300, rtol=1e-14)
        changes = [self._change(p, side) for side in sides]
        v = (self.left[1] + self.right[1]) / 2 + (changes[1] - changes[0]) / 2
        return p, v

    def _change(self, p: float, side: tuple[float, float, float]) -> float:
        """Change of velocity across the wave between a side and pressure p."""
        g, (rho, _, p_k) = self.gamma, side
        if p > p_k:
            a, b = 2 / ((g + 1) * rho), (g - 1) / (g + 1) * p_k
            return (p - p_k) * np.sqrt(a / (p + b))
        return 2 / (g - 1) * np.sqrt(g * p_k / rho) * ((p / p_k) ** ((g - 1) / (2 * g)) - 1)

    def _side(self, xi: np.ndarray, right: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Solution at x / t = xi on one side of the contact."""
        p, v = self.star()
        g, sign = self.gamma, 1.0 if right else -1.0
        rho_k, v_k, p_k = self.right if right else self.left
        c_k, ratio = np.sqrt(g * p_k / rho_k), p / p_k
        # In the frame of a wave that runs to the right.
        y, v_k, v = sign * xi, sign * v_k, sign * v
        if ratio > 1:
            kappa = (g - 1) / (g + 1)
            rho = rho_k * (ratio + kappa) / (kappa * ratio + 1)
            head = tail = v_k + c_k * np.sqrt((g + 1) / (2 * g) * ratio + (g - 1) / (2 * g))
        else:
            rho = rho_k * ratio ** (1 / g)
            head, tail = v_k + c_k, v + np.sqrt(g * p / rho)
        fan_c = 2 / (g + 1) * c_k + (g - 1) / (g + 1) * (y - v_k)
        fan_v = y - fan_c
        strength = np.maximum(fan_c / c_k, 0) ** (2 / (g - 1))
        fan = (rho_k * strength, fan_v, p_k * strength**g)
        outer, inner = (rho_k, v_k, p_k), (rho, v, p)
        density, velocity, pressure = (
            np.where(y >= head, o, np.where(y > tail, f, i))
            for o, f, i in zip(outer, fan, inner, strict=True)
        )
        return density, sign * velocity, pressure

    def at(self, x: np.ndarray, time: float | None = None) -> np.ndarray:
        """Density, velocity, pressure `[3, len(x)]` at a time; that of the problem if left out."""
        time = self.time if time is None else time
        if time == 0:
            sides = np.array([self.left, self.right]).T
            return np.where(np.asarray(x) < self.jump, sides[:, :1], sides[:, 1:])
        xi = (np.asarray(x) - self.jump) / time
        left, right = self._side(xi, False), self._side(xi, True)
        return np.where(xi < self.star()[1], np.stack(left), np.stack(right))


PROBLEMS = {
    "Sod": Riemann((1, 0, 1), (0.125, 0, 0.1), time=0.2),
    "Lax": Riemann((0.445, 0.698, 3.528), (0.5, 0, 0.571), time=0.14),
    "123": Riemann((1, -2, 0.4), (1, 2, 0.4), time=0.15),
    "strong shock": Riemann((1, 0, 1000), (1, 0, 0.01), time=0.012),
    "contact": Riemann((1.4, 1, 1), (1, 1, 1), jump=0.3, time=0.3),
}
