"""Options of the objective `bppo`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from wdno.objectives.options._rewarded import RewardedOptions

Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class BPPOOptions(RewardedOptions):
    """Behaviour cloning, then steps of proximal policy optimisation, all on the data."""

    name: Literal["bppo"] = Field(
        description="Behaviour proximal policy optimisation (arXiv 2302.11312), offline."
    )
    cloning: Share = Field(
        default=0.75,
        description="Share of the training that clones the data; the rest improves the policy. "
        "Both values of states and of actions are learned throughout.",
    )
    tau: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.005, description="Share of the weights that the target network takes over a step."
    )
    monte_carlo: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        default=0.0,
        description="Share of the data's own sum of rewards to go in what the value of actions "
        "learns; the rest is one reward and the target network (SARSA).",
    )
    log_std_low: float = Field(
        default=-5.0, description="Least logarithm of the policy's standard deviation."
    )
    log_std_high: float = Field(
        default=0.0, description="Largest one; controls have unit standard deviation."
    )
    probability: Literal["mean", "joint"] = Field(
        default="joint",
        description="Probability that the ratio of a step is made of: of all values of a control "
        "together, or their geometric mean.",
    )
    omega: Share = Field(
        default=0.9,
        description="Weight of positive advantages; negative ones have 1 minus it.",
    )
    clip: Share = Field(
        default=0.25, description="Bound on the change of the ratio when improvement begins."
    )
    clip_decay: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.96, description="Factor of the bound for each step of improvement."
    )
    clip_decays: Annotated[int, Field(ge=0)] = Field(
        default=200, description="Steps of improvement in which the bound decays."
    )
    replaced_every: PositiveInt = Field(
        default=50,
        description="Steps of improvement between those at which the policy replaces the one that "
        "it is compared with.",
    )
    value_weight: PositiveFloat = Field(
        default=1.0, description="Weight in the loss of the errors of both values."
    )

    @model_validator(mode="after")
    def _low_is_lower(self) -> BPPOOptions:
        if self.log_std_low >= self.log_std_high:
            raise ValueError(
                f"log_std_low = {self.log_std_low}: expected less than log_std_high = "
                f"{self.log_std_high}"
            )
        return self


Options = BPPOOptions
