r"""Flow matching on data whose flow is known: $x_0 \sim N(\mu + a c, s^2)$ under a condition c."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from models import generators
from torch import Tensor, nn

from wdno.diffusion.noise import gaussian_noise
from wdno.diffusion.schedule import Straight
from wdno.objectives import REGISTRY, build
from wdno.objectives.base import Request
from wdno.objectives.flow_matching import FlowMatching

MEAN, SLOPE, STD = 0.4, 0.8, 0.6
SHAPE = (16, 1, 3, 4)


class Velocity(nn.Module):
    """E[noise - x_0 | x_t, c] of the data above, or E[x_0 | x_t, c]."""

    def __init__(self, prediction: str = "velocity") -> None:
        super().__init__()
        self.prediction = prediction

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        x_t, c = x.split(1, dim=1)
        sigma = Straight().sigma(t.double()).to(x)[:, None, None, None]
        alpha, mean = 1 - sigma, MEAN + SLOPE * c
        variance = (alpha * STD) ** 2 + sigma**2
        away = (x_t - alpha * mean) / variance
        x0 = mean + alpha * STD**2 * away
        return x0 if self.prediction == "x0" else sigma * away - x0


def objective(**options: Any) -> FlowMatching:
    return FlowMatching(Velocity(options.get("prediction", "velocity")), **options)


def request(target: Tensor | None = None, **options: Any) -> Request:
    condition = torch.randn(SHAPE, generator=torch.Generator().manual_seed(7))
    return Request(condition=condition, channels=1, target=target, **options)


def exact() -> Tensor:
    """Where the flow leads from the noise that a prediction starts from."""
    asked = request()
    mean = MEAN + SLOPE * asked.condition
    one = torch.ones((), dtype=torch.float64)
    alpha, sigma = (float(f(one)) for f in (Straight().alpha, Straight().sigma))
    start = math.hypot(alpha, sigma) * gaussian_noise(SHAPE, generators(16))
    return mean + STD * (start - alpha * mean) / math.hypot(alpha * STD, sigma)


@pytest.mark.parametrize("prediction", ["velocity", "x0"])
@pytest.mark.parametrize(("sampler", "order"), [("euler", 1), ("heun", 2)])
def test_predictions_follow_the_flow(prediction: str, sampler: str, order: int) -> None:
    made, errors = objective(prediction=prediction), []
    for steps in (8, 16, 32):
        sampling = {"name": sampler, "steps": steps}
        found = made.predict(request(), generators(16), sampling)
        errors.append(float((found - exact()).abs().max()))
        assert made.evaluations(sampling, 3) == (steps if order == 1 else 2 * steps - 1)
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    assert abs(orders[-1] - order) < 0.25, f"errors {errors}, orders {orders}"


def test_one_step_is_one_evaluation_at_the_noise() -> None:
    found = objective().predict(request(), generators(16), {"name": "euler", "steps": 1})
    levels = [float(f(torch.ones(1))) for f in (Straight().alpha, Straight().sigma)]
    start = math.hypot(*levels) * gaussian_noise(SHAPE, generators(16))
    velocity = Velocity()(torch.cat([start, request().condition], 1), torch.ones(16))
    torch.testing.assert_close(found, start - levels[1] * velocity, rtol=1e-5, atol=1e-5)


def test_the_exact_velocity_has_the_least_loss() -> None:
    """Its mean square is what no network can know; any other adds what it is off by."""
    asked = request()
    generator = torch.Generator().manual_seed(3)
    losses = []
    for shift in (0.0, 0.5, -0.5):
        made = objective()
        known = made.network

        class Shifted(nn.Module):
            def forward(
                self, x: Tensor, t: Tensor, by: float = shift, of: nn.Module = known
            ) -> Tensor:
                found: Tensor = of(x, t)
                return found + by

        made.denoiser.network = Shifted()
        total = 0.0
        generator.manual_seed(3)
        for _ in range(200):
            noise = torch.randn(SHAPE, generator=generator)
            target = MEAN + SLOPE * asked.condition + STD * noise
            found = made.loss(request(target), generator).per_sample
            total += float(found.mean()) / 200
        losses.append(total)
    assert losses[1] - losses[0] == pytest.approx(0.25, abs=0.02)
    assert losses[2] - losses[0] == pytest.approx(0.25, abs=0.02)


def test_training_times_are_continuous_and_cover_the_path() -> None:
    seen: list[Tensor] = []

    class Spy(nn.Module):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            seen.append(t)
            return x[:, :1]

    made = FlowMatching(Spy())
    for seed in range(60):
        made.loss(request(torch.zeros(SHAPE)), torch.Generator().manual_seed(seed))
    times = torch.cat(seen)
    assert len(times) == 960 and len(times.unique()) > 950
    assert times.min() < 0.01 and times.max() > 0.99
    assert abs(float(times.mean()) - 0.5) < 0.03


def test_it_departs_from_an_origin_and_is_found_by_name() -> None:
    origin = torch.full(SHAPE, 2.0)
    sampling = {"name": "euler", "steps": 3}
    plain, away = (
        objective().predict(request(origin=each), generators(16), sampling)
        for each in (None, origin)
    )
    torch.testing.assert_close(away, plain + 2)

    def network(**channels: Any) -> nn.Module:
        assert channels == {"in_channels": 2, "out_channels": 1, "time_conditioned": True}
        return Velocity()

    made = build("flow_matching", target=1, condition=1, network=network)
    assert isinstance(made, FlowMatching) and made.denoiser.prediction == "velocity"
    options = REGISTRY.light("flow_matching").Options(name="flow_matching")
    assert options.samples and options.noise_schedule == "straight"
