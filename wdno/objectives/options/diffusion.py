"""Options of the objective `diffusion`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wdno.objectives.options._denoising import DenoisingOptions


class DiffusionOptions(DenoisingOptions):
    """Conditional denoising diffusion; a prediction is a sample."""

    name: Literal["diffusion"] = Field(description="Denoising diffusion.")

    @property
    def noise_schedule(self) -> str | None:
        """The schedule, without stepping."""
        return None if self.stepping else self.schedule


Options = DiffusionOptions
