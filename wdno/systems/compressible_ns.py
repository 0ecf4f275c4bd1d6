r"""Compressible Navier-Stokes equations in one dimension: shock tubes with three jumps.

$$ \rho_t + (\rho v)_x = 0, \qquad
   \rho (v_t + v v_x) = -p_x + \eta v_{xx} + \big(\zeta + \tfrac{\eta}{3}\big) (v_x)_x, \qquad
   e_t + \big((e + p - \sigma) v\big)_x = 0, $$
with $e = p / (\Gamma - 1) + \rho v^2 / 2$ and $\sigma = (\zeta + \frac43 \eta) v_x$, on
$[x_{min}, x_{max}]$ with outgoing boundaries and the distribution of PDEBench's shock tubes
(arXiv 2210.07182), as in `wdno.systems._compressible_draw`; the data of WDNO (arXiv 2412.04833).

A trajectory is always solved on all the cells, with steps that end on the same 320 times, whatever
grid is stored, so a coarse grid is a view of the same solution. What is stored of a coarse cell are
its means of density, momentum and energy, as density rho, velocity v = mean momentum / rho and the
pressure p that goes with the mean energy. So the stored fields hold the mass, momentum and energy
of the solution, on any number of cells, and the means of a finer stored grid over those of a
coarser one are those of the coarser. In a cell with a jump of the velocity, p includes the energy
of the motion within the cell.

With the option `pdebench`, samples are PDEBench's own instead, on any number of cells in this way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Option
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, field_validator, model_validator

from wdno.options import Section
from wdno.systems import base
from wdno.systems._compressible_draw import DENSITY, CompressibleDraw
from wdno.systems._pdebench import FromPDEBench, PDEBenchOptions, PublishedFields, from_files
from wdno.systems.base import (
    SEED,
    Axis,
    Field,
    PerSample,
    SystemOptions,
    check_divides,
)

TIMES = 320
"""Times that the solver's steps end on, of which a stored grid keeps every s-th."""
MOST_STEPS = 1_000_000
"""Time steps of a trajectory at which the solver gives up."""

Array = NDArray[np.float64]


class CompressibleNSGridOptions(Section):
    """The grid on which trajectories are stored."""

    time: PositiveInt = Option(
        default=80,
        description="Stored time intervals, a divisor of 320; there is one more frame, the "
        "initial one.",
    )
    x: PositiveInt = Option(
        default=120,
        description="Stored cells, at most `cells`, which it need not divide: means of density, "
        "momentum and energy are stored.",
    )

    @field_validator("time")
    @classmethod
    def _divides_times(cls, value: int) -> int:
        return check_divides(value, TIMES, "grid.time")


class CompressibleNSOptions(SystemOptions):
    """Physics, stored grid and solver of the compressible Navier-Stokes system."""

    gamma: float = Option(default=5 / 3, description="Ratio of specific heats Gamma, above 1.")
    shear_viscosity: NonNegativeFloat = Option(default=1e-8, description="Shear viscosity eta.")
    bulk_viscosity: NonNegativeFloat = Option(default=1e-8, description="Bulk viscosity zeta.")
    t_end: PositiveFloat = Option(default=0.4, description="Time simulated.")
    x_min: float = Option(default=-1.0, description="Left end of the domain.")
    x_max: float = Option(default=1.0, description="Right end of the domain.")
    grid: CompressibleNSGridOptions = Option(
        default_factory=CompressibleNSGridOptions, description="The stored grid."
    )
    pdebench: PDEBenchOptions | None = Option(
        default=None,
        description="Files of PDEBench that samples are taken from; null: they are solved here.",
    )
    cells: int = Option(default=1024, ge=4, description="Cells of the solver, at least 4.")
    cfl: float = Option(
        default=0.3, description="Courant number of the solver's time steps, at most 0.5."
    )

    recorded: ClassVar[Any] = from_files

    @field_validator("gamma")
    @classmethod
    def _is_a_gas(cls, value: float) -> float:
        if value <= 1:
            raise ValueError(f"gamma must be above 1, got {value}; 5/3 is a monatomic gas, 7/5 air")
        return value

    @field_validator("cfl")
    @classmethod
    def _is_stable(cls, value: float) -> float:
        if not 0 < value <= 0.5:
            raise ValueError(
                f"cfl must be in (0, 0.5] for the scheme to be stable, got {value}; 0.3 is usual"
            )
        return value

    @model_validator(mode="after")
    def _has_cells(self) -> CompressibleNSOptions:
        if self.x_max <= self.x_min:
            raise ValueError(
                f"x_max must be above x_min, got x_min = {self.x_min} and x_max = {self.x_max}; "
                "exchange them"
            )
        if self.grid.x > self.cells:
            raise ValueError(
                f"grid.x must not exceed cells, got grid.x = {self.grid.x} and cells = "
                f"{self.cells}; store at most {self.cells} cells, or solve on {self.grid.x}"
            )
        return self

    @model_validator(mode="after")
    def _steps_are_affordable(self) -> CompressibleNSOptions:
        viscosity = self.bulk_viscosity + 4 * self.shear_viscosity / 3
        steps = self.t_end * 2 * viscosity / (self.cfl * DENSITY[0] * self.dx**2)
        if steps > MOST_STEPS:
            raise ValueError(
                f"viscosity of {viscosity:.3g} on {self.cells} cells limits the time steps so much "
                f"that {steps:.2g} would be needed, {MOST_STEPS} are the most; take fewer cells, a "
                "lower viscosity or a shorter time"
            )
        return self

    def files(self) -> list[str]:
        """Return the files of PDEBench."""
        return [] if self.pdebench is None else self.pdebench.files()

    @property
    def dx(self) -> float:
        """Width of the solver's cells."""
        return (self.x_max - self.x_min) / self.cells

    def grid_shape(self) -> tuple[int, int]:
        """Return `(T, X)` of the stored grid."""
        return self.grid.time, self.grid.x

    def boundaries(self) -> tuple[base.Boundary, ...]:
        """Return the boundary condition of x."""
        return ("open",)


class CompressibleNS(FromPDEBench):
    """The compressible system: states rho, v and p, no forcing."""

    name: ClassVar[str] = "compressible_ns"
    title = "Compressible Navier-Stokes equations"
    fields = (
        Field("rho", "state", "1", "density rho"),
        Field("v", "state", "1", "velocity v"),
        Field("p", "state", "1", "pressure p"),
    )
    axes = (Axis("x", "open", "1", "position x", cells=True),)
    attributes = MappingProxyType({"mass_density": "rho"})
    per_sample = (
        SEED,
        PerSample(
            "floored_cells",
            "1",
            "cells and time steps at which density or pressure was raised to its floor",
            diagnostic=True,
        ),
    )

    def __init__(
        self, options: CompressibleNSOptions | None = None, record: Path | None = None
    ) -> None:
        """Set up the system.

        Args:
            options: Its options; the defaults if left out.
            record: What `fetch` wrote, of samples that are taken from files.
        """
        self.options = options or CompressibleNSOptions()
        centres = (np.arange(self.options.grid.x) + 0.5) / self.options.grid.x
        self.x: Array = self.options.x_min + (self.options.x_max - self.options.x_min) * centres
        if record is not None:
            self.take_files(record)

    @classmethod
    def published(cls, options: CompressibleNSOptions) -> PublishedFields:
        """See the base class."""
        viscosity = {"eta": options.shear_viscosity, "zeta": options.bulk_viscosity}
        sources = {"rho": "density", "v": "Vx", "p": "pressure"}
        return PublishedFields(sources, "open", True, viscosity)

    def stored(self, found: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
        """Take the means of density, momentum and energy over the stored cells."""
        from wdno.solvers import finite_volume

        state = np.stack([found[name] for name in ("rho", "v", "p")], axis=-2)
        means = finite_volume.coarsen(
            finite_volume.to_conserved(state, self.options.gamma), len(self.x)
        )
        values = finite_volume.to_primitive(means, self.options.gamma).astype(np.float32)
        return {name: values[..., i, :] for i, name in enumerate(("rho", "v", "p"))}

    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, NDArray[Any]]:
        """Draw and solve one trajectory for each seed.

        A trajectory is the same to the last bit in every batch and with any threads.

        Args:
            seeds: One seed per trajectory.
            threads: Processor threads of the solver.

        Returns:
            `rho`, `v` and `p`, each [n, T + 1, X], float32, and `floored_cells` [n].

        Raises:
            DivergedError: If a solution is not finite or needs too many steps; its `samples` are
                indices into the seeds.
        """
        from wdno.solvers import finite_volume
        from wdno.solvers.grids import DivergedError

        options, n = self.options, len(seeds)
        stored = np.empty((3, n, options.grid.time + 1, self.x.size), np.float32)
        floored = np.zeros(n, np.int64)
        # The solution of one trajectory takes megabytes on the solver's cells.
        batch = 4 * threads
        for first in range(0, n, batch):
            draws = [CompressibleDraw.from_seed(int(seed)) for seed in seeds[first : first + batch]]
            part = slice(first, first + len(draws))
            initial = [draw.cell_means(options.cells, options.gamma) for draw in draws]
            try:
                solution = finite_volume.solve(
                    np.stack(initial),
                    dx=options.dx,
                    gamma=options.gamma,
                    t_end=options.t_end,
                    frames=options.grid.time,
                    landings=TIMES // options.grid.time,
                    shear_viscosity=options.shear_viscosity,
                    bulk_viscosity=options.bulk_viscosity,
                    cfl=options.cfl,
                    max_steps=MOST_STEPS,
                    threads=threads,
                )
            except DivergedError as error:
                samples = [first + sample for sample in error.samples]
                named = ", ".join(str(seeds[sample]) for sample in samples)
                problem = f"system 'compressible_ns', seeds {named}: {error.problem}"
                raise DivergedError(samples, problem, error.remedy) from error
            means = finite_volume.coarsen(solution.states, self.x.size)
            stored[:, part] = np.moveaxis(finite_volume.to_primitive(means, options.gamma), 2, 0)
            floored[part] = solution.floored
        rho, v, p = stored
        return {"rho": rho, "v": v, "p": p, "floored_cells": floored}


Options = CompressibleNSOptions
System = CompressibleNS
