"""Options of the objective `flow_matching`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from wdno.objectives.options.base import ObjectiveOptions


class FlowMatchingOptions(ObjectiveOptions):
    """Flow matching on straight paths (arXiv 2209.03003, 2210.02747); a prediction is a sample."""

    samples: ClassVar[bool] = True

    name: Literal["flow_matching"] = Field(description="The velocity of straight paths.")
    prediction: Literal["velocity", "x0"] = Field(
        default="velocity", description="What the network predicts; x0 is the clean data."
    )

    @property
    def noise_schedule(self) -> str | None:
        """The straight path, without stepping."""
        return None if self.stepping else "straight"


Options = FlowMatchingOptions
