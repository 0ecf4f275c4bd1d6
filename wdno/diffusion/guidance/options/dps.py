"""Options of the guidance `dps`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wdno.diffusion.guidance.options.base import GuidanceOptions


class DPSOptions(GuidanceOptions):
    """Diffusion posterior sampling (arXiv 2209.14687)."""

    name: Literal["dps"] = Field(description="Gradient through the network.")


Options = DPSOptions
