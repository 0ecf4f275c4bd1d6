"""Options of the guidance `polyak`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wdno.diffusion.guidance.options.base import GuidanceOptions


class PolyakOptions(GuidanceOptions):
    """Late steps towards the least J, each as long as J asks, by the true solver."""

    name: Literal["polyak"] = Field(description="Late steps by the solver.")
    weight: float = Field(
        default=0.5, ge=0.0, description="Factor of the step; 0 draws without guidance."
    )
    below: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.1, description="Diffusion time, of 1, from which on steps are made."
    )
    optimum: float = Field(default=0.0, description="Least J that steps aim at.")
    limit: Annotated[float, Field(gt=0.0)] | None = Field(
        default=None,
        description="Longest step, root mean square, in noise levels; null: any length.",
    )


Options = PolyakOptions
