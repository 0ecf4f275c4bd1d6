"""Options of the objective `pid`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveFloat, model_validator

from wdno.objectives.options import _simulated
from wdno.objectives.options.base import ObjectiveOptions
from wdno.options import Name

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions


class PidOptions(ObjectiveOptions):
    """A controller whose gains a network sets, trained through a learned simulation."""

    framewise: ClassVar[bool] = True
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
        return _simulated.trained(self.simulation)

    def check_models(self, models: Mapping[str, ModelOptions]) -> list[str]:
        """Refuse a simulation that is not asked frame by frame, or that draws."""
        return _simulated.unfit(self.simulation, models)

    @model_validator(mode="after")
    def _no_error_to_weigh(self) -> PidOptions:
        if self.weighting != "uniform" or self.first_weight != 1.0:
            raise ValueError(
                f"weighting = {self.weighting!r}, first_weight = {self.first_weight}: there is no "
                "error to weigh, `loss` says what is lowered; remove them"
            )
        return self


Options = PidOptions
