"""Options of the guidance `tilt`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wdno.diffusion.guidance.options.base import GuidanceOptions


class TiltOptions(GuidanceOptions):
    """The gradient at the estimate, times the variance of the noise."""

    name: Literal["tilt"] = Field(description="Gradient at the estimate.")


Options = TiltOptions
