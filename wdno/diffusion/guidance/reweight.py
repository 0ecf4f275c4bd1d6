r"""Prior re-weighting: less, or more, of how the data were controlled (arXiv 2407.06494, eq. 10).

Of the density $p(u, f) = p(u \mid f)\, p(f)$ of states and controls, the second factor is how the
training set happened to be controlled. With a second model of the controls alone,

$$ p_\gamma(u, f) \propto p(u, f)\, p(f)^{\gamma - 1}: \qquad
   \hat\epsilon \leftarrow \hat\epsilon + (\gamma - 1)\, \hat\epsilon_{prior}(f_t), $$

on the channels of f. With gamma < 1 controls spread beyond those of the data; gamma = 1 changes
nothing. The noised product is not the product of the noised densities, so samples are those of
$p_\gamma$ only roughly: of one standard normal channel, the probability-flow equation gives the
variance $\alpha_1^{2(\gamma - 1)}$, and not $1 / \gamma$. Most of it comes from the noisy end.

A step costs an evaluation of either model. In the estimate the shift is
$(1 - \gamma)\, \sigma_t / \alpha_t\, \hat\epsilon_{prior}$, very large at the noisy end.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from wdno.diffusion.guidance.base import Noisy
from wdno.diffusion.samplers.base import Denoise
from wdno.diffusion.schedule import Schedule


def reweight(
    denoise: Denoise, prior: Denoise, gamma: float, channels: Sequence[int], schedule: Schedule
) -> Denoise:
    """Return a denoiser of the re-weighted density.

    Args:
        denoise: Maps x_t `[B, C, *grid]` and times `[B]` to x0_hat.
        prior: The same of the controlled channels alone, `[B, len(channels), *grid]`.
        gamma: Exponent of the prior.
        channels: Which of the C channels are controlled.
        schedule: Noise schedule of both.
    """
    if gamma == 1:
        return denoise
    chosen = list(channels)

    def reweighted(x_t: Tensor, t: Tensor) -> Tensor:
        x0 = denoise(x_t, t)
        part = Noisy.at(x_t[:, chosen], t, schedule)
        shift = (gamma - 1) * part.epsilon(prior(part.x, t))
        changed = x0.clone()
        changed[:, chosen] = part.add_to_epsilon(x0[:, chosen], shift)
        return changed

    return reweighted
