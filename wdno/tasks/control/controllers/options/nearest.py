"""Options of the controller `nearest`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from wdno.tasks.control.controllers.options.base import ControllerOptions


class NearestOptions(ControllerOptions):
    """A look-up: controls of the training cases that begin, and are to end, most alike."""

    summary: ClassVar[str] = "of the training cases that are most alike, the best control by J"

    name: Literal["nearest"] = Field(description="A look-up among the training cases.")
    candidates: PositiveInt = Field(
        default=20, description="Nearest training cases whose controls are tried by the solver."
    )

    def splits(self) -> tuple[str, ...]:
        """Return the training set."""
        return ("train",)

    def cases_needed(self) -> Mapping[str, tuple[str, int]]:
        """Return the candidates, of the training set."""
        return {"train": ("candidates", self.candidates)}


Options = NearestOptions
