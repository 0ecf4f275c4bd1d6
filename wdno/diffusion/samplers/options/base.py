"""What every sampler has among its options."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from wdno.options import Section


class SamplerOptions(Section):
    """How a sample is drawn from a diffusion model.

    Attributes:
        label: name of the sampler in tables and figures.
    """

    label: ClassVar[str]

    name: str = Field(description="Sampler.")
    steps: PositiveInt = Field(
        default=50, description="Steps, of one network evaluation each, if not repeated."
    )
    repeats: PositiveInt = Field(
        default=1,
        description="How often each step but the last is made, noised again in between: time "
        "travel, for guidance.",
    )
    spacing: Literal["uniform", "quadratic", "log_snr"] = Field(
        default="uniform", description="How the noise levels are spread."
    )
