"""Heun: Euler's step, corrected by the velocity at its end."""

from __future__ import annotations

from torch import Tensor

from wdno.diffusion.samplers.base import Levels
from wdno.diffusion.samplers.euler import Euler


class Heun(Euler):
    r"""Heun's rule for the flow from noise to data: second order, two evaluations a step.

    The flow is $dx = \hat x_0\, d\alpha + \hat\epsilon\, d\sigma$, and a step the trapezoidal rule
    along the curve of $(\alpha, \sigma)$, with the estimates at both of its ends,

    $$ x_s = x_t + (\alpha_s - \alpha_t) \frac{\hat x_0 + \hat x_0'}{2}
       + (\sigma_s - \sigma_t) \frac{\hat\epsilon + \hat\epsilon'}{2}, $$

    those at s where Euler's step leads. On the straight path that is
    $x_s = x_t + (s - t) (w + w') / 2$, as in arXiv 2206.00364, algorithm 1, which has it for
    another path. The last step, to clean data, is Euler's, as there: N steps take 2 N - 1
    evaluations.
    """

    corrects = True

    def correct(
        self, i: int, x_t: Tensor, x0_t: Tensor, x_s: Tensor, x0_s: Tensor, levels: Levels
    ) -> Tensor:
        """See `Sampler.correct`."""
        (alpha_t, alpha_s), (sigma_t, sigma_s) = (
            each[i : i + 2] for each in (levels.alpha, levels.sigma)
        )
        epsilon_t, epsilon_s = (x_t - alpha_t * x0_t) / sigma_t, (x_s - alpha_s * x0_s) / sigma_s
        along = (alpha_s - alpha_t) * (x0_t + x0_s) + (sigma_s - sigma_t) * (epsilon_t + epsilon_s)
        return x_t + along / 2


Rule = Heun
