r"""Step limits of explicit schemes, for solvers and for checks of options; imports nothing heavy.

Forward Euler with central differences on spacing $h$ is stable for $\nu \Delta t / h^2 \le 1/2$ and
$u^2 \Delta t \le 2 \nu$.
"""

from __future__ import annotations

import math


def required_steps(points: int, viscosity: float, t_end: float, speed: float = 0.0) -> int:
    """Least number of steps for which the scheme can be stable.

    Args:
        points: Interior points P.
        viscosity: Viscosity nu.
        t_end: Time simulated.
        speed: Largest |u|.
    """
    diffusive = 2 * viscosity * t_end * (points + 1) ** 2
    advective = t_end * speed**2 / (2 * viscosity)
    return max(math.floor(diffusive) + 1, math.ceil(advective))


def required_steps_2d(viscosity: float, t_end: float, spacing: float) -> int:
    """Least number of explicit Euler steps of diffusion on a square grid: nu dt / h^2 <= 1/4.

    Args:
        viscosity: Viscosity nu.
        t_end: Time simulated.
        spacing: Width h of a cell.
    """
    return max(1, math.ceil(4 * viscosity * t_end / spacing**2))
