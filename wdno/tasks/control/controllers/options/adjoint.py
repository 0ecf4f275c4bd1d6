"""Options of the controller `adjoint`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from wdno.tasks.control.controllers.options.base import ControllerOptions, Descent


class AdjointOptions(ControllerOptions, Descent):
    """The optimum: L-BFGS through the true solver."""

    summary: ClassVar[str] = "L-BFGS with gradients of the true solver; with enough, the optimum"

    name: Literal["adjoint"] = Field(description="L-BFGS with gradients of the true solver.")
    start: Literal["zero", "constant", "data"] = Field(
        default="zero",
        description="Where it starts: no control, a constant one, or that of the test case.",
    )
    values: list[float] = Field(
        default=[], description="Of a constant start, the value of each component."
    )
    gradients: PositiveInt = Field(default=60, description="Gradients of each case.")

    def weighed(self) -> tuple[Mapping[str, float], ...]:
        """Return the weights of its first part."""
        return (self.terms,)

    @model_validator(mode="after")
    def _values_of_a_constant(self) -> AdjointOptions:
        if bool(self.values) != (self.start == "constant"):
            raise ValueError(
                f"start = {self.start!r} with values = {self.values}: a constant start, and no "
                "other, has a value for each component"
            )
        return self


Options = AdjointOptions
