"""Options of the controller `data`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from wdno.tasks.control.controllers.options.base import ControllerOptions


class OwnControlOptions(ControllerOptions):
    """The control of the test set itself, which reaches its target but is not cheap."""

    summary: ClassVar[str] = "the control that the test case was drawn with"

    name: Literal["data"] = Field(description="The control of the test set itself.")


Options = OwnControlOptions
