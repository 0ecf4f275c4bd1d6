"""What every controller has among its options."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from wdno.options import Section

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions


class ControllerOptions(Section):
    """How a control is found.

    Attributes:
        summary: what it is, for lists of baselines.
        trained_for: task that its model is trained for; empty: it has no model.
    """

    summary: ClassVar[str]
    trained_for: ClassVar[str] = ""

    name: str = Field(description="Controller.")

    def splits(self) -> tuple[str, ...]:
        """Return the data files that it reads beside the test set."""
        return ()

    def cases_needed(self) -> Mapping[str, tuple[str, int]]:
        """Return how many cases it needs of data files, and the option that says so, by split."""
        return MappingProxyType({})

    def check_model(self, model: ModelOptions) -> str:
        """Return what is wrong with a model for it; empty: nothing."""
        if model.objective.framewise:
            return (
                "sees a frame at a time; use the controller `policy`, or a model that generates "
                "whole trajectories"
            )
        return ""

    def pieces(self) -> Mapping[str, str]:
        """Return modules of pieces that it is made of beside its own, by what they are."""
        return MappingProxyType({})
