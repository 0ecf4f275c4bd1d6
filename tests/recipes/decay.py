r"""Waves that decay: $u_t = -\lambda u + f$ on a periodic interval, point by point.

$$ u(t + \Delta t) = e^{-\lambda \Delta t} u(t) + \frac{1 - e^{-\lambda \Delta t}}{\lambda} f $$

is exact for a forcing f that is constant on each interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Option
from pydantic import PositiveFloat, PositiveInt

from wdno.options import Section
from wdno.systems import base
from wdno.systems.base import Axis, Field, SystemOptions


class DecayGridOptions(Section):
    """The grid on which trajectories are stored."""

    time: PositiveInt = Option(default=16, description="Time steps.")
    x: PositiveInt = Option(default=24, description="Points.")


class DecayOptions(SystemOptions):
    """Rate, and stored grid."""

    rate: PositiveFloat = Option(default=1.0, description="Rate of decay.")
    grid: DecayGridOptions = Option(default_factory=DecayGridOptions, description="The grid.")

    def grid_shape(self) -> tuple[int, int]:
        """Return `(T, X)`."""
        return self.grid.time, self.grid.x

    def boundaries(self) -> tuple[base.Boundary, ...]:
        """Return the boundary condition of x."""
        return ("periodic",)


class Decay(base.EquationSystem):
    """State u, forcing f."""

    name: ClassVar[str] = "decay"
    title = "Decaying waves"
    fields = (Field("u", "state", "1", "height u"), Field("f", "forcing", "1", "forcing f"))
    axes = (Axis("x", "periodic", "1", "position x"),)

    def __init__(self, options: DecayOptions | None = None) -> None:
        """Set up the system; with the default options if they are left out."""
        self.options = options or DecayOptions()
        steps, points = self.options.grid_shape()
        self.x = np.arange(points) / points
        self.time = np.linspace(0.0, 1.0, steps + 1)

    def coordinates(self) -> dict[str, NDArray[np.float64]]:
        """Return times, intervals and positions."""
        bounds = np.stack([self.time[:-1], self.time[1:]], axis=1)
        return {
            "time": self.time,
            "interval": bounds.mean(axis=1),
            "interval_bounds": bounds,
            "x": self.x,
        }

    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, NDArray[Any]]:
        """Draw a wave and a forcing for each seed, and solve."""
        states, forcings = [], []
        decay = np.exp(-self.options.rate * np.diff(self.time))
        for seed in seeds:
            rng = np.random.default_rng(seed)
            wave = rng.integers(1, 4)
            u = [np.sin(2 * np.pi * (wave * self.x + rng.uniform()))]
            f = rng.normal(size=(len(decay), 1)) * np.ones_like(self.x)
            for k, kept in enumerate(decay):
                u.append(kept * u[-1] + (1 - kept) / self.options.rate * f[k])
            states.append(u)
            forcings.append(f)
        return {"u": np.float32(states), "f": np.float32(forcings)}


Options = DecayOptions
System = Decay
