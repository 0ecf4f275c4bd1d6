"""Options of a study."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PositiveInt, field_validator

from wdno.options import Distinct, Label, Name, Names, Section

Values = Annotated[list[Any], Field(min_length=1)]


class StudyOptions(Section):
    """Variations of methods: every combination of the values given is a method of its own."""

    label: Label = Field(
        default="", description="Heading of its table and figure; default: the key."
    )
    task: Name = Field(description="Task that the methods are evaluated on.")
    systems: Names | None = Field(
        default=None, description="Systems to study, of those configured; null: all with the task."
    )
    of: Annotated[list[Name], Field(min_length=1), Distinct] = Field(
        description="Methods that are varied, by their keys in `methods`."
    )
    vary: Annotated[dict[str, Values], Field(min_length=1)] = Field(
        description="Values to try, by option: of a method (`sampler.steps`, `samples`) or of its "
        "model (`network.width`, `training.steps`), or a whole section (`sampler`, `network`): "
        "one of the same `name` keeps what it does not say, another one has its defaults."
    )
    cases: PositiveInt | None = Field(
        default=None, description="Test cases, from the first on; null: those of the method."
    )
    metrics: Names = Field(
        default=[], description="Metrics of its table; none: those that the task compares by."
    )

    @field_validator("vary")
    @classmethod
    def _differ(cls, vary: dict[str, list[Any]]) -> dict[str, list[Any]]:
        for key, values in vary.items():
            twice = [value for value in values if values.count(value) > 1]
            if twice:
                raise ValueError(f"{key}: {twice[0]!r} appears twice")
        return vary
