r"""Late: a guidance that is left out until the last part of sampling.

What a guidance asks of an estimate that is still blurred may say nothing, such as the residual of a
differential equation, which arXiv 2406.17763 asks for in the last 20 % of the steps.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wdno.diffusion.guidance.energy import spread
from wdno.diffusion.samplers.base import Denoise


def late(denoise: Denoise, guided: Denoise, below: float) -> Denoise:
    """Return a denoiser that is the guided one at times t <= `below`, and else the other.

    Args:
        denoise: Maps x_t `[B, C, *grid]` and times `[B]` to x0_hat.
        guided: Likewise, with guidance; it is not asked where no time is late.
        below: Largest time of guidance, in (0, 1].

    Raises:
        ValueError: `below` is outside (0, 1].
    """
    if not 0 < below <= 1:
        raise ValueError(f"late: expected below in (0, 1], got {below}")

    def waiting(x_t: Tensor, t: Tensor) -> Tensor:
        chosen = t <= below
        if bool(chosen.all()):
            return guided(x_t, t)
        if not bool(chosen.any()):
            return denoise(x_t, t)
        return torch.where(spread(chosen, x_t) > 0, guided(x_t, t), denoise(x_t, t))

    return waiting
