"""DDIM: from deterministic to as noisy as DDPM."""

from __future__ import annotations

import math

from torch import Tensor

from wdno.diffusion.samplers.base import Draw, Levels, Sampler, Spacing


class DDIM(Sampler):
    r"""DDIM (arXiv 2010.02502, eq. 12 and 16).

    $$ x_s = \alpha_s \hat x_0 + \sqrt{\sigma_s^2 - c^2}\,\hat\epsilon + c z, \qquad
       c = \eta \sigma_s \sqrt{g}, \quad z \sim N(0, I) $$

    With eta = 0 it is the first-order exponential integrator of the probability-flow equation;
    with eta = 1 it has the distribution of `DDPM`.

    Attributes:
        eta: Share of fresh noise, in [0, 1].
    """

    def __init__(self, eta: float = 0.0, spacing: Spacing = "uniform") -> None:
        """See the class; raises ValueError for eta outside [0, 1]."""
        super().__init__(spacing)
        if not 0 <= eta <= 1:
            raise ValueError(f"DDIM: expected eta in [0, 1], got {eta}")
        self.eta = eta

    def step(self, i: int, x_t: Tensor, x0s: list[Tensor], levels: Levels, noise: Draw) -> Tensor:
        """See `Sampler.step`; draws noise only if eta > 0."""
        sigma = levels.sigma[i + 1]
        fresh = self.eta * math.sqrt(-math.expm1(2 * (levels.lam[i] - levels.lam[i + 1])))
        epsilon = (x_t - levels.alpha[i] * x0s[-1]) / levels.sigma[i]
        x_s = levels.alpha[i + 1] * x0s[-1] + sigma * math.sqrt(1 - fresh**2) * epsilon
        return x_s + sigma * fresh * noise() if fresh else x_s


Rule = DDIM
