"""DPM-Solver++(2M): second order, without noise."""

from __future__ import annotations

import math

from torch import Tensor

from wdno.diffusion.samplers.base import Draw, Levels, Sampler


class DPMSolverPP2M(Sampler):
    r"""DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2): second order, multistep, no noise.

    $$ x_s = \frac{\sigma_s}{\sigma_t} x_t + \alpha_s (1 - e^{-h}) D, \qquad
       D = \hat x_0 + \frac{h}{2 h_{prev}} (\hat x_0 - \hat x_0^{prev}) $$

    The first step has no earlier estimate and takes $D = \hat x_0$, as DDIM; so does the last,
    whose h is infinite. From end to end the order is 2 with the spacing `log_snr`; grids in time
    leave large steps of log-SNR at the ends however many steps there are, and so a lower order,
    with `uniform` often a smaller error at few steps all the same.
    """

    order = 2

    def step(self, i: int, x_t: Tensor, x0s: list[Tensor], levels: Levels, noise: Draw) -> Tensor:
        """See `Sampler.step`; draws no noise."""
        h = levels.lam[i + 1] - levels.lam[i]
        direction = x0s[-1]
        if len(x0s) > 1:
            ratio = h / (levels.lam[i] - levels.lam[i - 1])
            direction = direction + ratio / 2 * (x0s[-1] - x0s[-2])
        kept = levels.sigma[i + 1] / levels.sigma[i]
        return kept * x_t - levels.alpha[i + 1] * math.expm1(-h) * direction


Rule = DPMSolverPP2M
