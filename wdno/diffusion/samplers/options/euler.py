"""Options of the sampler `euler`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from wdno.diffusion.samplers.options.base import SamplerOptions


class EulerOptions(SamplerOptions):
    """Euler's rule along the flow from noise to data (arXiv 2209.03003); DDIM without noise."""

    label: ClassVar[str] = "Euler"

    name: Literal["euler"] = Field(description="Deterministic, of first order.")


Options = EulerOptions
