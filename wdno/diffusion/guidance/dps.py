r"""Diffusion posterior sampling: the gradient through the network (arXiv 2209.14687).

$$ \hat x_0 \leftarrow \hat x_0
   - w \frac{\sigma_t^2}{\alpha_t} \nabla_{x_t} J\big(\hat x_0(x_t)\big) $$

The paper adds $-w \nabla_{x_t} J(\hat x_0)$ to the score; by Tweedie's formula,
$\hat x_0 = (x_t + \sigma_t^2 \nabla \ln p) / \alpha_t$, that is the shift above. The Jacobian of
the network gives the covariance $C_t$ (see `base`), so the rule is exact where J is linear and the
data are Gaussian. Otherwise it takes J of the mean for a mean over $p(x_0 \mid x_t)$, and pulls too
hard where J is curved over the spread of $x_0$, early in sampling.

A step costs one forward and one backward pass of the network, about three times the evaluation
alone, and the memory of all its activations. The division by $\alpha_t$ is by at least `ALPHA_MIN`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wdno.diffusion.guidance import base
from wdno.diffusion.guidance.base import Noisy
from wdno.diffusion.guidance.energy import Energy, values_of
from wdno.diffusion.samplers.base import Denoise


class DPS(base.Guidance):
    """The gradient with respect to the noisy data, through the network."""

    def estimate(self, denoise: Denoise, energy: Energy, noisy: Noisy) -> Tensor:
        """See `Guidance.estimate`."""
        outer = noisy.x.requires_grad  # a guidance around this one differentiates through it
        with torch.enable_grad():
            x = noisy.x if outer else noisy.x.detach().requires_grad_()
            x0 = denoise(x, noisy.t)
            total = values_of(energy, x0).sum()
            (gradient,) = torch.autograd.grad(total, x, retain_graph=outer)
        x0 = x0 if outer else x0.detach()
        return x0 - self.weight * noisy.sigma**2 / noisy.signal * gradient


Guidance = DPS
