"""What is chosen when an environment is made, the same for one and for many at once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field as Option
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from wdno.options import Name, Section

Positions = list[Annotated[list[NonNegativeInt], Option(min_length=1)]]


class EnvironmentOptions(Section):
    """Keyword arguments of an environment."""

    system: Name = Option(description="Name of a system that can be controlled.")
    options: dict[str, Any] = Option(
        default_factory=dict, description="Options of the system; what is left out is its default."
    )
    action_scale: PositiveFloat = Option(
        default=1.0, description="Control in physical units that the action 1 stands for."
    )
    observation: Literal["flat", "dict", "sensors"] = Option(
        default="flat",
        description="One vector of everything, a dictionary of fields, or one vector with the "
        "state at sensors only.",
    )
    sensors: PositiveInt | Annotated[Positions, Option(min_length=1)] = Option(
        default=8,
        description="With `observation: sensors`: how many along each axis, evenly spaced, or "
        "the points of the stored grid, each as its indices.",
    )
    sensor_noise: NonNegativeFloat = Option(
        default=0.0,
        description="Standard deviation of what is added to the observed state, in its units.",
    )
    action_noise: NonNegativeFloat = Option(
        default=0.0,
        description="Standard deviation of what is added to actions, before `action_scale`.",
    )
    shaping: Literal["distance"] | None = Option(
        default=None,
        description="`distance`: the terms of J that concern the state are paid as they change.",
    )
    zero_reference: bool = Option(
        default=True, description="Whether an episode ends with `J_zero`, J without any control."
    )
    cases: dict[str, PositiveInt] = Option(
        default_factory=lambda: {"train": 1000, "validation": 100, "test": 200},
        min_length=1,
        description="Splits, and among how many of its first cases a random one is drawn.",
    )
    data_seed: NonNegativeInt = Option(default=0, description="Seed of the data set.")
    kept_cases: PositiveInt = Option(
        default=1000, description="Cases that stay in memory, the last used ones."
    )
    threads: PositiveInt = Option(default=1, description="Processor threads of the solver.")

    @field_validator("sensors", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        """Take arrays and tuples; on one axis also plain indices."""
        plain = value.tolist() if isinstance(value, np.ndarray) else value
        if isinstance(plain, list | tuple):
            return [list(p) if isinstance(p, list | tuple) else [p] for p in plain]
        return plain
