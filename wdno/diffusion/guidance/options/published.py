"""Options of the guidance `published`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wdno.diffusion.guidance.options.base import GuidanceOptions


class PublishedOptions(GuidanceOptions):
    """The rule of the WDNO paper (arXiv 2412.04833)."""

    name: Literal["published"] = Field(description="Gradient at the estimate, added to the noise.")
    schedule: Literal["beta", "constant"] = Field(
        default="beta",
        description="Weight over time: that of the paper in 1D, or constant as in 2D.",
    )
    clamp: Annotated[float, Field(gt=0.0)] | None = Field(
        default=None, description="Largest absolute value of an estimate; null: any."
    )


Options = PublishedOptions
