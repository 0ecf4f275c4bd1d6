"""Options of the objective `regression`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from wdno.objectives.options.base import ObjectiveOptions


class RegressionOptions(ObjectiveOptions):
    """Mean squared error; a prediction is one evaluation of the network."""

    auxiliary: ClassVar[bool] = True

    name: Literal["regression"] = Field(description="Mean squared error, deterministic.")


Options = RegressionOptions
