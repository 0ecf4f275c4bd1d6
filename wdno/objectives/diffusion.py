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
        losses = self.denoiser.loss_per_sample(
            self._clean(request), request.condition, generator, request.weight
        )
        return Loss(per_sample=losses)

    def _clean(self, request: Request) -> Tensor:
        """Return what is to be drawn: the target, as a departure from its origin."""
        target = request.wanted()
        return target if request.origin is None else target - request.origin

    def predict(
        self,
        request: Request,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None,
    ) -> Tensor:
        """Draw a sample for each condition, of the denoiser that the request's guide makes.

        Raises:
            ValueError: no sampler is given, or what is given is to be drawn, too.
        """
        request.refuse_observing()
        drawn = self._drawn(
            self.denoiser_of(request), request.channels, request.condition, generators, sampling
        )
        return add(drawn, request.origin)

    def _drawn(
        self,
        denoise: Denoise,
        channels: int,
        like: Tensor,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None,
    ) -> Tensor:
        """Draw channels by a denoiser, for as many samples and on the grid of another tensor."""
        if sampling is None:
            raise ValueError("a diffusion model needs a sampler: give its name and steps")
        options = dict(sampling)
        name, steps, repeats = options.pop("name"), options.pop("steps"), options.pop("repeats", 1)
        return sample(
            samplers.REGISTRY.build(name, **options),
            denoise,
            (len(like), channels, *like.shape[2:]),
            self.denoiser.schedule,
            steps,
            generators,
            repeats=repeats,
            device=like.device,
        )

    def denoiser_of(self, request: Request) -> Denoise:
        """Return the denoiser under the request's condition, as its guide makes it."""
        return self._guided(partial(self.denoiser, condition=request.condition), request)

    def _guided(self, denoise: Denoise, request: Request) -> Denoise:
        """Return a denoiser as the request's guide makes it."""
        if request.guide is None:
            return denoise
        return request.guide(denoise, self.denoiser.schedule)

    def evaluations(self, sampling: Mapping[str, Any] | None, frames: int) -> int:
        """Return the sampler's steps, repeated and corrected ones as often as they are made."""
        if not sampling:
            return 0
        corrects = samplers.REGISTRY.load(sampling["name"]).corrects
        return evaluations(sampling["steps"], sampling.get("repeats", 1), corrects=corrects)


Objective = Diffusion
