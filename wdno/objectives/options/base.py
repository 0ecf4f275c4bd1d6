"""What every objective has among its options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from wdno.objectives.options import _simulated
from wdno.options import Section

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions
    from wdno.diffusion.samplers.options.base import SamplerOptions


class SteppingOptions(Section):
    """How a network goes from a frame to the next."""

    unroll: PositiveInt = Field(
        default=1,
        description="Steps from each starting frame in training, one after another; more than 1 "
        "with a deterministic objective only.",
    )
    windows: PositiveInt = Field(
        default=1, description="Starting frames of each trajectory of a batch."
    )
    noise: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0,
        description="Standard deviation of noise on starting frames in training, as a fraction of "
        "each field's.",
    )
    residual: bool = Field(
        default=True, description="Whether the network gives the change of a frame."
    )


class ObjectiveOptions(Section):
    """Options of an objective.

    Attributes:
        samples: whether a prediction is a sample, for which a method needs a sampler; otherwise the
            objective is deterministic.
        joint: whether what is given is generated, too.
        framewise: whether each frame is predicted from what is given at its time alone, by a
            network without an axis of time.
        rewarded: whether batches in training hold the rewards of a task that has such.
        joins_samples: whether what is learnt of a sample depends on others in its batch, which
            then has to be in one process.
        trainer: module of :mod:`wdno.training` whose `Trainer` trains it.
        physical: whether it sees fields in their units, neither centred nor scaled.
        auxiliary: whether it adds the losses that a network has of its own
            (:mod:`wdno.networks.auxiliary`).
    """

    samples: ClassVar[bool] = False
    joint: ClassVar[bool] = False
    framewise: ClassVar[bool] = False
    rewarded: ClassVar[bool] = False
    joins_samples: ClassVar[bool] = False
    trainer: ClassVar[str] = "trainer"
    physical: ClassVar[bool] = False
    auxiliary: ClassVar[bool] = False

    name: str = Field(description="Objective.")
    weighting: Literal["uniform", "scale", "energy"] = Field(
        default="uniform",
        description="Weight of each channel in the loss, among those of its field: 1, its scale, "
        "or its scale squared, which makes the loss of an orthogonal transform that of the fields.",
    )
    first_weight: PositiveFloat = Field(
        default=1.0,
        description="Weight in the loss of what stands first in time, a frame or the coefficients "
        "of each sub-band, beside 1 for all that follows.",
    )
    stepping: SteppingOptions | None = Field(
        default=None,
        description="Go from a frame and what is given in a step to the next frame; of several "
        "given frames the last one is used. Needs a representation that is local in time, such as "
        "`identity`, without `relative`. Null: all frames are generated at once.",
    )

    @property
    def closed_loop(self) -> bool:
        """Whether it is trained by what its predictions lead to in a learned simulation.

        What that is, the task says: its room has a module `closed_loop`.
        """
        return _simulated.ROLE in self.models()

    @property
    def judged(self) -> bool:
        """Whether what judges methods of the task counts for its training, too."""
        return self.rewarded or self.closed_loop

    def check_sampler(self, sampler: SamplerOptions) -> list[str]:
        """Return what is wrong with a sampler of its predictions, each a sentence.

        Args:
            sampler: how they are drawn.
        """
        levels: int = getattr(self, "training_times", 0)
        if not levels or sampler.steps <= levels:
            return []
        return [
            f"steps = {sampler.steps}: the model is trained at {levels} noise levels alone "
            "(training_times of its objective); take no more steps than these, or train at more "
            "levels, 0 for all"
        ]

    def models(self) -> Mapping[str, tuple[str, str]]:
        """Return the trained models that its training reads.

        Returns:
            Of each, by the role that it has: the task that it was trained for, and its name.
        """
        return {}

    def check_models(self, models: Mapping[str, ModelOptions]) -> list[str]:
        """Return what is wrong with these models, given by their roles, each a sentence."""
        return []

    @model_validator(mode="after")
    def _steps_have_no_first(self) -> ObjectiveOptions:
        if self.stepping is not None and self.first_weight != 1.0:
            raise ValueError(
                f"first_weight = {self.first_weight} with stepping: every step has a frame of its "
                "own to learn; remove one of the two"
            )
        return self

    @model_validator(mode="after")
    def _steps_or_frames(self) -> ObjectiveOptions:
        if self.stepping is not None and self.framewise:
            raise ValueError(
                f"stepping with {self.name!r}, which sees each frame by itself; remove stepping"
            )
        return self

    def check(self, model: ModelOptions) -> list[str]:
        """Return what of a model with it cannot work, each a sentence."""
        return []

    @property
    def noise_schedule(self) -> str | None:
        """Name of the noise schedule of a denoiser of whole trajectories; None: there is none."""
        return None

    @property
    def timeless(self) -> bool:
        """Whether the network has no axis of time."""
        return self.framewise or self.stepping is not None

    @model_validator(mode="after")
    def _unrolls_what_is_deterministic(self) -> ObjectiveOptions:
        if self.samples and self.stepping is not None and self.stepping.unroll > 1:
            raise ValueError(
                f"stepping.unroll = {self.stepping.unroll} with {self.name!r}: its predictions are "
                "samples, which training cannot go on from; use stepping.unroll = 1"
            )
        return self
