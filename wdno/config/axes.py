"""The three free axes of a learned method, and how it is trained and sampled.

A *model* is a representation, a network and an objective, trained once; a *method* is a model with
the way it is sampled. WDNO is ``wavelet + unet + diffusion``; DDPM is ``identity + unet +
diffusion``; FNO is ``identity + fno + regression``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from wdno.config.base import Name, Section

Baseline = Literal["persistence", "time_mean", "hourly_mean", "persisted_anomaly"]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class RepresentationOptions(Section):
    """What every representation has."""

    relative: bool = Field(
        default=False,
        description="Generate the departure from the last given frame, which is added again: an "
        "untrained network then predicts persistence.",
    )


class IdentityOptions(RepresentationOptions):
    """The fields themselves, one channel each."""

    name: Literal["identity"] = Field(description="The fields on their grid.")


class WaveletOptions(RepresentationOptions):
    """One level of a discrete wavelet transform over time and space; sub-bands become channels."""

    name: Literal["wavelet"] = Field(description="One-level discrete wavelet transform.")
    family: str | None = Field(
        default=None,
        description="Wavelet: any discrete family that PyWavelets knows; by default bior2.4 in 1D, "
        "bior1.3 in 2D.",
    )
    mode: Literal["periodization", "zero"] | None = Field(
        default=None,
        description="Signal extension at the ends of each axis that is not periodic; by default "
        "periodization in 1D, zero in 2D. Periodic axes wrap around.",
    )
    backend: Literal["matrices", "pytorch_wavelets"] = Field(
        default="matrices", description="Implementation; both give the same coefficients."
    )


Representation = Annotated[IdentityOptions | WaveletOptions, Field(discriminator="name")]


class UNetOptions(Section):
    """U-Net of residual blocks with group normalisation."""

    name: Literal["unet"] = Field(description="Residual convolutional U-Net.")
    width: PositiveInt = Field(default=128, description="Channels of the first level.")
    multipliers: Annotated[list[PositiveInt], Field(min_length=1)] = Field(
        default=[1, 2, 4, 8], description="Channels of each level, as multiples of the width."
    )
    blocks: PositiveInt | list[Annotated[int, Field(ge=0)]] = Field(
        default=2,
        description="Residual blocks of each level, one number or a list with one for each; 0 "
        "leaves out the encoder's, which saves most at the finest level.",
    )
    attention: Literal["none", "middle", "all"] = Field(
        default="middle", description="Where full self-attention is applied."
    )
    heads: PositiveInt = Field(default=4, description="Attention heads.")
    head_dim: PositiveInt = Field(default=32, description="Channels of one attention head.")
    groups: PositiveInt = Field(default=8, description="Most groups of the group normalisation.")

    @model_validator(mode="after")
    def _one_count_per_level(self) -> UNetOptions:
        if isinstance(self.blocks, list) and len(self.blocks) != len(self.multipliers):
            raise ValueError(
                f"blocks = {self.blocks} has {len(self.blocks)} entries, multipliers = "
                f"{self.multipliers} has {len(self.multipliers)}; give one number for each level"
            )
        return self


class FNOOptions(Section):
    """Fourier Neural Operator (arXiv 2010.08895), from the neuraloperator package."""

    name: Literal["fno"] = Field(description="Fourier Neural Operator.")
    modes: PositiveInt | list[PositiveInt] = Field(
        default=16,
        description="Fourier modes kept along each axis: one number, or a list with one for each, "
        "time first.",
    )
    width: PositiveInt = Field(default=64, description="Hidden channels.")
    layers: PositiveInt = Field(default=4, description="Fourier layers.")


Network = Annotated[UNetOptions | FNOOptions, Field(discriminator="name")]


class ObjectiveOptions(Section):
    """What every objective has."""

    weighting: Literal["uniform", "scale", "energy"] = Field(
        default="uniform",
        description="Weight of each channel in the loss, among those of its field: 1, its scale, "
        "or its scale squared, which makes the loss of an orthogonal transform that of the fields.",
    )


class DiffusionOptions(ObjectiveOptions):
    """Conditional denoising diffusion; a prediction is a sample."""

    name: Literal["diffusion"] = Field(description="Denoising diffusion.")
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


class RegressionOptions(ObjectiveOptions):
    """Mean squared error; a prediction is one evaluation of the network."""

    name: Literal["regression"] = Field(description="Mean squared error, deterministic.")


class AutoregressiveOptions(ObjectiveOptions):
    """Mean squared error of the next frame; a prediction steps from frame to frame."""

    name: Literal["autoregressive"] = Field(
        description="From a frame and the forcing to the next frame; needs the representation "
        "`identity`. Of several given frames the last one is used."
    )
    unroll: PositiveInt = Field(
        default=1, description="Steps from each starting frame in training, one after another."
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


Objective = Annotated[
    DiffusionOptions | RegressionOptions | AutoregressiveOptions, Field(discriminator="name")
]


class TrainingOptions(Section):
    """How the weights are found: Adam, warm-up and cosine decay, clipped gradients, EMA."""

    steps: PositiveInt = Field(default=190_000, description="Optimiser steps.")
    batch_size: PositiveInt = Field(default=16, description="Trajectories in a batch.")
    learning_rate: PositiveFloat = Field(default=1e-4, description="Peak learning rate.")
    final_learning_rate_fraction: Fraction = Field(
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


class ModelOptions(Section):
    """What is trained: a point on the three axes, and its training."""

    label: str = Field(default="", description="Name in tables and figures; default: the key.")
    representation: Representation = Field(description="What the network sees of the fields.")
    network: Network = Field(description="The map from tensor to tensor.")
    objective: Objective = Field(description="How it is trained and how a prediction is drawn.")
    training: TrainingOptions = Field(
        default_factory=TrainingOptions, description="Optimisation settings."
    )


class SamplerOptions(Section):
    """How a sample is drawn from a diffusion model."""

    name: Literal["ddpm", "ddim", "dpmpp_2m"] = Field(description="Sampler.")
    steps: PositiveInt = Field(default=50, description="Network evaluations per sample.")
    eta: Fraction | None = Field(
        default=None,
        description="DDIM only: 0 is deterministic (the default there), 1 as noisy as DDPM.",
    )
    spacing: Literal["uniform", "quadratic", "log_snr"] = Field(
        default="uniform", description="How the noise levels are spread."
    )

    @model_validator(mode="after")
    def _eta_is_ddims(self) -> SamplerOptions:
        if self.eta is not None and self.name != "ddim":
            raise ValueError(
                f"eta = {self.eta} with sampler {self.name!r}: only 'ddim' has eta; remove it"
            )
        return self


class MethodOptions(Section):
    """A row of the tables: a trained model and how it is sampled, or an untrained baseline."""

    label: str = Field(default="", description="Name in tables and figures; default: the key.")
    model: Name | None = Field(default=None, description="The model, by its key in `models`.")
    baseline: Baseline | None = Field(
        default=None,
        description="Instead of a model: `persistence` repeats the last given state. For systems "
        "with a calendar, from the training period: `time_mean`, `hourly_mean` (the mean of each "
        "hour of the day), `persisted_anomaly` (the last given state's departure from the hourly "
        "mean, added to it).",
    )
    sampler: SamplerOptions | None = Field(
        default=None, description="Required with a diffusion model, refused with any other."
    )
    samples: PositiveInt = Field(
        default=1, description="Samples per case; CRPS is reported where there are several."
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
        return self
