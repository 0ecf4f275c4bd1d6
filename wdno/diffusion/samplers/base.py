r"""Samplers: from noise to data along a falling grid of times.

Any callable `denoise(x_t, t) -> x0_hat` can be sampled: a `Denoiser`, one with its conditions
bound, or a wrapper that shifts the estimate (guidance). With $\hat x_0$ comes the noise estimate
$\hat\epsilon = (x_t - \alpha_t \hat x_0) / \sigma_t$, and each sampler is one rule for
$x_t \to x_s$, $s < t$, in terms of

$$ \lambda_t = \ln(\alpha_t / \sigma_t), \qquad h = \lambda_s - \lambda_t > 0, \qquad
   g = 1 - e^{-2h} = 1 - \frac{\alpha_t^2 \sigma_s^2}{\alpha_s^2 \sigma_t^2}. $$

Sampling starts from $x_1 \sim N(0, \alpha_1^2 + \sigma_1^2)$, as of data of unit variance; that
is $N(0, I)$ for all schedules but `Straight`, and nearly so for it. The grid
$1 = t_0 > \dots > t_N = 0$ has N steps and costs N evaluations, more with time travel (see
`sample`) or a rule that corrects its steps. Time 0 stands for clean data ($\alpha = 1$,
$\sigma = 0$, whatever the schedule's floor), where every rule becomes $x_0 = \hat x_0$: the last
step returns the estimate and adds no noise.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from wdno.diffusion.noise import gaussian_noise
from wdno.diffusion.schedule import Schedule

Spacing = Literal["uniform", "quadratic", "log_snr"]
Draw = Callable[[], Tensor]
Denoise = Callable[[Tensor, Tensor], Tensor]


def time_grid(steps: int, spacing: Spacing, schedule: Schedule) -> Tensor:
    """Falling times from 1 to 0.

    `uniform` (t_i = 1 - i / N) is the grid of the WDNO paper's DDIM where N divides the 1000
    training steps; `quadratic` (t_i = (1 - i / N)^2, arXiv 2010.02502, appendix D.2) is finer
    near the data; `log_snr` has equal steps in the log-SNR (arXiv 2206.00927).

    Args:
        steps: Number of steps N >= 1.
        spacing: How the times are spread.
        schedule: The noise schedule, which `log_snr` needs.

    Returns:
        Times, `[steps + 1]`, float64, strictly falling, first 1 and last 0.

    Raises:
        ValueError: `steps` is not a positive integer, or the spacing is unknown.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"time_grid: expected an integer number of steps >= 1, got {steps!r}")
    uniform = torch.arange(steps, -1, -1, dtype=torch.float64) / steps
    if spacing == "uniform":
        return uniform
    if spacing == "quadratic":
        return uniform**2
    if spacing == "log_snr":
        noisy, clean = schedule.log_snr(torch.tensor([1.0, 0.0], dtype=torch.float64))
        grid = schedule.time(clean + (noisy - clean) * uniform)
        grid[0], grid[-1] = 1, 0  # the inverse is exact only to rounding
        return grid
    raise ValueError(f"unknown spacing {spacing!r}: expected one of {', '.join(get_args(Spacing))}")


@dataclass(frozen=True)
class Levels:
    """Noise levels along a grid of times; entry N is clean data.

    Attributes:
        t: Times, N + 1 of them.
        alpha: Signal levels; the last is 1.
        sigma: Noise levels; the last is 0.
        lam: Half log-SNR ln(alpha / sigma), rising; the last is infinite.
    """

    t: list[float]
    alpha: list[float]
    sigma: list[float]
    lam: list[float]

    @classmethod
    def at(cls, times: Tensor, schedule: Schedule) -> Levels:
        """Levels of a schedule at falling times, `[N + 1]`, float64, the last 0."""
        noisy = times[:-1]
        return cls(
            times.tolist(),
            [*schedule.alpha(noisy).tolist(), 1.0],
            [*schedule.sigma(noisy).tolist(), 0.0],
            [*(schedule.log_snr(noisy) / 2).tolist(), math.inf],
        )


class Sampler(ABC):
    """A rule x_t -> x_s and the grid that it runs on.

    Attributes:
        order: Number of estimates x0_hat, the newest included, that a step uses.
        corrects: Whether a step asks for a second estimate, where it leads to.
        spacing: Spacing of the times, see `time_grid`.
    """

    order = 1
    corrects: ClassVar[bool] = False

    def __init__(self, spacing: Spacing = "uniform") -> None:
        """See the class; raises ValueError for an unknown spacing."""
        if spacing not in get_args(Spacing):
            raise ValueError(
                f"unknown spacing {spacing!r}: expected one of {', '.join(get_args(Spacing))}"
            )
        self.spacing: Spacing = spacing

    @abstractmethod
    def step(self, i: int, x_t: Tensor, x0s: list[Tensor], levels: Levels, noise: Draw) -> Tensor:
        """Step from time i to time i + 1 of the grid, which is not the last.

        Args:
            i: Index of the present time.
            x_t: Data at that time, `[B, ...]`.
            x0s: The latest estimates of x_0, newest last, at most `order` of them.
            levels: Noise levels of the grid.
            noise: Draws standard normal noise of the shape of `x_t`.

        Returns:
            x_s, shape of `x_t`.
        """

    def correct(
        self, i: int, x_t: Tensor, x0_t: Tensor, x_s: Tensor, x0_s: Tensor, levels: Levels
    ) -> Tensor:
        """Correct a step, of a rule that `corrects`, by the estimate at its end.

        Args:
            i: Index of the time that the step began at.
            x_t: Data at that time, `[B, ...]`.
            x0_t: The estimate there.
            x_s: What `step` led to.
            x0_s: The estimate there.
            levels: Noise levels of the grid.

        Returns:
            x_s, shape of `x_t`.
        """
        return x_s


def sample(
    sampler: Sampler,
    denoise: Denoise,
    shape: Sequence[int],
    schedule: Schedule,
    steps: int,
    generator: torch.Generator | Sequence[torch.Generator],
    *,
    repeats: int = 1,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    r"""Draw samples, without tracking gradients (a `denoise` may turn them on inside itself).

    With `repeats` > 1 they travel in time (arXiv 2303.09833): after a step from t to s
    they are noised again by the forward kernel,

    $$ x_t = \frac{\alpha_t}{\alpha_s} x_s + \sigma_t \sqrt{g}\, z, $$

    and the step is made again, so that a guidance that shifts them off the data is followed by more
    evaluations at the same noise level. The last step, to clean data, is made once.

    Args:
        sampler: The rule and its grid.
        denoise: Maps x_t of the given shape and times `[B]` to x0_hat of the given shape.
        shape: `[B, ...]`.
        schedule: The noise schedule that `denoise` was trained with.
        steps: Number of steps.
        repeats: How often each step but the last is made; see `evaluations`.
        generator: CPU generator of all noise, or one per sample: then a sample does not depend
            on the batch that it is in.
        device: Where sampling runs.
        dtype: Floating-point type of the samples; coefficients are float64 throughout.

    Returns:
        Samples x_0, of the given shape. Non-finite estimates are passed on, not hidden.

    Raises:
        ValueError: The shape is empty, there are no steps or repeats, the grid has two equal
            levels, or `denoise` returns another shape.
    """
    if not shape or min(shape) < 1:
        raise ValueError(f"sample: expected a shape [B, ...] of positive sizes, got {tuple(shape)}")
    if repeats < 1:
        raise ValueError(f"sample: expected repeats >= 1, got {repeats}")
    levels = Levels.at(time_grid(steps, sampler.spacing, schedule), schedule)
    if any(b <= a for a, b in pairwise(levels.lam)):
        raise ValueError(f"sample: {steps} steps do not resolve the schedule; take fewer")
    time_dtype = torch.promote_types(dtype, torch.float32)  # half precision would merge times

    def noise() -> Tensor:
        return gaussian_noise(shape, generator, device, dtype)

    def estimate(x: Tensor, i: int) -> Tensor:
        t = torch.full((shape[0],), levels.t[i], device=device, dtype=time_dtype)
        x0_hat = denoise(x, t)
        if x0_hat.shape != x.shape:
            raise ValueError(
                f"sample: denoise returned shape {tuple(x0_hat.shape)} at step {i}, "
                f"expected {tuple(x.shape)}"
            )
        return x0_hat

    with torch.no_grad():
        x = math.hypot(levels.alpha[0], levels.sigma[0]) * noise()
        before: list[Tensor] = []  # estimates at earlier times of the grid
        for i in range(steps):
            last = i == steps - 1
            for repeat in range(1 if last else repeats):
                if repeat:
                    x = _noised_again(i, x, levels, noise)
                x0_hat = estimate(x, i)
                x0s = [*before, x0_hat][-sampler.order :]
                x_s = x0_hat if last else sampler.step(i, x, x0s, levels, noise)
                if sampler.corrects and not last:
                    x_s = sampler.correct(i, x, x0_hat, x_s, estimate(x_s, i + 1), levels)
                x = x_s
            before = x0s
    return x


def evaluations(steps: int, repeats: int = 1, *, corrects: bool = False) -> int:
    """Return how often `sample` calls the denoiser, with a rule that `corrects` or not."""
    return (steps - 1) * repeats * (1 + corrects) + 1


def _noised_again(i: int, x_s: Tensor, levels: Levels, noise: Draw) -> Tensor:
    """Go back from time i + 1 of the grid to time i by the forward kernel."""
    gap = -math.expm1(2 * (levels.lam[i] - levels.lam[i + 1]))
    kept = levels.alpha[i] / levels.alpha[i + 1]
    return kept * x_s + levels.sigma[i] * math.sqrt(gap) * noise()
