"""Options of the sampler `heun`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from wdno.diffusion.samplers.options.base import SamplerOptions


class HeunOptions(SamplerOptions):
    """Heun's rule along the flow from noise to data (arXiv 2206.00364), deterministic."""

    label: ClassVar[str] = "Heun"

    name: Literal["heun"] = Field(description="Deterministic, of second order.")
    steps: PositiveInt = Field(
        default=25,
        description="Steps, of two network evaluations each but the last of one, if not repeated.",
    )


Options = HeunOptions
