"""Options of the guidance `mpgd`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from wdno.diffusion.guidance.options.base import GuidanceOptions


class MPGDOptions(GuidanceOptions):
    """Manifold-preserving guidance (arXiv 2311.16424)."""

    name: Literal["mpgd"] = Field(description="Gradient descent of constant step.")
    weight: float = Field(
        default=0.1, ge=0.0, description="Step of descent; 0 draws without guidance."
    )
    iterations: PositiveInt = Field(default=1, description="Steps of descent per evaluation.")


Options = MPGDOptions
