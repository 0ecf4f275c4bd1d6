"""Options of the sampler `ddim`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wdno.diffusion.samplers.options.base import SamplerOptions


class DDIMOptions(SamplerOptions):
    """Denoising diffusion implicit models (arXiv 2010.02502)."""

    label: ClassVar[str] = "DDIM"

    name: Literal["ddim"] = Field(description="Implicit model, from deterministic to ancestral.")
    eta: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        default=0.0, description="Noise of a step: 0 is deterministic, 1 as noisy as DDPM."
    )


Options = DDIMOptions
