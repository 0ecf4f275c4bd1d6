"""Options of the objective `sac`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat

from wdno.objectives.options._rewarded import RewardedOptions

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions


class SACOptions(RewardedOptions):
    """Soft actor-critic of stable-baselines3, offline."""

    trainer: ClassVar[str] = "soft_actor_critic"

    name: Literal["sac"] = Field(
        description="Soft actor-critic (arXiv 1812.05905) of stable-baselines3 on data alone; "
        "needs the extra `environments`. Its critics are as wide and deep as the network."
    )
    limit: PositiveFloat = Field(
        default=4.0,
        description="Largest control, in standard deviations of the data's; larger ones of the "
        "data are taken as that.",
    )
    tau: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.005, description="Share of the weights that target critics take over a step."
    )
    entropy: PositiveFloat = Field(
        default=0.05, description="Weight of the entropy at the start, from which it is learned."
    )
    target_entropy: float | None = Field(
        default=None,
        description="Entropy that the weight is learned for, of a control within [-1, 1]; null: "
        "minus the number of its values.",
    )

    def check(self, model: ModelOptions) -> list[str]:
        """Refuse what stable-baselines3 does not have."""
        training, problems = model.training, []
        if model.network.name != "mlp":
            problems.append(f"network {model.network.name!r}: expected 'mlp'")
        if training.precision != "float32":
            problems.append(f"training.precision = {training.precision!r}: expected 'float32'")
        if training.compile:
            problems.append("training.compile = true: expected false")
        if training.weight_decay:
            problems.append(f"training.weight_decay = {training.weight_decay}: expected 0")
        return problems


Options = SACOptions
