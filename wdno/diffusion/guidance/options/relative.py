"""Options of the guidance `relative`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wdno.diffusion.guidance.options.base import GuidanceOptions


class RelativeOptions(GuidanceOptions):
    """A step as long as a share of the noise, whatever the size of J."""

    name: Literal["relative"] = Field(description="A share of the noise, along the gradient.")
    weight: float = Field(
        default=0.1, ge=0.0, description="Share of the noise; 0 draws without guidance."
    )


Options = RelativeOptions
