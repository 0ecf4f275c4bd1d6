"""Diffusion: the network learns to denoise, and a prediction is a sample.

The theory is in :mod:`wdno.diffusion`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from wdno.diffusion import samplers
from wdno.diffusion import schedule as schedules
from wdno.diffusion.denoiser import Denoiser, Prediction
from wdno.diffusion.samplers.base import Denoise, evaluations, sample
from wdno.objectives import base
from wdno.objectives.base import Loss, Request, add


class Diffusion(base.Objective):
    """Conditional denoising diffusion; conditions are clean channels beside the noisy ones.

    Attributes:
        denoiser: network, schedule and prediction type.
    """

    time_conditioned = True
    deterministic = False

    def __init__(
        self,
        network: nn.Module,
        *,
        schedule: str = "cosine",
        prediction: Prediction = "epsilon",
        training_times: int = 1000,
    ) -> None:
        """Make the denoiser.

        Args:
            network: ``([B, C + D, *grid], [B]) -> [B, C, *grid]``.
            schedule: name of the noise schedule.
            prediction: what the network predicts.
            training_times: discrete noise levels in training; 0 draws them continuously.
        """
        super().__init__()
        self.denoiser = Denoiser(
            network,
            schedules.build(schedule),
            prediction,
            training_steps=training_times or None,
        )

    @property
    def network(self) -> nn.Module:
        """The network inside the denoiser."""
        return self.denoiser.network

    def surround(self, wrap: Callable[[nn.Module], nn.Module]) -> None:
        """See :meth:`Objective.surround`."""
        self.denoiser.network = wrap(self.denoiser.network)

    @staticmethod
    def in_channels(target: int, condition: int) -> int:
        """Return the sum: the network sees the noisy target and the clean condition."""
        return target + condition

    def loss(self, request: Request, generator: torch.Generator) -> Loss:
        """Return the denoising loss of each sample at one random noise level.

        Raises:
            ValueError: there is no target.
        """
        clean = request.wanted()
        if request.origin is not None:
            clean = clean - request.origin
        losses = self.denoiser.loss_per_sample(clean, request.condition, generator, request.weight)
        return Loss(per_sample=losses)

    def predict(
        self,
        request: Request,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None,
    ) -> Tensor:
        """Draw a sample for each condition, of the denoiser that the request's guide makes.

        Raises:
            ValueError: no sampler is given.
        """
        if sampling is None:
            raise ValueError("a diffusion model needs a sampler: give its name and steps")
        options = dict(sampling)
        name, steps, repeats = options.pop("name"), options.pop("steps"), options.pop("repeats", 1)
        condition = request.condition
        drawn = sample(
            samplers.REGISTRY.build(name, **options),
            self.denoiser_of(request),
            (len(condition), request.channels, *condition.shape[2:]),
            self.denoiser.schedule,
            steps,
            generators,
            repeats=repeats,
            device=condition.device,
        )
        return add(drawn, request.origin)

    def denoiser_of(self, request: Request) -> Denoise:
        """Return the denoiser under the request's condition, as its guide makes it."""
        denoise: Denoise = partial(self.denoiser, condition=request.condition)
        if request.guide is not None:
            denoise = request.guide(denoise, self.denoiser.schedule)
        return denoise

    def evaluations(self, sampling: Mapping[str, Any] | None, frames: int) -> int:
        """Return the sampler's steps, repeated ones as often as they are made."""
        return evaluations(sampling["steps"], sampling.get("repeats", 1)) if sampling else 0


Objective = Diffusion
