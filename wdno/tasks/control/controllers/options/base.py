"""What every controller has among its options."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from wdno.options import Section

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions


class Descent(Section):
    """L-BFGS with gradients of the true solver."""

    gradients: PositiveInt = Field(description="Gradients of each case.")
    before: NonNegativeInt = Field(
        default=0,
        description="Of these the first so many lower J with the weights `terms`, from where the "
        "rest go on by J: where a cheap term alone decides at first, descent ends at no control.",
    )
    terms: dict[str, NonNegativeFloat] = Field(
        default={}, description="Weights of terms of J in that part, where they differ."
    )

    @model_validator(mode="after")
    def _two_parts(self) -> Descent:
        if self.before > self.gradients:
            raise ValueError(
                f"before = {self.before} of gradients = {self.gradients}: expected at most all"
            )
        if bool(self.terms) != bool(self.before):
            raise ValueError(
                f"before = {self.before} with terms = {self.terms}: give both, the gradients and "
                "the weights that they go by, or neither"
            )
        return self


class ControllerOptions(Section):
    """How a control is found.

    Attributes:
        summary: what it is, for lists of baselines.
        trained_for: task that its model is trained for; empty: it has no model.
        told: whether its model is told the outcomes of the task, and asked for others.
    """

    summary: ClassVar[str]
    trained_for: ClassVar[str] = ""
    told: ClassVar[bool] = False

    name: str = Field(description="Controller.")

    def splits(self) -> tuple[str, ...]:
        """Return the data files that it reads beside the test set."""
        return ()

    def weighed(self) -> tuple[Mapping[str, float], ...]:
        """Return weights of terms of J that it names, to be checked against the system's."""
        return ()

    def asks(self) -> tuple[str, ...]:
        """Return the outcomes that it asks its model for."""
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

    def models(self) -> Mapping[str, tuple[str, str]]:
        """Return the trained models that it uses beside that of its method.

        Returns:
            Of each, by the role that it has: the task that it was trained for, and its name.
        """
        return MappingProxyType({})

    def check_models(self, models: Mapping[str, ModelOptions]) -> list[str]:
        """Return what is wrong with all its models, given by their roles, each a sentence.

        That of the method has the role `model`.
        """
        return []

    def pieces(self) -> Mapping[str, str]:
        """Return modules of pieces that it is made of beside its own, by what they are."""
        return MappingProxyType({})
