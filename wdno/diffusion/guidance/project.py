r"""Projection: every estimate meets a constraint.

$$ \hat x_0 \leftarrow P(\hat x_0), $$

with any map P onto the clean data that meet it, such as one that writes given values in, makes a
velocity free of divergence, or sets a control to zero where it may not act. The noise follows from
the projected estimate, so that the constraint enters as it does in inpainting by replacement of
$\hat x_0$ (arXiv 2212.00490), and the last step returns what meets it.

Guidance around a projection starts from what meets the constraint, and shifts it away again; so
where the result is to meet it, project once more outside:

    denoise = project(guidance.wrap(project(denoise, onto), schedule, energy), onto)
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from wdno.diffusion.samplers.base import Denoise


def project(denoise: Denoise, onto: Callable[[Tensor], Tensor]) -> Denoise:
    """Return a denoiser whose estimates are projected.

    Args:
        denoise: Maps x_t `[B, C, *grid]` and times `[B]` to x0_hat.
        onto: Maps clean channels to those that meet the constraint, `[B, C, *grid]`; each sample
            by itself, and differentiable if a guidance around it is to see through it.
    """

    def projected(x_t: Tensor, t: Tensor) -> Tensor:
        return onto(denoise(x_t, t))

    return projected
