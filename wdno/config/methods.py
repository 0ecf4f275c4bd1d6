"""What is evaluated: a trained model and how it is sampled, or a baseline of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt, model_validator

from wdno.diffusion import samplers
from wdno.options import Label, Name, Section
from wdno.tasks import REGISTRY as TASKS

if TYPE_CHECKING:
    from wdno.diffusion.samplers.options.base import SamplerOptions as Sampler
else:
    Sampler = samplers.REGISTRY.choice()


def _baselines() -> str:
    """Say which baselines there are, task by task."""
    tasks = {name: TASKS.light(name).Options.baselines for name in TASKS.names()}
    said = (
        f" Of task `{task}`: " + ", ".join(f"`{name}` ({what})" for name, what in known.items())
        for task, known in tasks.items()
        if known
    )
    return "".join(f"{one}." for one in said)


class MethodOptions(Section):
    """A row of the tables: a trained model and how it is sampled, or an untrained baseline."""

    label: Label = Field(default="", description="Name in tables and figures; default: the key.")
    model: Name | None = Field(default=None, description="The model, by its key in `models`.")
    baseline: Name | None = Field(
        default=None, description=f"Instead of a model, a baseline.{_baselines()}"
    )
    sampler: Sampler | None = Field(
        default=None, description="Required with a diffusion model, refused with any other."
    )
    samples: PositiveInt = Field(
        default=1,
        description="Samples per case, of a method that draws them; its CRPS needs several.",
    )
    cases: PositiveInt | None = Field(
        default=None, description="Test cases, from the first on; null: all."
    )
    batch_size: PositiveInt | None = Field(
        default=None, description="Cases predicted at a time; null: `evaluation.batch_size`."
    )

    @model_validator(mode="after")
    def _one_source(self) -> MethodOptions:
        if (self.model is None) == (self.baseline is None):
            raise ValueError(
                f"model = {self.model!r} and baseline = {self.baseline!r}: a method names one of "
                "the two"
            )
        if self.baseline is not None and self.sampler is not None:
            raise ValueError(f"baseline {self.baseline!r} has nothing to sample; remove `sampler`")
        if self.baseline is not None and self.samples > 1:
            raise ValueError(
                f"samples = {self.samples}: baseline {self.baseline!r} is deterministic; use "
                "samples: 1"
            )
        return self
