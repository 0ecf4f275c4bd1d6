r"""Gaussian data whose denoiser, and whose tilted density, are known in closed form.

For $x_0 \sim N(m, S)$, with $G = S (\alpha^2 S + \sigma^2)^{-1}$, the estimate is
$E[x_0 \mid x_t] = m + \alpha G (x_t - \alpha m)$ and what is left $C_t = \sigma^2 G$. For
$J = b^T x + (x - a)^T Q (x - a) / 2$ the density $N(m, S) e^{-w J}$ is Gaussian with precision
$S^{-1} + w Q$.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from wdno.diffusion.guidance import base as guidance
from wdno.diffusion.guidance.base import Energy, Noisy
from wdno.diffusion.samplers import base
from wdno.diffusion.samplers.base import Denoise, Sampler
from wdno.diffusion.schedule import Cosine, Schedule

DOUBLE = torch.float64
SCHEDULE = Cosine()


def tensor(values: object) -> Tensor:
    return torch.tensor(values, dtype=DOUBLE)


@dataclass(frozen=True, eq=False)
class Gaussian:
    """x_0 ~ N(mean, covariance), of any shape [d]."""

    mean: Tensor
    covariance: Tensor
    schedule: Schedule = SCHEDULE

    def denoise(self, x_t: Tensor, t: Tensor) -> Tensor:
        """E[x_0 | x_t] of x_t [B, d]."""
        values, vectors = torch.linalg.eigh(self.covariance)
        alpha, sigma = (f(t).to(x_t)[:, None] for f in (self.schedule.alpha, self.schedule.sigma))
        gain = alpha * values.to(x_t) / (alpha**2 * values.to(x_t) + sigma**2)
        mean, vectors = self.mean.to(x_t), vectors.to(x_t)
        return mean + ((x_t - alpha * mean) @ vectors * gain) @ vectors.T

    def left(self, noisy: Noisy) -> Tensor:
        """C_t [d, d], of equal times."""
        alpha, sigma = noisy.alpha.flatten()[0], noisy.sigma.flatten()[0]
        whole = alpha**2 * self.covariance + sigma**2 * torch.eye(len(self.mean), dtype=DOUBLE)
        return sigma**2 * self.covariance @ torch.linalg.inv(whole)


@dataclass(frozen=True, eq=False)
class Quadratic:
    """J = slope x + (x - centre) curvature (x - centre) / 2 of x [B, d]."""

    slope: Tensor
    centre: Tensor
    curvature: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        away = x - self.centre.to(x)
        return x @ self.slope.to(x) + (away @ self.curvature.to(x) * away).sum(1) / 2

    def tilt(self, mean: Tensor, covariance: Tensor, weight: float) -> tuple[Tensor, Tensor]:
        """Mean [..., d] and covariance of N(mean, covariance) exp(-weight J)."""
        precision = torch.linalg.inv(covariance)
        after = torch.linalg.inv(precision + weight * self.curvature)
        pull = weight * (self.curvature @ self.centre - self.slope)
        return (mean @ precision + pull) @ after, after

    def of(self, mean: Tensor, covariance: Tensor) -> float:
        """E[J] of a Gaussian."""
        return float(self(mean[None])[0] + (self.curvature * covariance).sum() / 2)


class Exact(guidance.Guidance):
    """The denoiser of the tilted density, from that of Gaussian data and a quadratic J."""

    def __init__(self, prior: Gaussian, weight: float) -> None:
        super().__init__(weight)
        self.prior = prior

    def estimate(self, denoise: Denoise, energy: Energy, noisy: Noisy) -> Tensor:
        assert isinstance(energy, Quadratic)
        x0 = denoise(noisy.x, noisy.t)
        return energy.tilt(x0, self.prior.left(noisy), self.weight)[0]


def moments(
    monkeypatch: pytest.MonkeyPatch,
    sampler: Sampler,
    denoise: Denoise,
    dims: int,
    steps: int,
    repeats: int = 1,
) -> tuple[Tensor, Tensor]:
    """Exact mean and covariance of the samples of an affine denoiser.

    A sample is an affine function of the draws of noise; each row of the batch has one entry of one
    of them at 1 and all others at 0, and the last row has none.
    """
    made: list[int] = []
    rows = 1

    def unit(shape: tuple[int, ...], *_: object) -> Tensor:
        noise = torch.zeros(shape, dtype=DOUBLE)
        first = dims * len(made)
        made.append(1)
        if rows > 1:
            noise[first : first + dims] = torch.eye(dims, dtype=DOUBLE)
        return noise

    monkeypatch.setattr(base, "gaussian_noise", unit)
    for _ in range(2):
        x = base.sample(
            sampler,
            denoise,
            (rows, dims),
            SCHEDULE,
            steps,
            torch.Generator(),
            repeats=repeats,
            dtype=DOUBLE,
        )
        rows = dims * len(made) + 1
        made.clear()
    away = x[:-1] - x[-1]
    return x[-1], away.T @ away
