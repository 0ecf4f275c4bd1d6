"""Options of the task `superresolution`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from wdno import systems
from wdno.equation import Equation
from wdno.grids.shapes import halved, indivisible
from wdno.options import shown
from wdno.tasks.base import TaskOptions
from wdno.tasks.superresolution.sections import (
    BASE_TASK,
    LevelsSection,
    RefinementSection,
    design_of,
    sampler_misfits,
    sampler_modules,
    section_of,
)

if TYPE_CHECKING:
    from wdno.config.methods import MethodOptions
    from wdno.config.models import ModelOptions
    from wdno.systems.base import SystemOptions

DIRECT = "direct"
OUTPUTS = "outputs"
"""Role of the model whose predictions a super-resolution model is trained on."""


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
        design = design_of(model)
        levels = design.levels
        stored = system.grid_shape()
        if odd := indivisible(stored, levels, self.doubled(len(stored))):
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
            if problems := model.check_grid(grid, system.boundaries()):
                return [f"{where}{one}" for one in problems]
        # Duplicated coefficients are those of the coarser grid, also of the coarsest pair.
        coarsest = self.halved(stored, levels)
        if design.coarse == "duplicated" and (problems := representation.check(coarsest, periodic)):
            where = (
                f"superresolution.levels = {levels}, coarse = 'duplicated': on the coarsest grid "
                f"{shown(coarsest)} "
            )
            return [f"{where}representation.{one}; or take fewer levels" for one in problems]
        return []

    def doubled(self, axes: int) -> tuple[bool, ...]:
        """Return which of so many axes of a grid, time first, are doubled from level to level."""
        return (self.time, *[True] * (axes - 1))

    def halved(self, grid: Sequence[int], level: int) -> tuple[int, ...]:
        """Return the shape of a grid that is halved a number of times."""
        return halved(grid, level, self.doubled(len(grid)))

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
        base = section_of(method).base
        return sampler_misfits("superresolution.base", base, models.get("base"))

    @classmethod
    def training_models(cls, model: ModelOptions) -> dict[str, tuple[str, str]]:
        """Return the model whose predictions are learnt from, of the task `simulation`."""
        outputs = design_of(model).outputs
        return {} if outputs is None else {OUTPUTS: (BASE_TASK, outputs.model)}

    @classmethod
    def check_training_models(
        cls, model: ModelOptions, models: Mapping[str, ModelOptions]
    ) -> list[str]:
        """Refuse a sampler that does not fit the model whose predictions are learnt from."""
        outputs = design_of(model).outputs
        return [] if outputs is None else sampler_misfits(OUTPUTS, outputs, models[OUTPUTS])

    @classmethod
    def training_modules(cls, system: str, model: ModelOptions) -> tuple[str, ...]:
        """Return what makes the predictions that are learnt from, if such are."""
        outputs = design_of(model).outputs
        if outputs is None:
            return ()
        return ("wdno.tasks.superresolution.outputs", *sampler_modules(outputs))

    def modules(self, system: str, method: MethodOptions) -> tuple[str, ...]:
        """Return those of the system, if it has an equation, and of the base model's sampler."""
        held = issubclass(systems.REGISTRY.load(system), Equation)
        own = (f"{systems.__name__}.{system}",) if held else ()
        return (*own, *sampler_modules(section_of(method).base))

    def figures(self, system: SystemOptions) -> dict[str, str]:
        """Return the figures of every system."""
        return {"levels": "png", "spectra": "png"}


Options = SuperresolutionOptions
MethodSection = RefinementSection
ModelSection = LevelsSection
