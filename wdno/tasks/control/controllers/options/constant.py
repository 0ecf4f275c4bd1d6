"""Options of the controller `constant`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from wdno.tasks.control.controllers.options.base import ControllerOptions


class ConstantOptions(ControllerOptions):
    """The same control everywhere, at all times, in all cases."""

    summary: ClassVar[str] = "one value for each component, everywhere and always; by default zero"

    name: Literal["constant"] = Field(description="The same control in all cases.")
    values: list[float] = Field(
        default=[],
        description="Value of each component of the control, in the order of the data; empty: 0.",
    )


Options = ConstantOptions
