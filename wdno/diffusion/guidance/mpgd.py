r"""Manifold-preserving guidance: descent of the estimate (arXiv 2311.16424).

$$ \hat x_0 \leftarrow \hat x_0 - w \nabla J(\hat x_0), \qquad \text{n times}, $$

a constant step at every noise level: the shift is one of clean data, so the noise that is mixed in
again carries it on, and the network is to bring the result back to the data in the next step. The
paper's projection by an autoencoder is left to `project`. It costs one evaluation of the network
and n gradients of J.

The last step to clean data ends with a shift that no evaluation follows: the result lowers J beyond
what the data support, the more the greater $w n$. For J of curvature k it is stable while
$w k < 2$, at all times.
"""

from __future__ import annotations

from torch import Tensor

from wdno.diffusion.guidance import base
from wdno.diffusion.guidance.base import Noisy
from wdno.diffusion.guidance.energy import Energy, evaluate
from wdno.diffusion.samplers.base import Denoise


class MPGD(base.Guidance):
    """Steps of gradient descent from the estimate.

    Attributes:
        iterations: Steps for each evaluation of the network.
    """

    def __init__(self, weight: float = 0.1, iterations: int = 1) -> None:
        """See the class and `Guidance`; raises ValueError for no iterations."""
        super().__init__(weight)
        if iterations < 1:
            raise ValueError(f"mpgd: expected iterations >= 1, got {iterations}")
        self.iterations = iterations

    def estimate(self, denoise: Denoise, energy: Energy, noisy: Noisy) -> Tensor:
        """See `Guidance.estimate`."""
        x0 = denoise(noisy.x, noisy.t)
        for _ in range(self.iterations):
            _, gradient = evaluate(energy, x0)
            x0 = x0 - self.weight * gradient
        return x0


Guidance = MPGD
