"""Options of the task `superresolution`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt

from wdno import systems
from wdno.diffusion import samplers
from wdno.equation import Equation
from wdno.options import Name, Section, shown
from wdno.tasks.base import TaskOptions

if TYPE_CHECKING:
    from wdno.config.methods import MethodOptions
    from wdno.config.models import ModelOptions
    from wdno.diffusion.samplers.options.base import SamplerOptions as Sampler
    from wdno.systems.base import SystemOptions
else:
    Sampler = samplers.REGISTRY.choice()

BASE_TASK = "simulation"
"""The task that base models are trained for."""

Kind = Literal["linear", "cubic", "band_limited", "nearest"]
DIRECT = "direct"


class LevelsSection(Section):
    """How a super-resolution model is trained."""

    levels: PositiveInt = Field(
        default=2,
        description="Pairs of grids to train on: the stored grid with half of it, half with a "
        "quarter, ...",
    )
    target: Literal["residual", "direct"] = Field(
        default="residual",
        description="What is generated: the departure from the interpolated coarser solution, or "
        "the solution itself, as in arXiv 2412.04833.",
    )
    scales: Literal["continued", "shared"] = Field(
        default="continued",
        description="Scales of channels: of each level its own, continued to finer ones at a "
        "constant ratio, or one for all levels, as in arXiv 2412.04833.",
    )
    coarse: Literal["interpolated", "duplicated"] = Field(
        default="interpolated",
        description="How the coarser solution is given: interpolated to the finer grid, or as its "
        "own coefficients, each of them repeated, as in arXiv 2412.04833.",
    )
    noise: NonNegativeFloat = Field(
        default=0.0,
        description="Largest level of the white noise on the coarser solution in training (arXiv "
        "2106.15282), in standard deviations of what cubic interpolation of it misses: the model "
        "is told the level, drawn anew for each sample of each step, and learns to remove the "
        "noise too. 0: none.",
    )


class BaseOptions(Section):
    """What predicts on the stored grid, from where levels are added."""

    model: Name | None = Field(
        default=None,
        description=f"A model of the task {BASE_TASK}, by its key in `models`; null: the exact "
        "solution.",
    )
    sampler: Sampler | None = Field(
        default=None, description="Required with a diffusion model, refused with any other."
    )


class RefinementSection(Section):
    """How super-resolution uses the method."""

    base: BaseOptions = Field(
        default_factory=BaseOptions, description="What predicts on the stored grid."
    )
    impose: bool = Field(
        default=False,
        description="Whether values that a grid shares with the coarser one, and means over its "
        "cells, are made those of the coarser prediction.",
    )
    noise: NonNegativeFloat = Field(
        default=0.0,
        description="Level of the noise that is added to every coarser prediction, and that the "
        "super-resolution model is told, at most that of its training.",
    )
    tile: PositiveInt | None = Field(
        default=None,
        description="Most points of the grid of coefficients along an axis that the network of "
        "the super-resolution model sees at a time, beside a margin: memory is then that of a "
        "tile. Null: all. Needs a network that is local, as a U-Net with attention: none and "
        "normalisation: point.",
    )


def section_of(method: MethodOptions) -> RefinementSection:
    """Return how super-resolution uses a method."""
    return getattr(method, "superresolution", None) or RefinementSection()


def design_of(model: ModelOptions) -> LevelsSection:
    """Return how a super-resolution model is trained."""
    return getattr(model, "superresolution", None) or LevelsSection()


class SuperresolutionOptions(TaskOptions):
    """Super-resolution: the trajectory on grids finer than any of training."""

    title: ClassVar[str] = "Super-resolution"
    summary: ClassVar[str] = "Generate the trajectory on grids that are finer than any of training."
    baselines: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "linear": "the base prediction, interpolated linearly by coordinates",
            "cubic": "interpolated by cubic polynomials",
            "band_limited": "interpolated in the waves that belong to the boundary",
            "nearest": "the nearest value",
            DIRECT: "the base model itself, asked on every grid",
        }
    )
    selective: ClassVar[frozenset[str]] = frozenset({"levels"})

    time: bool = Field(
        default=True, description="Whether time is doubled from level to level, as space is."
    )

    def check(
        self,
        system: SystemOptions,
        methods: Mapping[str, MethodOptions],
        models: Mapping[str, ModelOptions],
    ) -> list[str]:
        """Refuse models whose levels the grid does not have, and methods without their base."""
        problems = []
        for name, method in methods.items():
            if method.baseline == DIRECT and section_of(method).base.model is None:
                problems.append(
                    f"method {name!r}: baseline 'direct' asks a model of the task {BASE_TASK} on "
                    "every grid; name it in superresolution.base.model"
                )
            problems += self._noise_misfits(name, method, models)
            tile = section_of(method).tile
            if tile is not None and name not in models:
                problems.append(f"method {name!r}: superresolution.tile: it has no network; remove")
            elif tile is not None and not models[name].network.local:
                problems.append(
                    f"method {name!r}: superresolution.tile = {tile}: the network of model "
                    f"{method.model!r} depends on the whole grid; use a U-Net with attention: none "
                    "and normalisation: point, or no tiles"
                )
            if name in models:
                problems += [
                    f"model {method.model!r}: {one}" for one in self._misfits(system, models[name])
                ]
        return list(dict.fromkeys(problems))

    def _noise_misfits(
        self, name: str, method: MethodOptions, models: Mapping[str, ModelOptions]
    ) -> list[str]:
        noise = section_of(method).noise
        where = f"method {name!r}: superresolution.noise = {noise:g}"
        if noise and name not in models:
            return [f"{where}: it has no super-resolution model to be told; remove"]
        trained = design_of(models[name]).noise if noise else noise
        if noise > trained:
            return [
                f"{where}: model {method.model!r} is trained with levels up to {trained:g}; make "
                f"that {noise:g} or more, in superresolution.noise of the model, or ask for less"
            ]
        return []

    def _misfits(self, system: SystemOptions, model: ModelOptions) -> list[str]:
        if model.objective.timeless or model.representation.relative:
            return [
                "a super-resolution model generates all frames at once, as departures from the "
                "coarser grid; remove stepping, framewise and relative"
            ]
        if model.generates is not None:
            return ["a super-resolution model generates the state alone; remove generates"]
        levels = design_of(model).levels
        stored = system.grid_shape()
        odd = [
            count
            for count, doubled in zip(stored, self.doubled(len(stored)), strict=True)
            if doubled and count % 2**levels
        ]
        if odd:
            return [
                f"superresolution.levels = {levels}: the stored grid {shown(stored)} cannot be "
                f"halved so often; make {' and '.join(map(str, odd))} multiples of {2**levels}, or "
                "take fewer levels"
            ]
        periodic = [kind == "periodic" for kind in system.boundaries()]
        representation = model.representation
        for level in range(levels):
            grid = self.halved(stored, level)
            where = f"superresolution.levels = {levels}: on its grid {shown(grid)} "
            if problems := representation.check(grid, periodic):
                return [f"{where}representation.{one}" for one in problems]
            coefficients = representation.coefficient_grid(grid, periodic)
            wraps = (False, *representation.wraps(periodic))
            if problems := model.network.check(coefficients, wraps):
                return [f"{where}network.{one}" for one in problems]
        return []

    def doubled(self, axes: int) -> tuple[bool, ...]:
        """Return which of so many axes of a grid, time first, are doubled from level to level."""
        return (self.time, *[True] * (axes - 1))

    def halved(self, grid: Sequence[int], level: int) -> tuple[int, ...]:
        """Return the shape of a grid that is halved a number of times."""
        doubled = self.doubled(len(grid))
        return tuple(n // 2**level if twice else n for n, twice in zip(grid, doubled, strict=True))

    def refined(self, grid: Sequence[int], level: int) -> tuple[int, ...]:
        """Return the shape of a grid that is doubled a number of times."""
        doubled = self.doubled(len(grid))
        return tuple(n * 2**level if twice else n for n, twice in zip(grid, doubled, strict=True))

    def doublings(self, stored: Sequence[int], fine: Sequence[int]) -> int | None:
        """Return how many levels lead from the stored grid to a finer one; None: no number does."""
        levels = range(1, 16)
        return next((k for k in levels if self.refined(stored, k) == tuple(fine)), None)

    def check_fine(self, stored: Sequence[int], fine: Sequence[int] | None) -> list[str]:
        """Refuse to be without the finer test set, or one that is not the stored grid doubled."""
        if fine is None:
            return [
                "data.fine is not configured, which super-resolution is compared with; add one of "
                f"the grid {shown(self.refined(stored, 1))}, or of a further doubling"
            ]
        if self.doublings(stored, fine) is None:
            what = "time and space" if self.time else "space alone"
            return [
                f"data.fine.grid: {shown(fine)} is not the stored grid {shown(stored)}, doubled a "
                f"whole number of times in {what}; see also `time` of this task"
            ]
        return []

    def splits(self, method: MethodOptions, of: str = "test") -> tuple[str, ...]:
        """Return the finer test set, whose cases are those of the test set."""
        return ("fine",) if of == "test" else (of,)

    def checkpoints(self, task: str, method: MethodOptions) -> dict[str, tuple[str, str]]:
        """Return the super-resolution model, and the base model, of the task `simulation`."""
        base = section_of(method).base.model
        found = super().checkpoints(task, method)
        return found | ({} if base is None else {"base": (BASE_TASK, base)})

    def check_models(self, method: MethodOptions, models: Mapping[str, ModelOptions]) -> list[str]:
        """Refuse a sampler that does not fit the base model."""
        base, where = section_of(method).base, "superresolution.base.sampler"
        samples = "base" in models and models["base"].objective.samples
        if samples and base.sampler is None:
            return [f"{where}: missing; model {base.model!r} draws its predictions"]
        if base.sampler is not None and not samples:
            return [f"{where}: model {base.model!r} has nothing to sample; remove it"]
        return []

    def modules(self, system: str, method: MethodOptions) -> tuple[str, ...]:
        """Return those of the system, if it has an equation, and of the base model's sampler."""
        held = issubclass(systems.REGISTRY.load(system), Equation)
        sampler = section_of(method).base.sampler
        return (
            *((f"{systems.__name__}.{system}",) if held else ()),
            *(() if sampler is None else (f"{samplers.__name__}.{sampler.name}",)),
        )

    def figures(self, system: SystemOptions) -> dict[str, str]:
        """Return the figures of every system."""
        return {"levels": "png", "spectra": "png"}


Options = SuperresolutionOptions
MethodSection = RefinementSection
ModelSection = LevelsSection
