r"""Joint diffusion: what is given is noised, and generated, with what is to be generated.

Of channels $g$ that are given and $u$ that are to be generated, all of unit scale, the network
denoises $(g, u)$, both of one noise level and without anything clean beside them, and its loss is
that of all channels: it learns $p(g, u)$ where diffusion learns $p(u \mid g)$. What is given enters
a prediction in one of two ways.

- **Noised** with the same schedule, $g_t = \alpha_t g + \sigma_t z$, with one z for all evaluations
  of a sample. From frame to frame (`stepping`) this is autoregressive conditional diffusion, ACDM
  (arXiv 2309.01745).
- **Observed**: g is drawn as u is, and a guidance lowers $E = \|\hat g_0 - g\|_{rms}$, by the
  gradient through the network if it is `dps`. This is DiffusionPDE (arXiv 2406.17763), with the
  residual of the equation as the energy of a further guidance, the request's guide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from wdno.diffusion.noise import gaussian_noise
from wdno.diffusion.samplers.base import Denoise
from wdno.objectives.base import Loss, Request, add, without_denoiser
from wdno.objectives.diffusion import Diffusion

if TYPE_CHECKING:
    from wdno.objectives.base import Observe


class JointDiffusion(Diffusion):
    """Diffusion of given and generated channels together, given ones first.

    Attributes:
        network: ``([B, D + C, *grid], [B]) -> [B, D + C, *grid]``.
    """

    @staticmethod
    def out_channels(target: int, condition: int) -> int:
        """Return the sum: all channels are denoised."""
        return target + condition

    def loss(self, request: Request, generator: torch.Generator) -> Loss:
        """Return the denoising loss of all channels at one random noise level; given ones weigh 1.

        Raises:
            ValueError: there is no target.
        """
        given, weight = request.condition, request.weight
        if weight is not None:
            ones = weight.new_ones(given.shape[1], *weight.shape[1:])
            weight = torch.cat([ones, weight])
        whole = torch.cat([given, self._clean(request)], dim=1)
        return Loss(per_sample=self.denoiser.loss_per_sample(whole, None, generator, weight))

    def predict(
        self,
        request: Request,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None,
    ) -> Tensor:
        """Draw a sample for each condition, which is noised, or observed if the request says so.

        Raises:
            ValueError: no sampler is given.
        """
        given = request.condition
        if request.observe is None:
            noise = gaussian_noise(given.shape, generators, given.device)
            denoise = self._guided(partial(self._beside, given, noise), request)
            drawn = self._drawn(denoise, request.channels, given, generators, sampling)
        else:
            count = given.shape[1]
            denoise = self._observing(request, request.observe)
            drawn = self._drawn(denoise, count + request.channels, given, generators, sampling)
            drawn = drawn[:, count:]
        return add(drawn, request.origin)

    def _beside(self, given: Tensor, noise: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Estimate clean generated channels beside given ones, noised to the same level."""
        whole = torch.cat([self.denoiser.noised(given, noise, t), x_t], dim=1)
        estimate: Tensor = self.denoiser(whole, t)
        return estimate[:, given.shape[1] :]

    def _observing(self, request: Request, observe: Observe) -> Denoise:
        """Return the denoiser of all channels, drawn towards what is given, and guided."""
        given, count = request.condition, request.condition.shape[1]

        def missed(x0: Tensor) -> Tensor:
            away = (x0[:, :count] - given).flatten(1)
            rms: Tensor = torch.linalg.vector_norm(away, dim=1) / math.sqrt(away.shape[1])
            return rms

        whole = observe(self.denoiser, self.denoiser.schedule, missed)
        if request.guide is None:
            return whole

        def guided(x_t: Tensor, t: Tensor) -> Tensor:
            # A guide knows the generated channels alone.
            kept: list[Tensor] = []

            def generated(u_t: Tensor, t: Tensor) -> Tensor:
                x0 = whole(torch.cat([x_t[:, :count], u_t], dim=1), t)
                kept.append(x0[:, :count].detach())
                return x0[:, count:]

            drawn = self._guided(generated, request)(x_t[:, count:], t)
            return torch.cat([kept[-1], drawn], dim=1)

        return guided

    def denoiser_of(self, request: Request) -> Denoise:
        """Refuse: that of a prediction depends on noise; see :meth:`Objective.denoiser_of`."""
        raise without_denoiser("joint_diffusion")


Objective = JointDiffusion
