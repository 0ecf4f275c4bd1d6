r"""Forced viscous Burgers equation on [0, 1] with zero end values.

$$ u_t = -u u_x + \nu u_{xx} + f, \quad x \in [0, 1], \quad u(0, t) = u(1, t) = 0, $$

with the distribution of WDNO's data (arXiv 2412.04833): u0 is the sum of two Gaussians and f that
of eight, as in `wdno.systems._burgers_draw`.

A trajectory is always drawn and solved with the same number of forcing intervals, 1280, whatever
grid is stored, so a coarse grid is a view of the same solution: frames and points are picked from
it, and the forcing is averaged over each stored interval. The forcing on interval k = 0..1279 is
its value at t_end (k + 1) / 1281, as in the reference program: within the interval, moving from its
right end to its left one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field as Option
from pydantic import PositiveFloat, PositiveInt, field_validator, model_validator

from wdno.options import Section
from wdno.solvers.stability import required_steps
from wdno.systems import base
from wdno.systems._burgers_control import BurgersControl
from wdno.systems._burgers_draw import BurgersDraw
from wdno.systems._burgers_equation import BurgersEquation
from wdno.systems.base import Axis, Field, SystemOptions, check_divides

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.solvers.finite_difference import Scheme

FINE_POINTS = 1920
"""Interior points of the finest grid, of which a stored grid keeps every s-th."""

Array = NDArray[np.float64]


class BurgersGridOptions(Section):
    """The grid on which trajectories are stored."""

    time: PositiveInt = Option(
        default=80,
        description="Stored time intervals, a divisor of `forcing_intervals`; "
        "there is one more frame, the initial one.",
    )
    x: PositiveInt = Option(
        default=120,
        description="Stored points: every (1920 / x)-th of 1920 interior points from the first "
        "on. A divisor of 1920.",
    )

    @field_validator("x")
    @classmethod
    def _divides_fine_grid(cls, value: int) -> int:
        return check_divides(value, FINE_POINTS, "grid.x")


class FiniteDifferenceOptions(Section):
    """Resolution of the finite differences; steps must grow with the square of the points."""

    points: PositiveInt = Option(
        default=480, description="Interior points; the reference program has 1920."
    )
    steps: PositiveInt = Option(
        default=38_400, description="Time steps; the reference program has 614400."
    )


class SpectralOptions(Section):
    """Resolution of the sine-basis solver."""

    modes: PositiveInt = Option(default=240, description="Sine modes.")
    steps: PositiveInt = Option(
        default=2560, description="Time steps; with 1280 the fastest trajectories are unstable."
    )


class BurgersOptions(SystemOptions):
    """Physics, stored grid and solver of the Burgers system."""

    term_weights: ClassVar[Mapping[str, float]] = MappingProxyType(
        {"deviation": 1.0, "energy": 0.024}
    )
    has_target: ClassVar[bool] = True
    has_equation: ClassVar[bool] = True

    viscosity: PositiveFloat = Option(default=0.01, description="Viscosity nu.")
    t_end: PositiveFloat = Option(default=8.0, description="Time simulated.")
    forcing_intervals: PositiveInt = Option(
        default=1280, description="Equal time intervals on which the drawn forcing is constant."
    )
    grid: BurgersGridOptions = Option(
        default_factory=BurgersGridOptions, description="The stored grid."
    )
    storage: Literal["interval_mean", "left_sample"] = Option(
        default="interval_mean",
        description="What is stored of the forcing in each stored interval: its mean, with which "
        "the stored state can be reproduced, or its first value, as the reference program does.",
    )
    solver: Literal["finite_difference", "spectral"] = Option(
        default="finite_difference", description="Solver that makes and evaluates trajectories."
    )
    finite_difference: FiniteDifferenceOptions = Option(
        default_factory=FiniteDifferenceOptions, description="The finite differences."
    )
    spectral: SpectralOptions = Option(
        default_factory=SpectralOptions, description="The sine-basis solver."
    )

    @model_validator(mode="after")
    def _divides_forcing(self) -> BurgersOptions:
        check_divides(self.grid.time, self.forcing_intervals, "grid.time")
        return self

    @model_validator(mode="after")
    def _steps_are_stable(self) -> BurgersOptions:
        chosen = self.finite_difference
        needed = required_steps(chosen.points, self.viscosity, self.t_end)
        if self.solver == "finite_difference" and chosen.steps < needed:
            raise ValueError(
                f"finite_difference.steps = {chosen.steps} is unstable on {chosen.points} points "
                f"with viscosity {self.viscosity} up to t_end = {self.t_end}; use at least {needed}"
            )
        return self

    def grid_shape(self) -> tuple[int, int]:
        """Return `(T, X)` of the stored grid."""
        return self.grid.time, self.grid.x

    def boundaries(self) -> tuple[base.Boundary, ...]:
        """Return the boundary condition of x."""
        return ("dirichlet",)


class Burgers(base.EquationSystem, BurgersControl, BurgersEquation):
    """The Burgers system: state u, forcing f."""

    name: ClassVar[str] = "burgers"
    title = "Burgers equation"
    fields = (
        Field("u", "state", "1", "velocity u"),
        Field("f", "forcing", "1", "forcing f"),
    )
    axes = (Axis("x", "dirichlet", "1", "position x", ends=(0.0, 1.0)),)

    def __init__(self, options: BurgersOptions | None = None) -> None:
        """Set up the system.

        Args:
            options: Its options; the defaults if left out.
        """
        self.options = options or BurgersOptions()
        stride = FINE_POINTS // self.options.grid.x
        self.x: Array = (stride * np.arange(self.options.grid.x) + 1) / (FINE_POINTS + 1)

    def coordinates(self) -> dict[str, Array]:
        """Return `time` [T + 1], `interval` [T], `interval_bounds` [T, 2], and `x` [X]."""
        time = np.linspace(0.0, self.options.t_end, self.options.grid.time + 1)
        return {
            "time": time,
            "interval": (time[:-1] + time[1:]) / 2,
            "interval_bounds": np.stack([time[:-1], time[1:]], axis=1),
            "x": self.x.copy(),
        }

    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, NDArray[np.float32]]:
        """Draw and solve one trajectory for each seed.

        With finite differences a trajectory is the same to the last bit in every batch; with the
        sine basis to rounding.

        Args:
            seeds: One seed per trajectory.
            threads: Processor threads of the solver.

        Returns:
            `u` [n, T + 1, X] and `f` [n, T, X], float32.

        Raises:
            DivergedError: If a solution is not finite or unstable; its `samples` are indices into
                the seeds.
            ValueError: If the solver's steps do not fit the grid or are unstable.
        """
        from wdno.solvers.grids import DivergedError, interior_grid

        options, n = self.options, len(seeds)
        intervals, frames = options.forcing_intervals, options.grid.time
        spectral = options.solver == "spectral"
        # The finite differences take values on their own grid; the sines integrate a spline, and
        # 240 points resolve the narrowest Gaussian to 1e-6.
        points = options.finite_difference.points
        nodes = interior_grid(max(options.spectral.modes, 240) if spectral else points)
        u = np.empty((n, frames + 1, self.x.size), np.float32)
        f = np.empty((n, frames, self.x.size), np.float32)
        # The forcing of one trajectory takes megabytes at the solver's resolution.
        batch = 32 if spectral else 4 * threads
        for first in range(0, n, batch):
            draws = [BurgersDraw.from_seed(int(seed)) for seed in seeds[first : first + batch]]
            part = slice(first, first + len(draws))
            for row, draw in enumerate(draws, first):
                f[row] = self._stored(draw.forcing(self.x, intervals))
            try:
                u0 = np.stack([draw.initial_state(nodes) for draw in draws])
                forcing = np.stack([draw.forcing(nodes, intervals) for draw in draws])
                u[part] = self._solve(u0, forcing, nodes, options.solver, threads)
            except DivergedError as error:
                samples = [first + sample for sample in error.samples]
                named = ", ".join(str(seeds[sample]) for sample in samples)
                problem = f"system 'burgers', seeds {named}: {error.problem}"
                raise DivergedError(samples, problem, error.remedy) from error
            u[part, 0] = [draw.initial_state(self.x) for draw in draws]
        return {"u": u, "f": f}

    def solve(
        self,
        u0: ArrayLike,
        f: ArrayLike,
        *,
        solver: Literal["finite_difference", "spectral"] | None = None,
        threads: int = 1,
    ) -> Array:
        """Solve for given initial states and forcing on the stored points.

        The forcing is applied as it is: constant on each of its K intervals, whatever K.

        Args:
            u0: Initial states `[n, X]`.
            f: Forcing `[n, K, X]`, on K equal intervals of [0, t_end].
            solver: The solver; that of the options if left out.
            threads: Processor threads.

        Returns:
            The state u on the stored grid, `[n, T + 1, X]`, float64; frame 0 is `u0`.

        Raises:
            DivergedError: If a solution is not finite or unstable, naming the trajectories.
            ValueError: If shapes or steps do not fit, or the steps are unstable.
        """
        u0, f = np.asarray(u0), np.asarray(f)
        return self._solve(u0, f, self.x, solver or self.options.solver, threads)

    def solve_differentiable(self, u0: Tensor, f: Tensor, *, threads: int = 1) -> Tensor:
        """Solve on the stored points by the solver of the options, differentiably.

        The finite differences have an adjoint, which is computed on the CPU; the sine basis is
        differentiated by PyTorch, on the device of `u0`, and takes far longer.

        Args:
            u0: Initial states `[n, X]`.
            f: Forcing `[n, K, X]`, on K equal intervals of [0, t_end].
            threads: Processor threads of the finite differences.

        Returns:
            The state u on the stored grid, `[n, T + 1, X]`, float64; frame 0 is `u0`.

        Raises:
            DivergedError: If a solution is not finite or unstable, naming the trajectories.
            ValueError: If shapes or steps do not fit, or the steps are unstable.
        """
        if self.options.solver == "spectral":
            return self._solve_spectral(u0, f, self.x)
        from wdno.solvers import finite_difference_adjoint

        resolution = self.options.finite_difference.model_dump()
        return finite_difference_adjoint.solve_differentiable(
            u0, f, threads=threads, **self._problem(self.x), **resolution
        )

    def scheme(self, u0: Array, f: Array, threads: int) -> Scheme:
        """Return the scheme of the finite differences for u0 `[n, X]` and f `[n, K, X]`.

        Raises:
            ValueError: If shapes or steps do not fit, or the step is unstable.
        """
        from wdno.solvers.finite_difference import Scheme

        resolution = self.options.finite_difference.model_dump()
        return Scheme.of(u0, f, threads=threads, **self._problem(self.x), **resolution)

    def _stored(self, f: Array) -> Array:
        """What is stored of `f [intervals, X]`: `[T, X]`."""
        grouped = f.reshape(self.options.grid.time, -1, f.shape[-1])
        mean = self.options.storage == "interval_mean"
        stored: Array = grouped.mean(axis=1) if mean else grouped[:, 0]
        return stored

    def _solve(self, u0: Array, f: Array, x: Array, solver: str, threads: int) -> Array:
        """Solve from values at x to the stored grid."""
        if solver == "finite_difference":
            from wdno.solvers import finite_difference

            resolution = self.options.finite_difference.model_dump()
            return finite_difference.solve(u0, f, threads=threads, **self._problem(x), **resolution)
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            with torch.no_grad():
                u = self._solve_spectral(torch.as_tensor(u0), torch.as_tensor(f), x)
        finally:
            torch.set_num_threads(before)
        result: Array = u.numpy()
        return result

    def _solve_spectral(self, u0: Tensor, f: Tensor, x: Array) -> Tensor:
        from wdno.solvers import spectral

        return spectral.solve(u0, f, **self._problem(x), **self.options.spectral.model_dump())

    def _problem(self, x: Array) -> dict[str, Any]:
        """What both solvers are told alike."""
        options = self.options
        return {
            "x": x,
            "x_out": self.x,
            "viscosity": options.viscosity,
            "t_end": options.t_end,
            "frames": options.grid.time,
        }


Options = BurgersOptions
System = Burgers
