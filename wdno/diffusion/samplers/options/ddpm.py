"""Options of the sampler `ddpm`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from wdno.diffusion.samplers.options.base import SamplerOptions


class DDPMOptions(SamplerOptions):
    """Ancestral sampling of denoising diffusion (arXiv 2006.11239)."""

    label: ClassVar[str] = "DDPM"

    name: Literal["ddpm"] = Field(description="Ancestral sampling.")


Options = DDPMOptions
