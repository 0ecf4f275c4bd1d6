"""Options of the task `last_frame`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from wdno.options import Section
from wdno.tasks.base import TaskOptions

if TYPE_CHECKING:
    from wdno.systems.base import SystemOptions


class LastFrameOptions(TaskOptions):
    """Last frame: the state at the end from the state at the start and the mean forcing."""

    title: ClassVar[str] = "Last frame"
    summary: ClassVar[str] = "Predict the last frame from the first one and the mean forcing."
    baselines: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"persistence_of_last": "repeats the last given state"}
    )

    def figures(self, system: SystemOptions) -> dict[str, str]:
        """Return the one figure, which every system has."""
        return {"errors": "png"}


class LastFrameMethod(Section):
    """What this task reads of a method."""

    shrink: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        default=1.0, description="Factor of every prediction."
    )


Options = LastFrameOptions
MethodSection = LastFrameMethod
