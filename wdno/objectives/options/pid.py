"""Options of the objective `pid`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveFloat, model_validator

from wdno.objectives.options.base import ObjectiveOptions
from wdno.options import Name

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions


class PidOptions(ObjectiveOptions):
    """A controller whose gains a network sets, trained through a learned simulation."""

    framewise: ClassVar[bool] = True
    closed_loop: ClassVar[bool] = True
    physical: ClassVar[bool] = True

    name: Literal["pid"] = Field(
        description="Proportional, integral and derivative gains of the deviation from the target, "
        "set by the network; trained by what they lead to in a learned simulation."
    )
    simulation: Name = Field(
        description="The model that is the simulation, of the task `simulation`, by its key in "
        "`models`; deterministic, from frame to frame. It is trained before."
    )
    gradient: bool = Field(
        default=True,
        description="Whether gradients lead through the simulation. False: as published, so that "
        "of what the simulation does nothing is learned.",
    )
    loss: Literal["j", "distance"] = Field(
        default="j",
        description="What is lowered: J as it is estimated of the simulation, or, as published, "
        "the mean distance from the target, summed over all frames.",
    )
    largest_gain: PositiveFloat = Field(default=10.0, description="Largest gain, either way.")
    largest_control: PositiveFloat = Field(
        default=100.0, description="Largest control, either way; more is cut off."
    )

    def models(self) -> Mapping[str, tuple[str, str]]:
        """Return the simulation."""
        return {"simulation": ("simulation", self.simulation)}

    def check_models(self, models: Mapping[str, ModelOptions]) -> list[str]:
        """Refuse a simulation that is not asked frame by frame, or that draws."""
        chosen = models["simulation"].objective
        where = f"simulation = {self.simulation!r}"
        if chosen.stepping is None:
            return [
                f"{where}: it generates all frames at once, but in a closed loop a controller "
                "needs each before it acts again; use a model with `stepping`"
            ]
        if chosen.samples:
            return [
                f"{where}: its objective {chosen.name!r} draws its predictions, through which no "
                "gradient leads; use a model trained by regression"
            ]
        return []

    @model_validator(mode="after")
    def _no_error_to_weigh(self) -> PidOptions:
        if self.weighting != "uniform" or self.first_weight != 1.0:
            raise ValueError(
                f"weighting = {self.weighting!r}, first_weight = {self.first_weight}: there is no "
                "error to weigh, `loss` says what is lowered; remove them"
            )
        return self


Options = PidOptions
