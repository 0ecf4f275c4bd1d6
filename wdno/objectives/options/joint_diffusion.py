"""Options of the objective `joint_diffusion`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from wdno.objectives.options._denoising import DenoisingOptions


class JointDiffusionOptions(DenoisingOptions):
    """Denoising diffusion of what is given and what is generated together.

    With stepping it is ACDM (arXiv 2309.01745), without it the model of DiffusionPDE (2406.17763).
    """

    joint: ClassVar[bool] = True

    name: Literal["joint_diffusion"] = Field(
        description="Denoising diffusion of given and generated channels together."
    )


Options = JointDiffusionOptions
