"""Options of the objective `framewise`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from wdno.objectives.options.base import ObjectiveOptions


class FramewiseOptions(ObjectiveOptions):
    """Each frame by itself: what a policy is, that sees the present and is told the time."""

    framewise: ClassVar[bool] = True

    name: Literal["framewise"] = Field(
        description="Mean squared error of each frame from what is given at its time."
    )
    windows: PositiveInt = Field(
        default=16, description="Frames of each trajectory of a batch, drawn anew each time."
    )


Options = FramewiseOptions
