"""Options of the controller `guided`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from wdno.diffusion import guidance
from wdno.options import Name, Section
from wdno.tasks.control.controllers.options.base import ControllerOptions, Descent

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions
    from wdno.diffusion.guidance.options.base import GuidanceOptions as Guidance
else:
    Guidance = guidance.REGISTRY.choice()

Weight = Annotated[float, Field(ge=0.0)]
CONTROLS = ("forcing",)
"""Parts that the model of a prior generates."""


class PriorOptions(Section):
    """How much of how the data were controlled is kept (arXiv 2407.06494, eq. 10)."""

    model: Name = Field(
        description="A diffusion model of the controls alone (`generates: [forcing]`), by its key "
        "in `models`, with the representation and the schedule of the method's model."
    )
    gamma: Weight = Field(
        description="Exponent of the density of the data's controls; 1 changes nothing, less "
        "spreads controls beyond those of the data."
    )
    gammas: list[Weight] = Field(
        default=[],
        description="Exponents that are tried on validation cases, each with each weight and all "
        "that is asked for. Empty: `gamma` alone.",
    )

    def tried(self) -> tuple[float, ...]:
        """Return the exponents that are tried, or that which is taken."""
        return tuple(self.gammas) or (self.gamma,)


class GuidedOptions(ControllerOptions):
    """A diffusion model of state and control together, drawn towards low J."""

    summary: ClassVar[str] = "a diffusion model of state and control, guided by J"
    trained_for: ClassVar[str] = "control"
    told: ClassVar[bool] = True

    name: Literal["guided"] = Field(
        default="guided", description="A diffusion model of state and control together."
    )
    guidance: list[Guidance] = Field(
        default=[],
        description="What draws samples towards low J, applied one after the other; J is in units "
        "of its mean over the validation cases under their own controls. Empty: nothing.",
    )
    weights: list[Weight] = Field(
        default=[],
        description="Weights of the first guidance that are tried on validation cases; the one "
        "with the least J by the solver is taken. Empty: its own `weight`.",
    )
    prior: PriorOptions | None = Field(
        default=None,
        description="Re-weighting of the data's controls, before any guidance, by a second model. "
        "Null: none.",
    )
    asked: dict[str, list[float]] = Field(
        default={},
        description="Of each outcome that the model is told, values that it is asked for, each "
        "tried on validation cases with each weight; default: the mean of the validation set.",
    )
    validation_cases: PositiveInt | None = Field(
        default=None,
        description="Validation cases, from the first on, by which weights are compared; null: "
        "all.",
    )
    project: bool = Field(
        default=False,
        description="Move every estimate onto what is known: the state ends at the target, where "
        "there is one, and no control acts where it may not.",
    )
    terms: dict[str, NonNegativeFloat] = Field(
        default={},
        description="Weights of terms of J where the method goes by others than those that judge: "
        "in guidance, in what is chosen on validation cases, and among draws.",
    )
    draws: PositiveInt = Field(
        default=1, description="Samples of each case, of which the best by the solver is taken."
    )
    polish: Descent | None = Field(
        default=None, description="Descent with the true solver, from the sample on."
    )

    @model_validator(mode="after")
    def _weights_of_a_guidance(self) -> GuidedOptions:
        if self.weights and not self.guidance:
            raise ValueError(
                f"weights = {self.weights}: there is no guidance to weigh; add `guidance`, or "
                "remove `weights`"
            )
        gammas = self.prior.gammas if self.prior else []
        lists = {"weights": self.weights, "prior.gammas": gammas, **self.asked}
        for name, values in lists.items():
            if len(set(values)) < len(values):
                raise ValueError(f"{name} = {values}: each may appear once")
        for name, values in self.asked.items():
            if not values:
                raise ValueError(f"asked: {name}: expected values, got none; leave it out")
        return self

    def asks(self) -> tuple[str, ...]:
        """Return the outcomes that it asks its model for."""
        return tuple(self.asked)

    def weighed(self) -> tuple[Mapping[str, float], ...]:
        """Return the weights that guide, and those of the first part of polish."""
        return (self.terms, self.polish.terms if self.polish else {})

    def splits(self) -> tuple[str, ...]:
        """Return the validation set, where there is something to weigh."""
        weighs = self.guidance or self.asked or (self.prior and self.prior.gammas)
        return ("validation",) if weighs else ()

    def cases_needed(self) -> Mapping[str, tuple[str, int]]:
        """Return the validation cases, where there is something to weigh."""
        if not self.splits() or self.validation_cases is None:
            return {}
        return {"validation": ("validation_cases", self.validation_cases)}

    def models(self) -> Mapping[str, tuple[str, str]]:
        """Return the model of the prior."""
        return {"prior": (self.trained_for, self.prior.model)} if self.prior else {}

    def check_models(self, models: Mapping[str, ModelOptions]) -> list[str]:
        """Refuse a prior of anything but the controls, or that sees other channels or noise."""
        if self.prior is None:
            return []
        own, prior = models["model"], models["prior"]
        where, generates = f"prior.model = {self.prior.model!r}", list(CONTROLS)
        problems = []
        if prior.generates != generates:
            problems.append(
                f"{where}: expected a model with generates = {generates}, got {prior.generates}"
            )
        if prior.representation != own.representation:
            problems.append(
                f"{where}: its representation is {prior.representation.model_dump()}, that of the "
                f"method's model {own.representation.model_dump()}; write the same"
            )
        one, other = prior.objective, own.objective
        if one.noise_schedule is None or other.noise_schedule is None:
            problems.append(
                f"{where}: expected the objective diffusion, without stepping, of it and of the "
                f"method's model, got {one.name!r} and {other.name!r}"
                f"{' with stepping' if one.stepping or other.stepping else ''}"
            )
        elif one.noise_schedule != other.noise_schedule:
            problems.append(
                f"{where}: its schedule is {one.noise_schedule!r}, that of the method's model "
                f"{other.noise_schedule!r}; write the same"
            )
        return problems

    def pieces(self) -> Mapping[str, str]:
        """Return the modules of its guidance."""
        return {f"guidance {one.name}": f"{guidance.__name__}.{one.name}" for one in self.guidance}


Options = GuidedOptions
