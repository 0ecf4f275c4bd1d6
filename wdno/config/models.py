"""What is trained: a point on the three free axes of a learned method, and its training.

A model is a representation, a network and an objective. WDNO is ``wavelet + unet + diffusion``;
DDPM is ``identity + unet + diffusion``; FNO is ``identity + fno + regression``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from wdno import networks, objectives, representations
from wdno.grids.shapes import halved, indivisible
from wdno.options import Distinct, Label, Name, Section, shown

if TYPE_CHECKING:
    from wdno.networks.options.base import NetworkOptions as Network
    from wdno.objectives.options.base import ObjectiveOptions as Objective
    from wdno.representations.options.base import RepresentationOptions as Representation
else:
    Representation = representations.REGISTRY.choice()
    Network = networks.REGISTRY.choice()
    Objective = objectives.REGISTRY.choice()

AXES = ("representation", "network", "objective")
"""Sections of a model that name a piece."""


class TrainingOptions(Section):
    """How the weights are found: Adam, warm-up and cosine decay, clipped gradients, EMA."""

    steps: PositiveInt = Field(default=190_000, description="Optimiser steps.")
    batch_size: PositiveInt = Field(default=16, description="Trajectories in a batch.")
    learning_rate: PositiveFloat = Field(default=1e-4, description="Peak learning rate.")
    final_learning_rate_fraction: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        default=0.0, description="Last learning rate, as a fraction of the peak."
    )
    warmup_steps: Annotated[int, Field(ge=0)] = Field(
        default=500, description="Steps of linear warm-up."
    )
    weight_decay: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0, description="Decoupled weight decay (AdamW)."
    )
    gradient_clip: PositiveFloat = Field(
        default=1.0, description="Largest global norm of the gradient."
    )
    ema_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.995, description="Decay of the averaged weights, which are the ones evaluated."
    )
    ema_every: PositiveInt = Field(default=10, description="Steps between updates of the average.")
    precision: Literal["float32", "bf16"] = Field(
        default="float32", description="bf16 computes in mixed precision; weights stay float32."
    )
    compile: bool = Field(default=False, description="Compile the network with torch.compile.")
    validate_every: PositiveInt = Field(
        default=1000, description="Steps between evaluations of the validation loss."
    )
    log_every: PositiveInt = Field(default=50, description="Steps between lines of the log.")
    checkpoint_seconds: PositiveFloat = Field(
        default=60.0, description="Seconds between saved states, from which training resumes."
    )
    tensorboard: bool = Field(default=False, description="Also write TensorBoard events.")

    @model_validator(mode="after")
    def _warm_up_ends(self) -> TrainingOptions:
        if self.warmup_steps >= self.steps:
            raise ValueError(
                f"warmup_steps = {self.warmup_steps} leaves nothing of steps = {self.steps}; "
                "warm-up must be shorter than the training"
            )
        return self


class LearntOptions(Section):
    """What of the training set a model learns from, and how well it was measured."""

    samples: PositiveInt | None = Field(
        default=None, description="Samples of the training set, from the first on; null: all."
    )
    noise: NonNegativeFloat = Field(
        default=0.0,
        description="Standard deviation of measurement noise on the state, in training and "
        "validation, as a fraction of each field's own.",
    )
    halvings: Annotated[list[NonNegativeInt], Field(min_length=1), Distinct] = Field(
        default=[0],
        description="Grids that it learns from, in training and validation: how often the stored "
        "grid is halved, in time and space. [0]: the stored grid alone, [1]: the next coarser one "
        "alone, [0, 1]: both, each batch being of one. Of the task simulation.",
    )

    @property
    def mixed(self) -> bool:
        """Whether it learns from other grids than the stored one."""
        return self.halvings != [0]


class CollectOptions(Section):
    """Further training data: training cases solved under the controls of a method."""

    method: Name = Field(
        description="The method of the same task whose controls are solved, by its key in "
        "`methods`; its model, if it has one, is trained before."
    )
    cases: PositiveInt | None = Field(
        default=None, description="Training cases, from the first on; null: all."
    )


class ModelOptions(Section):
    """What is trained: a point on the three axes, and its training."""

    label: Label = Field(default="", description="Name in tables and figures; default: the key.")
    representation: Representation = Field(description="What the network sees of the fields.")
    network: Network = Field(description="The map from tensor to tensor.")
    objective: Objective = Field(description="How it is trained and how a prediction is drawn.")
    training: TrainingOptions = Field(
        default_factory=TrainingOptions, description="Optimisation settings."
    )
    data: LearntOptions = Field(
        default_factory=LearntOptions,
        description="What of the training set it learns from.",
    )
    start: Name | None = Field(
        default=None,
        description="The model whose weights and scales training starts from, of the same three "
        "axes, by its key in `models`; it is trained before. Null: random weights.",
    )
    collect: CollectOptions | None = Field(
        default=None,
        description="Training cases under the controls of a method, solved and added to the "
        "training set: SEDC (arXiv 2502.17893). Null: the training set alone.",
    )

    generates: Annotated[list[Name], Field(min_length=1)] | None = Field(
        default=None,
        description="Parts of the task's problem that it generates, such as [forcing], given the "
        "same as any other model: what a controller re-weights by. Null: all, as a method needs.",
    )

    @model_validator(mode="after")
    def _generates_each_once(self) -> ModelOptions:
        if self.generates is None:
            return self
        if len(set(self.generates)) < len(self.generates):
            raise ValueError(f"generates = {self.generates}: each may appear once")
        if self.objective.judged:
            raise ValueError(
                f"generates = {self.generates} with the objective {self.objective.name!r}, which "
                "learns from what controls lead to; remove generates"
            )
        return self

    @model_validator(mode="after")
    def _objective_fits(self) -> ModelOptions:
        if problems := self.objective.check(self):
            raise ValueError(f"objective {self.objective.name!r}: {'; '.join(problems)}")
        return self

    @model_validator(mode="after")
    def _network_fits(self) -> ModelOptions:
        if problems := self.network.check_model(self):
            raise ValueError(f"network {self.network.name!r}: {'; '.join(problems)}")
        return self

    def pieces(self) -> dict[str, str]:
        """Return the pieces by name, as the digest of a model's code needs them.

        Returns:
            `representation`, `network`, `objective`, `trainer`, `stepping` if it goes from frame
            to frame, `rewards` if it learns from such, `measured` if from data with noise, and
            `halved` if from coarser grids.
        """
        found = {axis: str(getattr(self, axis).name) for axis in AXES}
        also = {
            "stepping": self.objective.stepping is not None,
            "rewards": self.objective.rewarded,
            "measured": self.data.noise > 0,
            "halved": self.data.mixed,
        }
        found |= {name: name for name, present in also.items() if present}
        return {**found, "trainer": self.objective.trainer}

    def check_grid(
        self, stored: Sequence[int], boundaries: Sequence[str], halvings: int = 0
    ) -> list[str]:
        """Return what does not fit a grid, each a sentence that begins with the option's key.

        Args:
            stored: shape of the stored grid, time first.
            boundaries: boundary condition of each axis of space.
            halvings: how often the grid is halved.
        """
        if halvings and self.objective.timeless:
            return [
                "objective: with stepping or framewise a model knows one length of its steps, "
                "which a grid that is halved in time doubles; remove them, or the halvings"
            ]
        if odd := indivisible(stored, halvings):
            return [
                f"data.halvings: the stored grid {shown(stored)} cannot be halved {halvings} "
                f"times; make {' and '.join(map(str, odd))} multiples of {2**halvings}, or halve "
                "it less often"
            ]
        grid = halved(stored, halvings)
        periodic = [kind == "periodic" for kind in boundaries]
        key, problems = "representation", self.representation.check(grid, periodic)
        if not problems:
            coefficients = self.representation.coefficient_grid(grid, periodic)
            axes = slice(1 if self.objective.timeless else 0, None)
            wraps = (False, *self.representation.wraps(periodic))
            key, problems = "network", self.network.check(coefficients[axes], wraps[axes])
        also = (
            f"; this is the grid {shown(grid)}, halved {halvings} times: halve it less often, "
            "choose options that fit it too, or a piece that takes any size, such as the network "
            "fno or unet"
        )
        return [f"{key}.{problem}{also if halvings else ''}" for problem in problems]
