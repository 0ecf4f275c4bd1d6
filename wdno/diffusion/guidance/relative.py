r"""Relative: a step along the gradient, as long as a share of the noise.

$$ \hat\epsilon \leftarrow \hat\epsilon
   + w\, \|\hat\epsilon\| \frac{\nabla J(\hat x_0)}{\|\nabla J(\hat x_0)\|}, $$

with norms over all channels and points of a sample. No unit of J enters: J and any multiple of it
give the same, and a sample whose J is low is pulled as hard as one whose J is high. In the estimate
the shift is $\sigma_t / \alpha_t$ times that, of the order of the data once $\sigma_t \approx
\alpha_t$, and far longer before: the estimate of the first steps is of no use, yet the noise that
they leave in $x_t$ is changed by the share w only. The last step, from $\sigma_t$ to clean data,
moves the sample by about $w \sigma_t$ in each channel.

Where the gradient is zero, nothing is shifted. The step never shrinks towards an optimum, other
than by $\sigma_t$.
"""

from __future__ import annotations

from torch import Tensor

from wdno.diffusion.guidance import base
from wdno.diffusion.guidance.base import Noisy
from wdno.diffusion.guidance.energy import Energy, evaluate, norm, over
from wdno.diffusion.samplers.base import Denoise


class Relative(base.Guidance):
    """A step whose length in the noise is a share of the noise."""

    def __init__(self, weight: float = 0.1) -> None:
        """See the class and `Guidance`."""
        super().__init__(weight)

    def estimate(self, denoise: Denoise, energy: Energy, noisy: Noisy) -> Tensor:
        """See `Guidance.estimate`."""
        x0 = denoise(noisy.x, noisy.t)
        _, gradient = evaluate(energy, x0)
        length = self.weight * norm(noisy.epsilon(x0))
        return noisy.add_to_epsilon(x0, length * over(gradient, norm(gradient)))


Guidance = Relative
