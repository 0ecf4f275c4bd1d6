"""What policies that learn from rewards have among their options."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, PositiveInt

from wdno.objectives.options.base import ObjectiveOptions


class RewardedOptions(ObjectiveOptions):
    """A policy that is trained on rewards: what J falls in each interval of the data."""

    framewise: ClassVar[bool] = True
    rewarded: ClassVar[bool] = True
    # They are relabelled among each other; BPPO standardises over them, SAC takes all transitions.
    joins_samples: ClassVar[bool] = True

    windows: PositiveInt = Field(
        default=16, description="Frames of each trajectory of a batch, drawn anew each time."
    )
    gamma: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        default=1.0,
        description="Discount of rewards for each interval; with 1 their sum is what J falls.",
    )
    relabelled: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        default=0.5,
        description="Share of a batch whose target is that of another of its trajectories: data "
        "always reach their own. Of a system without target: no effect.",
    )
