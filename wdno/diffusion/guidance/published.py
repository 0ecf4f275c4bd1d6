r"""The rule of the WDNO paper (arXiv 2412.04833, section 3.3): the gradient joins the noise.

$$ \hat\epsilon \leftarrow \hat\epsilon + w\, w_t \nabla J(\hat x_0), \qquad
   w_t = \beta_t = \min\big(1 - \bar\alpha_t / \bar\alpha_{t - 1/1000},\ 0.999\big), \quad
   \bar\alpha_t = \cos^2\Big(\frac{\pi}{2} \frac{t + 0.008}{1.008}\Big), $$

the betas of the discrete cosine schedule with 1000 steps (arXiv 2102.09672, eq. 17), whatever the
model's own schedule; $w_t = 1$ in the paper's 2D system. The gradient is taken at the estimate, not
through the network.

In the estimate this is a shift by $w\, w_t \sigma_t / \alpha_t \nabla J$, where $w_t \sigma_t /
\alpha_t$ falls from 400 at t = 1 over 3e-3 at t = 0.5 to 6e-6 at t = 0.02. So a weight that moves
the last steps throws the first ones far from the data, and what they add to the noise is not taken
back: without a clamp, J of the samples grows with the weight from some small weight on. Hence the
reference program clamps: the gradient is that at the clamped estimate, it is added to the noise as
the network sees it, and the estimate made of the sum is clamped again, with the noise that follows
from it. There the bound is 1, of channels that are scaled to [-1, 1]; ours have unit variance, and
a bound is to be a few of their standard deviations. A constant weight has no such end: its last
step is stable while $w \sigma_t / \alpha_t k < 2$, for J of curvature k.

The paper's weights (120 000 in 1D, 100 in 2D) multiply a J in its own units.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from wdno.diffusion.guidance import base
from wdno.diffusion.guidance.base import Noisy
from wdno.diffusion.guidance.energy import Energy, evaluate, spread
from wdno.diffusion.samplers.base import Denoise

Weighting = Literal["beta", "constant"]
STEPS, OFFSET, BETA_MAX = 1000, 0.008, 0.999


class Published(base.Guidance):
    """The gradient at the estimate, added to the estimated noise.

    Attributes:
        schedule: Whether $w_t$ is `beta` or `constant`.
        clamp: Largest absolute value of an estimate; None for any.
    """

    def __init__(
        self, weight: float = 1.0, schedule: Weighting = "beta", clamp: float | None = None
    ) -> None:
        """See the class; raises ValueError for an unknown schedule or a bound that is not > 0."""
        super().__init__(weight)
        if schedule not in get_args(Weighting):
            raise ValueError(
                f"published: unknown schedule {schedule!r}: expected one of "
                f"{', '.join(get_args(Weighting))}"
            )
        if clamp is not None and not clamp > 0:
            raise ValueError(f"published: expected clamp > 0 or None, got {clamp}")
        self.schedule, self.clamp = schedule, clamp

    def estimate(self, denoise: Denoise, energy: Energy, noisy: Noisy) -> Tensor:
        """See `Guidance.estimate`."""
        x0 = denoise(noisy.x, noisy.t)
        _, gradient = evaluate(energy, self._bounded(x0))
        over_time = spread(beta(noisy.t), x0) if self.schedule == "beta" else 1.0
        return self._bounded(noisy.add_to_epsilon(x0, self.weight * over_time * gradient))

    def _bounded(self, x0: Tensor) -> Tensor:
        return x0 if self.clamp is None else x0.clamp(-self.clamp, self.clamp)


def beta(t: Tensor) -> Tensor:
    """Return the betas at times in [0, 1], float64; at k / 1000 that of the k-th step."""

    def signal(at: Tensor) -> Tensor:
        return torch.cos(math.pi / 2 * (at + OFFSET) / (1 + OFFSET)).square()

    t = t.double()
    return (1 - signal(t) / signal((t - 1 / STEPS).clamp(min=0))).clamp(max=BETA_MAX)


Guidance = Published
