"""Options of the controller `surrogate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveInt

from wdno.tasks.control.controllers.options.base import ControllerOptions, Descent

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions


class SurrogateOptions(ControllerOptions):
    """L-BFGS through a model of the simulation task, as SL of the paper."""

    summary: ClassVar[str] = "L-BFGS with gradients of a learned simulation"
    trained_for: ClassVar[str] = "simulation"

    name: Literal["surrogate"] = Field(description="L-BFGS through a learned simulation.")
    gradients: PositiveInt = Field(default=40, description="Gradients through the model.")
    coarsen: PositiveInt = Field(
        default=4,
        description="The control is an interpolation of values this many times sparser along each "
        "axis: a model is fooled by details that it has never seen. 1: all values are free.",
    )
    polish: Descent | None = Field(
        default=None,
        description="Descent with the true solver, from what the model thinks best on.",
    )

    def weighed(self) -> tuple[Mapping[str, float], ...]:
        """Return the weights of the first part of polish."""
        return (self.polish.terms,) if self.polish else ()

    def check_model(self, model: ModelOptions) -> str:
        """Refuse a model that draws its predictions."""
        if not model.objective.samples:
            return super().check_model(model)
        return (
            f"its objective {model.objective.name!r} draws its predictions, through which no "
            "gradient leads; use a model trained by regression"
        )


Options = SurrogateOptions
