"""DDPM: ancestral sampling."""

from __future__ import annotations

import math

from torch import Tensor

from wdno.diffusion.samplers.base import Draw, Levels, Sampler


class DDPM(Sampler):
    r"""Ancestral sampling with the posterior variance (arXiv 2006.11239, eq. 6 and 7).

    $$ x_s = \frac{\alpha_t \sigma_s^2}{\alpha_s \sigma_t^2} x_t + \alpha_s g \hat x_0
       + \sigma_s \sqrt{g}\, z, \qquad z \sim N(0, I) $$

    On the grid of all training steps this is DDPM; on a coarser one, its respaced form.
    """

    def step(self, i: int, x_t: Tensor, x0s: list[Tensor], levels: Levels, noise: Draw) -> Tensor:
        """See `Sampler.step`."""
        sigma = levels.sigma[i + 1]
        gap = -math.expm1(2 * (levels.lam[i] - levels.lam[i + 1]))
        kept = levels.alpha[i] / levels.alpha[i + 1] * (sigma / levels.sigma[i]) ** 2
        mean = kept * x_t + levels.alpha[i + 1] * gap * x0s[-1]
        return mean + sigma * math.sqrt(gap) * noise()


Rule = DDPM
