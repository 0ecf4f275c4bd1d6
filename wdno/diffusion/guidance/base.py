r"""Guidance: a denoiser that is drawn towards low J, for every sampler.

Samples of the tilted density $p(x_0) e^{-w J(x_0)}$ are drawn by its own denoiser, the mean of
$p(x_0 \mid x_t) e^{-w J(x_0)}$. Where J is close to linear over the spread of that density, with
gradient g, and the density is close to a Gaussian with mean $\hat x_0$ and covariance $C_t$,

$$ \hat x_0^{w} = \hat x_0 - w C_t g, \qquad
   C_t = \frac{\sigma_t^2}{\alpha_t} \frac{\partial \hat x_0}{\partial x_t} $$

(the second is exact, arXiv 2209.14687 and Tweedie's formula). A method is a choice of $C_t$ or of
some other shift of $\hat x_0$. The same shift of the estimated noise
$\hat\epsilon = (x_t - \alpha_t \hat x_0) / \sigma_t$ is

$$ \Delta\hat x_0 = -\frac{\sigma_t}{\alpha_t} \Delta\hat\epsilon, $$

so that what is constant in $\hat\epsilon$ is 400 times that in $\hat x_0$ at t = 1, where
$\alpha_1 = 0.0025$.

J is in units of its mean over data, so that weights carry over from system to system.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from wdno.diffusion.denoiser import ALPHA_MIN
from wdno.diffusion.guidance.energy import Energy as Energy
from wdno.diffusion.guidance.energy import spread
from wdno.diffusion.samplers.base import Denoise
from wdno.diffusion.schedule import Schedule


@dataclass(frozen=True)
class Noisy:
    """What a denoiser is asked about.

    Attributes:
        x: Noisy data, `[B, C, *grid]`.
        t: Times, `[B]`.
        alpha: Signal level of each sample, broadcastable to `x`.
        sigma: Noise level, likewise.
    """

    x: Tensor
    t: Tensor
    alpha: Tensor
    sigma: Tensor

    @classmethod
    def at(cls, x_t: Tensor, t: Tensor, schedule: Schedule) -> Noisy:
        """Look up the levels at times `t`."""
        return cls(x_t, t, spread(schedule.alpha(t), x_t), spread(schedule.sigma(t), x_t))

    @property
    def signal(self) -> Tensor:
        """Alpha as a divisor: not less than `ALPHA_MIN`, as in `to_x0`."""
        return self.alpha.clamp(min=ALPHA_MIN)

    @property
    def share(self) -> Tensor:
        """Variance of the noise, as a share of that of noisy data of unit variance."""
        return self.sigma**2 / (self.alpha**2 + self.sigma**2)

    def epsilon(self, x0: Tensor) -> Tensor:
        """Return the noise that goes with an estimate."""
        return (self.x - self.alpha * x0) / self.sigma

    def add_to_epsilon(self, x0: Tensor, shift: Tensor) -> Tensor:
        """Return the estimate whose noise is that of `x0` plus a shift."""
        return x0 - self.sigma / self.signal * shift


class Guidance(ABC):
    """A way to lower J of what is drawn; a sample does not depend on its batch.

    Wrappers turn gradients on inside themselves, and treat the shift as a constant where they are
    differentiated through by a further guidance.

    Attributes:
        by_solver: Whether the energy is to be that of the true solver, asked few times.
        weight: Strength.
    """

    by_solver: ClassVar[bool] = False

    def __init__(self, weight: float = 1.0) -> None:
        """See the class; raises ValueError for a weight that is negative or not finite."""
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"guidance: expected a finite weight >= 0, got {weight}")
        self.weight = weight

    def wrap(self, denoise: Denoise, schedule: Schedule, energy: Energy) -> Denoise:
        """Return a denoiser of lower J; the same one if the weight is 0.

        Args:
            denoise: Maps x_t `[B, C, *grid]` and times `[B]` to x0_hat.
            schedule: Its noise schedule.
            energy: J of clean channels, in units of its mean over data.

        Raises:
            ValueError: When it is called: `energy` has another shape than `[B]` or no gradient.
        """
        if self.weight == 0:
            return denoise

        def guided(x_t: Tensor, t: Tensor) -> Tensor:
            return self.estimate(denoise, energy, Noisy.at(x_t, t, schedule))

        return guided

    @abstractmethod
    def estimate(self, denoise: Denoise, energy: Energy, noisy: Noisy) -> Tensor:
        """Return the guided estimate of x_0, `[B, C, *grid]`, for a weight > 0."""
