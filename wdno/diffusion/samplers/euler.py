"""Euler: straight on along the velocity."""

from __future__ import annotations

from wdno.diffusion.samplers.base import Spacing
from wdno.diffusion.samplers.ddim import DDIM


class Euler(DDIM):
    r"""Euler's rule for the flow from noise to data (arXiv 2209.03003, 2210.02747).

    On the straight path, whose velocity is $w = \hat\epsilon - \hat x_0$,

    $$ x_s = x_t + (s - t)\, w = (1 - s)\, \hat x_0 + s\, \hat\epsilon, $$

    which is DDIM with eta = 0. With other schedules it is that rule likewise: Euler's along the
    curve of $(\alpha, \sigma)$. First order; of one step the estimate at the noise alone.
    """

    def __init__(self, spacing: Spacing = "uniform") -> None:
        """See the class and `Sampler`."""
        super().__init__(0.0, spacing)


Rule = Euler
