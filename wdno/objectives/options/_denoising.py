"""What objectives of denoising diffusion have among their options."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wdno.objectives.options.base import ObjectiveOptions


class DenoisingOptions(ObjectiveOptions):
    """A network that denoises; a prediction is a sample."""

    samples: ClassVar[bool] = True

    schedule: Literal["cosine", "sigmoid", "linear"] = Field(
        default="cosine", description="Noise schedule."
    )
    prediction: Literal["epsilon", "x0", "v"] = Field(
        default="epsilon", description="What the network predicts."
    )
    training_times: Annotated[int, Field(ge=0)] = Field(
        default=1000,
        description="Number of discrete noise levels in training; 0 draws them continuously.",
    )
