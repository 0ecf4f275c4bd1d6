"""Options of the objective `sac`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from wdno.objectives.options import _simulated
from wdno.objectives.options._rewarded import RewardedOptions
from wdno.options import Name

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions


class SACOptions(RewardedOptions):
    """Soft actor-critic of stable-baselines3, offline or with a learned simulation."""

    trainer: ClassVar[str] = "soft_actor_critic"

    name: Literal["sac"] = Field(
        description="Soft actor-critic (arXiv 1812.05905) of stable-baselines3, on data alone or "
        "with what a learned simulation does under it; needs the extra `environments`. Its critics "
        "are as wide and deep as the network."
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
    simulation: Name | None = Field(
        default=None,
        description="The model that is a simulation, of the task `simulation`, by its key in "
        "`models`; deterministic, from frame to frame. It is trained before. Null: offline.",
    )
    imagined: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        default=0.5,
        description="Share of a step's transitions from roll-outs of the present policy in the "
        "simulation. Without one: no effect.",
    )
    every: PositiveInt = Field(
        default=25,
        description="Steps that learn from a roll-out, before the next one is made.",
    )

    def models(self) -> Mapping[str, tuple[str, str]]:
        """Return the simulation, if there is one."""
        return {} if self.simulation is None else _simulated.trained(self.simulation)

    def check_models(self, models: Mapping[str, ModelOptions]) -> list[str]:
        """Refuse a simulation that is not asked frame by frame, or that draws."""
        return [] if self.simulation is None else _simulated.unfit(self.simulation, models)

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
