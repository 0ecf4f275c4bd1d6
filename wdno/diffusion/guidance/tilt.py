r"""Tilt: the gradient at the estimate, times the variance of the noise.

$$ \hat x_0 \leftarrow \hat x_0
   - w \frac{\sigma_t^2}{\alpha_t^2 + \sigma_t^2} \nabla J(\hat x_0), $$

where the divisor is 1 for a variance-preserving schedule. This $C_t$ (see `base`) is exact for data
of covariance I, since then $1 / C_t = 1 + \alpha_t^2 / \sigma_t^2$. Normalised channels have unit
variance; where they vary less, or depend on each other, the shift is too long in the directions
that the data do not have, until $\sigma_t$ falls below the spread of the data. It costs one
evaluation of the network and one gradient of J.

For J of curvature k the shift is stable while $w \sigma_t^2 k < 2$; beyond that it overshoots in
noisy steps, and late ones have to repair what is left.
"""

from __future__ import annotations

from torch import Tensor

from wdno.diffusion.guidance import base
from wdno.diffusion.guidance.base import Noisy
from wdno.diffusion.guidance.energy import Energy, evaluate
from wdno.diffusion.samplers.base import Denoise


class Tilt(base.Guidance):
    """The gradient at the estimate, not through the network, times the noise's variance."""

    def estimate(self, denoise: Denoise, energy: Energy, noisy: Noisy) -> Tensor:
        """See `Guidance.estimate`."""
        x0 = denoise(noisy.x, noisy.t)
        _, gradient = evaluate(energy, x0)
        return x0 - self.weight * noisy.share * gradient


Guidance = Tilt
