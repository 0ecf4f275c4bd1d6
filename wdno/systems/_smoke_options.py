"""Options of the smoke system."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import Field as Option
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from wdno.options import Section
from wdno.solvers import scene
from wdno.solvers.stability import required_steps_2d
from wdno.systems import base
from wdno.systems.base import SystemOptions, check_divides

T_END = 256.0
"""Time simulated; the reference program takes steps of 1."""

Corners = Annotated[list[NonNegativeInt], Option(min_length=4, max_length=4)]


class SceneOptions(Section):
    """The scene, in cells of a grid of 128 x 128, row 0 at the bottom."""

    frame: NonNegativeInt = Option(
        default=scene.WDNO_FRAME,
        description="Width of the frame along the border in which the velocity is controlled.",
    )
    obstacles: list[Corners] = Option(
        default_factory=lambda: [list(one) for one in scene.WDNO_OBSTACLES],
        description="Solid rectangles, each as row, column, height, width.",
    )
    buckets: list[Corners] = Option(
        default_factory=lambda: [list(one) for one in scene.WDNO_BUCKETS],
        description="Rectangles that catch smoke, each as row, column, height, width.",
    )
    target: NonNegativeInt = Option(
        default=scene.WDNO_TARGET, description="Number of the target among the buckets, from 0."
    )

    @model_validator(mode="after")
    def _target_exists(self) -> SceneOptions:
        if self.target >= len(self.buckets):
            raise ValueError(
                f"scene.target must be below the number of buckets, {len(self.buckets)}, "
                f"got {self.target}"
            )
        return self

    def build(self) -> scene.Scene:
        """Return the scene."""
        obstacles, buckets = (
            [(one[0], one[1], one[2], one[3]) for one in rectangles]
            for rectangles in (self.obstacles, self.buckets)
        )
        return scene.Scene(scene.WDNO_SIZE, self.frame, obstacles, buckets)


class SmokeGridOptions(Section):
    """The grid on which trajectories are stored."""

    time: PositiveInt = Option(
        default=32,
        description="Stored time intervals, a divisor of `steps`; "
        "there is one more frame, the initial one.",
    )
    cells: PositiveInt = Option(
        default=64,
        description="Stored cells along each side, means of the solver's; a divisor of `cells`.",
    )


class SmokeOptions(SystemOptions):
    """Physics, stored grid and solver of the smoke system."""

    has_scene: ClassVar[bool] = True
    term_weights: ClassVar[Mapping[str, float]] = MappingProxyType({"missed": 1.0, "energy": 0.5})
    has_series: ClassVar[bool] = True

    scene: SceneOptions = Option(default_factory=SceneOptions, description="The scene.")
    cells: PositiveInt = Option(
        default=128, description="Cells of the solver along each side, a divisor of 128."
    )
    steps: PositiveInt = Option(
        default=256, description="Time steps of the solver in a time of 256."
    )
    dynamics: Literal["projection", "navier_stokes"] = Option(
        default="projection",
        description="Whether the velocity is advected and viscous (`navier_stokes`), or only "
        "controlled and projected, as in the reference program.",
    )
    viscosity: NonNegativeFloat = Option(
        default=0.0,
        description="Viscosity, in squared cells of the scene per time; with `navier_stokes` only.",
    )
    grid: SmokeGridOptions = Option(
        default_factory=SmokeGridOptions, description="The stored grid."
    )

    @model_validator(mode="after")
    def _grids_are_views(self) -> SmokeOptions:
        check_divides(self.cells, scene.WDNO_SIZE, "cells")
        check_divides(self.grid.cells, self.cells, "grid.cells")
        check_divides(self.grid.time, self.steps, "grid.time")
        self.scene.build().draw(self.cells)
        width = scene.WDNO_SIZE // self.grid.cells
        if self.scene.frame % width:
            raise ValueError(
                f"scene.frame = {self.scene.frame} is no whole number of stored cells, which are "
                f"{width} wide with grid.cells = {self.grid.cells}"
            )
        return self

    @model_validator(mode="after")
    def _viscosity_fits(self) -> SmokeOptions:
        if self.viscosity and self.dynamics == "projection":
            raise ValueError(
                f"viscosity = {self.viscosity} has no effect with dynamics = projection; "
                "set it to 0, or take navier_stokes"
            )
        needed = required_steps_2d(self.viscosity, T_END, scene.WDNO_SIZE / self.cells)
        if self.steps < needed:
            raise ValueError(
                f"steps = {self.steps} is unstable on {self.cells} cells with viscosity "
                f"{self.viscosity}; use at least {needed}"
            )
        return self

    def grid_shape(self) -> tuple[int, int, int]:
        """Return `(T, Y, X)` of the stored grid."""
        return self.grid.time, self.grid.cells, self.grid.cells

    def boundaries(self) -> tuple[base.Boundary, ...]:
        """Return the boundary conditions of y and x."""
        return ("open", "open")
