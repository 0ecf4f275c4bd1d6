r"""Linear advection on a periodic interval.

$$ u_t + \beta u_x = 0, \quad x \in [0, 1), \quad u(x, t) = u_0(x - \beta t), $$

the exact solution being evaluated at the stored points. Initial states follow PDEBench's (arXiv
2210.07182, section D.1),

$$ u_0(x) = \sum_{i=1}^{2} A_i \sin(2 \pi k_i x + \varphi_i), $$

with k in 1..8, A in U(0, 1), phi in U(0, 2 pi). One in ten is replaced by its absolute value; every
one has a random sign; and, independently, one in ten is multiplied by a window: 1 on an interval
whose position is uniform and whose length is in U(0.1, 0.9), 0 elsewhere, so that the state jumps
at its ends.

With the option `pdebench`, samples are PDEBench's own instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Option
from pydantic import PositiveFloat, PositiveInt

from wdno.equation import Equation, Values, derivative, trapezoidal_residual
from wdno.options import Section
from wdno.systems import base
from wdno.systems._pdebench import FromPDEBench, PDEBenchOptions, PublishedFields, from_files
from wdno.systems.base import Axis, Field, SystemOptions

if TYPE_CHECKING:
    from wdno.grids.levels import Grid

WAVES = 2
LARGEST_WAVENUMBER = 8
RARE = 0.1
"""Probability of an absolute value, and of a window."""

Array = NDArray[np.float64]
Finite = Annotated[float, Option(allow_inf_nan=False)]


class AdvectionGridOptions(Section):
    """The grid on which trajectories are stored."""

    time: PositiveInt = Option(
        default=80, description="Stored time steps; there is one more frame, the initial one."
    )
    x: PositiveInt = Option(default=120, description="Stored points, from x = 0 on, evenly spaced.")


class AdvectionOptions(SystemOptions):
    """Speed, duration and stored grid of the advection system."""

    has_equation: ClassVar[bool] = True

    beta: Finite = Option(default=0.4, description="Speed beta; to the left if negative.")
    t_end: PositiveFloat = Option(default=2.0, description="Time simulated.")
    grid: AdvectionGridOptions = Option(
        default_factory=AdvectionGridOptions, description="The stored grid."
    )
    pdebench: PDEBenchOptions | None = Option(
        default=None,
        description="Files of PDEBench that samples are taken from; null: they are drawn here.",
    )

    recorded: ClassVar[Any] = from_files

    def files(self) -> list[str]:
        """Return the files of PDEBench."""
        return [] if self.pdebench is None else self.pdebench.files()

    def grid_shape(self) -> tuple[int, int]:
        """Return `(T, X)` of the stored grid."""
        return self.grid.time, self.grid.x

    def boundaries(self) -> tuple[base.Boundary, ...]:
        """Return the boundary condition of x."""
        return ("periodic",)


class InitialState:
    """One draw of the initial state, to be evaluated anywhere."""

    def __init__(self, seed: int) -> None:
        """Draw the numbers of a sample."""
        rng = np.random.default_rng(seed)
        self.wavenumber = rng.integers(1, LARGEST_WAVENUMBER + 1, WAVES)
        self.amplitude = rng.uniform(0.0, 1.0, WAVES)
        self.phase = rng.uniform(0.0, 2 * np.pi, WAVES)
        self.sign = rng.choice([-1.0, 1.0])
        self.absolute = rng.uniform() < RARE
        self.windowed = rng.uniform() < RARE
        self.left = rng.uniform()
        self.width = rng.uniform(0.1, 0.9)

    def __call__(self, x: Array) -> Array:
        """Return u0 at positions of any shape, periodic in x."""
        angle = 2 * np.pi * np.multiply.outer(x, self.wavenumber) + self.phase
        u: Array = np.sin(angle) @ self.amplitude
        if self.absolute:
            u = np.abs(u)
        if self.windowed:
            u = np.where(np.mod(x - self.left, 1.0) < self.width, u, 0.0)
        signed: Array = self.sign * u
        return signed


class Advection(FromPDEBench, Equation):
    """The advection system: state u."""

    name: ClassVar[str] = "advection"
    title = "Advection equation"
    fields = (Field("u", "state", "1", "advected quantity u"),)
    axes = (Axis("x", "periodic", "1", "position x"),)

    def __init__(self, options: AdvectionOptions | None = None, record: Path | None = None) -> None:
        """Set up the system.

        Args:
            options: Its options; the defaults if left out.
            record: What `fetch` wrote, of samples that are taken from files.
        """
        self.options = options or AdvectionOptions()
        self.x: Array = np.arange(self.options.grid.x) / self.options.grid.x
        if record is not None:
            self.take_files(record)

    @classmethod
    def published(cls, options: AdvectionOptions) -> PublishedFields:
        """See the base class."""
        return PublishedFields({"u": "tensor"}, "periodic", False, {"beta": options.beta})

    def stored(self, found: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
        """Keep every so-manieth point."""
        return {name: u[..., :: u.shape[-1] // len(self.x)] for name, u in found.items()}

    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, NDArray[Any]]:
        """Draw initial states and evaluate their exact solutions.

        Args:
            seeds: One seed per trajectory.
            threads: Without effect: there is nothing to solve.

        Returns:
            `u` [n, T + 1, X], float32.
        """
        time = self.coordinates()["time"]
        position = self.x - self.options.beta * time[:, None]
        u = np.stack([InitialState(int(seed))(position) for seed in seeds])
        return {"u": u.astype(np.float32)}

    def residual(self, state: Values, forcing: Values, grid: Grid) -> Values:
        r"""Return the residual of $u_t + \beta u_x = 0$; see the base class.

        The mean of both frames of an interval in time, the central difference on three points
        around the period in space: second order in both, where the state does not jump.
        """
        u = state[:, 0]
        slope, _ = derivative(u, grid.space[0], 1)
        left: Values = trapezoidal_residual(u, -self.options.beta * slope, 0.0, grid)[:, None]
        return left


Options = AdvectionOptions
System = Advection
