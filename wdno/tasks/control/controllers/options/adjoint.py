"""Options of the controller `adjoint`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from wdno.tasks.control.controllers.options.base import ControllerOptions


class AdjointOptions(ControllerOptions):
    """The optimum: L-BFGS through the true solver."""

    summary: ClassVar[str] = "L-BFGS with gradients of the true solver; with enough, the optimum"

    name: Literal["adjoint"] = Field(description="L-BFGS with gradients of the true solver.")
    start: Literal["zero", "data"] = Field(
        default="zero", description="Where it starts: no control, or the control of the test set."
    )
    gradients: PositiveInt = Field(default=60, description="Gradients of each case.")


Options = AdjointOptions
