"""Sections of models and of methods that the task `superresolution` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from wdno.diffusion import samplers
from wdno.options import Name, Section

if TYPE_CHECKING:
    from wdno.config.methods import MethodOptions
    from wdno.config.models import ModelOptions
    from wdno.diffusion.samplers.options.base import SamplerOptions as Sampler
else:
    Sampler = samplers.REGISTRY.choice()

BASE_TASK = "simulation"
"""The task that base models are trained for."""

Kind = Literal["linear", "cubic", "band_limited", "nearest"]


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


class OutputsSection(BaseOptions):
    """Whose predictions a super-resolution model is trained on, in place of exact solutions."""

    model: Name = Field(
        description=f"A model of the task {BASE_TASK}, by its key in `models`, which has learnt "
        "from some samples of the training set alone (`data.samples`); it is trained before. The "
        "others, which it has not seen, are predicted.",
    )
    pairs: PositiveInt = Field(
        default=1,
        description="Pairs of grids, from the finest on, whose coarser solution is predicted: of "
        "these, samples that the model has learnt from are left out. That of the others is exact.",
    )


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
    outputs: OutputsSection | None = Field(
        default=None,
        description="Whose prediction the coarser solution is, as it is one in use: the model then "
        "learns what errors predictions have. Null: it is exact.",
    )

    @model_validator(mode="after")
    def _outputs_fit(self) -> LevelsSection:
        if self.outputs is None:
            return self
        if self.outputs.pairs > self.levels:
            raise ValueError(
                f"outputs.pairs = {self.outputs.pairs}: more than levels = {self.levels}, the "
                "pairs of grids that there are"
            )
        if self.noise:
            raise ValueError(
                f"noise = {self.noise:g} with outputs: the unit of noise is what interpolation "
                "misses of exact solutions, and predictions have errors of their own; remove one "
                "of the two"
            )
        return self


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


def sampler_misfits(where: str, base: BaseOptions, model: ModelOptions | None) -> list[str]:
    """Refuse a base model without the sampler that it needs, or with one that does not fit.

    Args:
        where: key of the section, for messages.
        base: what predicts, and how it is sampled.
        model: its model; None: the exact solution is taken.
    """
    samples = model is not None and model.objective.samples
    if samples and base.sampler is None:
        return [f"{where}.sampler: missing; model {base.model!r} draws its predictions"]
    if base.sampler is not None and not samples:
        return [f"{where}.sampler: model {base.model!r} has nothing to sample; remove it"]
    if base.sampler is None or model is None:
        return []
    told = model.objective.check_sampler(base.sampler)
    return [f"{where}.sampler, with model {base.model!r}: {one}" for one in told]


def sampler_modules(base: BaseOptions) -> tuple[str, ...]:
    """Return the module of a base model's sampler, if it has one."""
    return () if base.sampler is None else (f"{samplers.__name__}.{base.sampler.name}",)
