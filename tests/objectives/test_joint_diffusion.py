r"""Joint diffusion of a given channel g and a generated one u that are Gaussian together."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from gaussian_prior import Gaussian, tensor
from models import generators
from torch import Tensor, nn

from wdno.diffusion.guidance import REGISTRY as GUIDANCES
from wdno.diffusion.guidance.base import Noisy
from wdno.diffusion.noise import gaussian_noise
from wdno.diffusion.samplers.base import Denoise
from wdno.diffusion.schedule import Schedule
from wdno.objectives import REGISTRY, build
from wdno.objectives.base import Request
from wdno.objectives.diffusion import Diffusion
from wdno.objectives.joint_diffusion import JointDiffusion
from wdno.objectives.stepping import Stepping

DATA = Gaussian(tensor([0.3, -0.2]), tensor([[1.0, 0.7], [0.7, 0.8]]))
"""Of (g, u), at every point by itself."""
SLOPE, SPREAD = 0.7, (0.8 - 0.7**2) ** 0.5
GRID = (3, 5)
DDIM: dict[str, Any] = {"name": "ddim", "steps": 60}


class Known(nn.Module):
    """E[(g, u) | g_t, u_t] of Gaussian data."""

    data = DATA

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        rows = x.flatten(2).transpose(1, 2)
        times = t[:, None].expand(rows.shape[:2]).flatten()
        found = self.data.denoise(rows.flatten(0, 1).double(), times.double())
        return found.view(rows.shape).transpose(1, 2).reshape(x.shape).to(x)


def objective() -> JointDiffusion:
    return JointDiffusion(Known(), prediction="x0")


def request(samples: int = 4, given: float | None = None, **options: Any) -> Request:
    condition = torch.randn(samples, 1, *GRID, generator=torch.Generator().manual_seed(5))
    if given is not None:
        condition = torch.full_like(condition, given)
    return Request(condition=condition, channels=1, **options)


def observe(weight: float, name: str = "dps") -> Any:
    return GUIDANCES.build(name, weight=weight).wrap


def test_all_channels_are_denoised_and_count() -> None:
    """With a network that says 0 the loss is the mean square of what was noised."""

    class Nothing(nn.Module):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            assert x.shape[1] == 3
            return torch.zeros_like(x)

    made = JointDiffusion(Nothing(), prediction="x0")
    condition = torch.full((2, 2, *GRID), 2.0)
    target = torch.full((2, 1, *GRID), 3.0)
    weight = torch.tensor([4.0])[:, None, None]
    for each, expected in ((None, (4 + 4 + 9) / 3), (weight, (4 + 4 + 36) / 3)):
        asked = Request(condition=condition, channels=1, target=target, weight=each)
        found = made.loss(asked, torch.Generator().manual_seed(0)).per_sample
        torch.testing.assert_close(found, torch.full((2,), expected))
    asked = Request(condition=condition, channels=1, target=target, origin=target)
    found = made.loss(asked, torch.Generator().manual_seed(0)).per_sample
    torch.testing.assert_close(found, torch.full((2,), 8 / 3))


def test_given_channels_are_noised_alike_with_one_noise() -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    class Spy(nn.Module):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            seen.append((x[:, :1], t))
            return x

    asked = request()
    made = JointDiffusion(Spy(), prediction="x0")
    made.predict(asked, generators(4), {"name": "ddim", "steps": 5})
    schedule = made.denoiser.schedule
    noise = gaussian_noise(asked.condition.shape, generators(4))
    assert len(seen) == 5
    for noised, t in seen:
        noisy = Noisy.at(noised, t, schedule)
        torch.testing.assert_close(noised, noisy.alpha * asked.condition + noisy.sigma * noise)


@pytest.mark.parametrize(
    ("spread", "sampling", "least"),
    [
        (0.1, {**DDIM, "eta": 1.0}, 0.85),
        (0.01, {**DDIM, "eta": 1.0}, 0.95),
        (SPREAD, {**DDIM, "eta": 1.0, "repeats": 4}, 0.8),
    ],
)
def test_noised_conditions_lead_towards_the_conditional_mean(
    monkeypatch: pytest.MonkeyPatch, spread: float, sampling: dict[str, Any], least: float
) -> None:
    """All of the way only where u follows from g, or where steps are made again and again."""
    data = Gaussian(DATA.mean, tensor([[1.0, SLOPE], [SLOPE, SLOPE**2 + spread**2]]))
    monkeypatch.setattr(Known, "data", data)
    found = objective().predict(request(100, 1.5), generators(100), sampling)
    assert found.shape == (100, 1, *GRID)
    share = (float(found.mean()) + 0.2) / (SLOPE * 1.2)
    assert least < share < 1.02, f"{share:.2f} of the way from the mean to the conditional one"


@pytest.mark.parametrize("time", [1.0, 0.6, 0.2, 0.02])
def test_an_observed_estimate_is_shifted_by_the_covariance(time: float) -> None:
    """DPS of the distance r = |g0 - g| / sqrt(n): by C_t times its gradient, in closed form."""
    made, asked = objective(), request(given=2.0)
    x_t = torch.randn(4, 2, *GRID, generator=torch.Generator().manual_seed(1))
    t = torch.full((4,), time)
    whole = made._observing(asked, observe(0.7))
    with torch.no_grad():
        shift = whole(x_t, t) - made.denoiser(x_t, t)
        away = made.denoiser(x_t, t)[:, :1] - asked.condition
    points = away[0].numel()
    distance = away.flatten(1).norm(dim=1)[:, None, None, None]
    gradient = away / distance / points**0.5
    left = DATA.left(Noisy.at(x_t.double(), t.double(), made.denoiser.schedule)).float()
    expected = -0.7 * torch.cat([left[0, 0] * gradient, left[1, 0] * gradient], dim=1)
    torch.testing.assert_close(shift, expected, rtol=2e-3, atol=1e-5)


def test_what_is_observed_draws_what_depends_on_it() -> None:
    """The stronger it is, the closer to E[u | g]."""
    away = []
    for weight in (0.0, 1.0, 5.0, 20.0):
        asked = request(200, 1.5, observe=observe(weight))
        found = objective().predict(asked, generators(200), DDIM)
        away.append(abs(float(found.mean()) - (-0.2 + SLOPE * 1.2)))
    assert away[0] == pytest.approx(SLOPE * 1.2, rel=0.1)
    assert away[1] < 0.95 * away[0] and away[2] < away[1] and away[3] < 0.25 * away[0], away


@pytest.mark.parametrize("observed", [True, False])
def test_a_guide_knows_the_generated_channels_alone(observed: bool) -> None:
    """And sees through the network; a sample does not depend on the batch that it is in."""

    def far(x0: Tensor) -> Tensor:
        assert x0.shape[1] == 1
        return (x0 - 3).square().flatten(1).mean(1)

    def guide(denoise: Denoise, schedule: Schedule) -> Denoise:
        return GUIDANCES.build("dps", weight=3.0).wrap(denoise, schedule, far)

    made, options = objective(), {"observe": observe(5.0)} if observed else {}
    plain = made.predict(request(**options), generators(4), DDIM)
    guided = made.predict(request(guide=guide, **options), generators(4), DDIM)
    assert (far(guided) < far(plain)).all()
    asked = request(guide=guide, **options)
    alone = Request(condition=asked.condition[2:3], channels=1, guide=guide, **options)
    one = made.predict(alone, generators(3)[2:], DDIM)
    torch.testing.assert_close(one, guided[2:3], rtol=1e-4, atol=1e-4)
    assert not guided.requires_grad


def test_from_frame_to_frame_it_is_acdm() -> None:
    """The frame before is noised, too: in a step the network sees it and the condition so."""
    seen: list[int] = []

    def network(in_channels: int, out_channels: int, time_conditioned: bool) -> nn.Module:
        assert time_conditioned
        seen.extend((in_channels, out_channels))
        return nn.Identity()

    made = build("joint_diffusion", target=1, condition=2, network=network, stepping={})
    assert seen == [4, 4]
    assert isinstance(made, Stepping) and isinstance(made.inner, JointDiffusion)
    assert made.evaluations({"name": "ddim", "steps": 3}, 7) == 21
    options = REGISTRY.light("joint_diffusion").Options(name="joint_diffusion")
    assert options.joint and options.samples and options.noise_schedule is None


def test_only_joint_diffusion_is_observed() -> None:
    class Zero(nn.Module):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            return x[:, :1]

    asked = request(observe=observe(1.0))
    with pytest.raises(ValueError, match="a model with the objective joint_diffusion does"):
        Diffusion(Zero()).predict(asked, generators(4), DDIM)
    with pytest.raises(ValueError, match="joint_diffusion does, without stepping"):
        Stepping(objective()).predict(asked, generators(4), DDIM)
    with pytest.raises(ValueError, match="joint_diffusion has no denoiser of whole trajectories"):
        objective().denoiser_of(request())
    with pytest.raises(ValueError, match="needs a sampler"):
        objective().predict(asked, generators(4), None)
