r"""Denoiser: a network made into an estimate of the clean data, and its training loss.

The network sees $x_t = \alpha_t x_0 + \sigma_t \epsilon$ and predicts one of four quantities,
each of which gives the others linearly (arXiv 2202.00512, appendix D; for the last, 2209.03003):

$$ \epsilon, \qquad x_0, \qquad v = \alpha_t \epsilon - \sigma_t x_0, \qquad w = \epsilon - x_0, $$
$$ x_0 = \frac{x_t - \sigma_t \epsilon}{\alpha_t}
       = \frac{\alpha_t x_t - \sigma_t v}{\alpha_t^2 + \sigma_t^2}
       = \frac{x_t - \sigma_t w}{\alpha_t + \sigma_t}, $$

where w is the velocity of the straight path $x_t = (1 - t) x_0 + t \epsilon$, and the denominators
of v and w are 1 for a variance-preserving schedule and for that path.
The least-squares prediction of each is its mean given $x_t$, so all give
$\hat x_0 = E[x_0 \mid x_t]$; they differ in how the loss weighs the noise levels and in how an
error of the network is amplified: by $\sigma_t / \alpha_t$, which grows without bound as $t \to 1$,
for $\epsilon$, by no more than $\sigma_t$ for v and w.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from wdno.diffusion.noise import gaussian_noise
from wdno.diffusion.schedule import Schedule
from wdno.diffusion.times import training_times

Prediction = Literal["epsilon", "x0", "v", "velocity"]

ALPHA_MIN = 1e-3
"""Least divisor when x0 is recovered from epsilon; below any alpha of the default schedules."""


def predicted(
    prediction: Prediction, x0: Tensor, noise: Tensor, alpha: Tensor, sigma: Tensor
) -> Tensor:
    """The quantity that a network is to predict.

    Args:
        prediction: Which one.
        x0: Clean data, `[B, C, *grid]`.
        noise: The standard normal noise that was mixed in, same shape.
        alpha: Signal level, broadcastable to `x0`.
        sigma: Noise level, broadcastable to `x0`.

    Returns:
        The target, shape of `x0`.
    """
    _require_prediction(prediction)
    if prediction == "epsilon":
        return noise
    if prediction == "velocity":
        return noise - x0
    return x0 if prediction == "x0" else alpha * noise - sigma * x0


def to_x0(
    prediction: Prediction, value: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor
) -> Tensor:
    """Clean data from a prediction.

    From epsilon it divides by max(alpha, `ALPHA_MIN`): with hardly any signal left in `x_t` the
    estimate is drawn towards 0 instead of amplifying the network's error without bound.

    Args:
        prediction: What `value` is.
        value: The network's output, `[B, C, *grid]`.
        x_t: Noisy data, same shape.
        alpha: Signal level, broadcastable to `x_t`.
        sigma: Noise level, broadcastable to `x_t`.

    Returns:
        Estimate of x_0, shape of `x_t`.
    """
    _require_prediction(prediction)
    if prediction == "epsilon":
        return (x_t - sigma * value) / alpha.clamp(min=ALPHA_MIN)
    if prediction == "velocity":
        return (x_t - sigma * value) / (alpha + sigma)
    if prediction == "v":
        return (alpha * x_t - sigma * value) / (alpha.square() + sigma.square())
    return value


def _require_prediction(prediction: str) -> None:
    if prediction not in get_args(Prediction):
        raise ValueError(
            f"unknown prediction {prediction!r}: expected one of {', '.join(get_args(Prediction))}"
        )


class Denoiser(nn.Module):
    """Network and schedule as a map (x_t, t) -> x0_hat, trained by least squares.

    With conditions `c` the samplers' callable is `functools.partial(denoiser, condition=c)`.

    Attributes:
        network: Called as `network(x, t)` with x `[B, C + C_condition, *grid]` and t `[B]` in
            [0, 1]; returns `[B, C, *grid]`.
        schedule: The noise schedule.
        prediction: What the network predicts: `epsilon` (the WDNO paper), `x0`, `v` or
            `velocity`.
        training_steps: Size of the grid of training times, None for continuous ones.
    """

    def __init__(
        self,
        network: nn.Module,
        schedule: Schedule,
        prediction: Prediction = "epsilon",
        training_steps: int | None = 1000,
    ) -> None:
        """See the class; raises ValueError for an unknown prediction or no training times."""
        super().__init__()
        _require_prediction(prediction)
        if training_steps is not None and training_steps < 1:
            raise ValueError(
                f"Denoiser: expected training_steps >= 1 or None, got {training_steps}"
            )
        self.network = network
        self.schedule = schedule
        self.prediction: Prediction = prediction
        self.training_steps = training_steps

    def forward(self, x_t: Tensor, t: Tensor, condition: Tensor | None = None) -> Tensor:
        """Estimate the clean data, E[x_0 | x_t, condition].

        Args:
            x_t: Noisy data, `[B, C, *grid]`.
            t: Times in [0, 1], `[B]`.
            condition: Given channels in clean form, `[B, C_condition, *grid]`.

        Returns:
            x0_hat, `[B, C, *grid]`.

        Raises:
            ValueError: Shapes do not fit each other, or times that the schedule refuses.
        """
        alpha, sigma = self._levels(x_t, t)
        return to_x0(self.prediction, self._network(x_t, t, condition), x_t, alpha, sigma)

    def loss_per_sample(
        self,
        x0: Tensor,
        condition: Tensor | None,
        generator: torch.Generator,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Squared error of the predicted quantity, at one random time and noise per sample.

        Sample b gives the mean over channels c and grid points i of
        weight[c, i] (network(x_t, t)[b, c, i] - target[b, c, i])^2, where the target is epsilon,
        x_0, v or w.
        Weights are not divided by their sum: all 1 is the same as None.

        Args:
            x0: Clean data, `[B, C, *grid]`.
            condition: Given channels in clean form, `[B, C_condition, *grid]`, or None.
            generator: CPU generator; gives first the times, then the noise.
            weight: Weights `[C, *grid]`, with 1 for axes along which they do not vary.

        Returns:
            Losses, `[B]`; a non-finite sample makes only its own loss non-finite, unless the
            network mixes samples.

        Raises:
            ValueError: Shapes do not fit each other, or the generator is not on the CPU.
        """
        t = training_times(x0.shape[0], generator, x0.device, self.training_steps)
        noise = gaussian_noise(x0.shape, generator, x0.device, x0.dtype)
        alpha, sigma = self._levels(x0, t)
        x_t = self.noised(x0, noise, t)
        target = predicted(self.prediction, x0, noise, alpha, sigma)
        error = (self._network(x_t, t, condition) - target).square()
        if weight is not None:
            sizes = zip(weight.shape, x0.shape[1:], strict=False)
            if weight.ndim != x0.ndim - 1 or any(size not in (1, full) for size, full in sizes):
                raise ValueError(
                    f"denoiser: expected weights of shape {tuple(x0.shape[1:])}, or 1 for axes "
                    f"along which they do not vary, got {tuple(weight.shape)}"
                )
            error = error * weight.to(error)
        return error.flatten(1).mean(1)

    def noised(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Return x_t, `[B, C, *grid]`, of clean data and standard normal noise at times `[B]`.

        Raises:
            ValueError: Shapes do not fit each other, or times that the schedule refuses.
        """
        alpha, sigma = self._levels(x0, t)
        return alpha * x0 + sigma * noise

    def _levels(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Signal and noise level of each sample, broadcastable to x."""
        if x.ndim < 2 or t.shape != x.shape[:1]:
            raise ValueError(
                "Denoiser: expected data [B, C, *grid] and one time per sample [B], "
                f"got shapes {tuple(x.shape)} and {tuple(t.shape)}"
            )
        shape = (-1, *[1] * (x.ndim - 1))
        alpha, sigma = self.schedule.alpha(t), self.schedule.sigma(t)
        return alpha.to(x).reshape(shape), sigma.to(x).reshape(shape)

    def _network(self, x_t: Tensor, t: Tensor, condition: Tensor | None) -> Tensor:
        x = x_t
        if condition is not None:
            if condition.shape[:1] + condition.shape[2:] != x_t.shape[:1] + x_t.shape[2:]:
                raise ValueError(
                    "Denoiser: condition must have the batch and grid of the data, expected "
                    f"({x_t.shape[0]}, any, {', '.join(map(str, x_t.shape[2:]))}), "
                    f"got {tuple(condition.shape)}"
                )
            x = torch.cat([x_t, condition.to(x_t)], 1)
        output: Tensor = self.network(x, t)
        if output.shape != x_t.shape:
            raise ValueError(
                f"Denoiser: the network returned shape {tuple(output.shape)} for data of shape "
                f"{tuple(x_t.shape)}; build it with out_channels={x_t.shape[1]}"
            )
        return output.to(x_t.dtype)  # autocast may have lowered it
