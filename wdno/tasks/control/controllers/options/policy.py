"""Options of the controller `policy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from wdno.tasks.control.controllers.options.base import ControllerOptions

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions


class PolicyOptions(ControllerOptions):
    """Closed loop: the control of each interval from the state that the solver has reached."""

    summary: ClassVar[str] = "a model that gives the control of an interval from the present state"
    trained_for: ClassVar[str] = "control"

    name: Literal["policy"] = Field(
        description="Closed loop: the control of each interval from the state at its start."
    )

    def check_model(self, model: ModelOptions) -> str:
        """Refuse a model that sees more than a frame."""
        if model.objective.framewise:
            return ""
        return (
            f"its objective {model.objective.name!r} needs whole trajectories, which a policy does "
            "not know; use the objective `framewise`"
        )


Options = PolicyOptions
