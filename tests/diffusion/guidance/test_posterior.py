"""Guided samples of Gaussian data, against the tilted density p(x) exp(-w J(x)) in closed form."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from gaussian_prior import DOUBLE, SCHEDULE, Exact, Gaussian, Quadratic, moments, tensor
from torch import Tensor

from wdno.diffusion.guidance import REGISTRY
from wdno.diffusion.guidance.base import Guidance, Noisy
from wdno.diffusion.guidance.reweight import reweight
from wdno.diffusion.samplers.base import Sampler, sample
from wdno.diffusion.samplers.ddim import DDIM
from wdno.diffusion.samplers.ddpm import DDPM
from wdno.diffusion.samplers.dpmpp_2m import DPMSolverPP2M

SAMPLERS: dict[str, tuple[Sampler, int]] = {  # with the order of their error
    "ddim-0": (DDIM(0.0, "log_snr"), 1),
    "ddim-1": (DDIM(1.0, "log_snr"), 1),
    "ddpm": (DDPM("log_snr"), 1),
    "dpmpp_2m": (DPMSolverPP2M("log_snr"), 2),
}
MEAN = tensor([0.5, -0.3, 0.2])
DATA = Gaussian(MEAN, tensor([[1.0, 0.6, 0.0], [0.6, 0.8, 0.2], [0.0, 0.2, 0.5]]))
WHITE = Gaussian(MEAN, torch.eye(3, dtype=DOUBLE))
CURVED = Quadratic(
    tensor([0.3, -0.2, 0.1]),
    tensor([1.5, 1.0, -1.0]),
    tensor([[1.0, 0.2, 0.0], [0.2, 0.6, 0.1], [0.0, 0.1, 0.3]]),
)
NOTHING = torch.zeros(3, dtype=DOUBLE)
LINEAR = Quadratic(tensor([0.7, -0.5, 0.4]), NOTHING, torch.diag(NOTHING))
WEIGHTS = [0.25, 0.5, 1.0, 2.0, 4.0]


def drawn(
    monkeypatch: pytest.MonkeyPatch,
    sampler: str,
    guidance: Guidance,
    data: Gaussian,
    energy: Quadratic,
    repeats: int = 1,
) -> tuple[Tensor, Tensor]:
    """Moments of guided samples, with the sampler's leading error extrapolated away."""
    rule, order = SAMPLERS[sampler]
    denoise = guidance.wrap(data.denoise, SCHEDULE, energy)
    coarse, fine = (moments(monkeypatch, rule, denoise, 3, n, repeats) for n in (50, 100))
    share = 1 / (2**order - 1)
    covariance = fine[1] + share * (fine[1] - coarse[1])
    return fine[0], covariance


def assert_moments(found: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> None:
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=0.01)
    error = (found[1] - expected[1]).norm() / expected[1].norm()
    assert error < 0.025, f"covariance {found[1]}, expected {expected[1]}"


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("energy", [LINEAR, CURVED], ids=["linear", "curved"])
def test_the_exact_shift_draws_the_posterior(
    monkeypatch: pytest.MonkeyPatch, sampler: str, energy: Quadratic
) -> None:
    expected = energy.tilt(DATA.mean, DATA.covariance, 2.0)
    assert (expected[0] - DATA.mean).norm() > 0.5
    assert_moments(drawn(monkeypatch, sampler, Exact(DATA, 2.0), DATA, energy), expected)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_dps_draws_the_posterior_of_a_linear_energy(
    monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    dps = REGISTRY.build("dps", weight=1.5)
    expected = (DATA.mean - 1.5 * DATA.covariance @ LINEAR.slope, DATA.covariance)
    assert_moments(drawn(monkeypatch, sampler, dps, DATA, LINEAR), expected)


@pytest.mark.parametrize("sampler", ["ddim-1", "ddpm", "dpmpp_2m"])
def test_time_travel_keeps_the_posterior(monkeypatch: pytest.MonkeyPatch, sampler: str) -> None:
    expected = CURVED.tilt(DATA.mean, DATA.covariance, 2.0)
    found = drawn(monkeypatch, sampler, Exact(DATA, 2.0), DATA, CURVED, repeats=2)
    assert_moments(found, expected)


def at(times: list[float]) -> tuple[Tensor, Tensor]:
    x = torch.randn(len(times), 3, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    return x, tensor(times)


@pytest.mark.parametrize("time", [1.0, 0.6, 0.2, 0.01])
@pytest.mark.parametrize(("name", "data"), [("dps", DATA), ("tilt", WHITE)])
def test_exact_at_every_noise_level(name: str, data: Gaussian, time: float) -> None:
    """Through the network where J is linear; without it where data are white as well."""
    x, t = at([time] * 4)
    found = REGISTRY.build(name, weight=1.5).wrap(data.denoise, SCHEDULE, LINEAR)(x, t)
    expected = Exact(data, 1.5).wrap(data.denoise, SCHEDULE, LINEAR)(x, t)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(found, data.denoise(x, t), atol=1e-4)


def test_without_the_network_correlations_are_missed() -> None:
    x, t = at([0.6] * 4)
    shifts = [
        REGISTRY.build(name).wrap(DATA.denoise, SCHEDULE, LINEAR)(x, t) - DATA.denoise(x, t)
        for name in ("tilt", "dps")
    ]
    assert (shifts[0] - shifts[1]).norm() > 0.2 * shifts[1].norm()


@pytest.mark.parametrize(("name", "bound"), [("tilt", 0.4), ("dps", 0.4)])
@pytest.mark.parametrize("data", [DATA, WHITE], ids=["correlated", "white"])
def test_curved_energies_are_tilted_roughly(
    monkeypatch: pytest.MonkeyPatch, name: str, bound: float, data: Gaussian
) -> None:
    """The mean is within a share of its shift, and J falls as the weight grows."""
    values = [CURVED.of(data.mean, data.covariance)]
    for weight in WEIGHTS:
        guided = REGISTRY.build(name, weight=weight).wrap(data.denoise, SCHEDULE, CURVED)
        found = moments(monkeypatch, DDIM(1.0, "log_snr"), guided, 3, 50)
        mean, _ = CURVED.tilt(data.mean, data.covariance, weight)
        gap = (found[0] - mean).norm() / (mean - data.mean).norm()
        assert gap < bound, f"weight {weight}: {gap:.2f} of the shift is missed"
        values.append(CURVED.of(*found))
    assert all(after < before for before, after in pairwise(values)), values


@pytest.mark.parametrize(
    ("name", "options", "weights"),
    [
        ("mpgd", {}, (0.05, 0.1, 0.2)),
        ("published", {"clamp": 3.0}, (1.0, 10.0, 100.0)),
        ("polyak", {}, (0.1, 0.5, 1.0)),
    ],
)
def test_stronger_guidance_gives_lower_energy(
    name: str, options: dict[str, float], weights: tuple[float, ...]
) -> None:
    """Of samples of an energy that cannot be negative."""
    energy = Quadratic(NOTHING, CURVED.centre, CURVED.curvature)
    values = [mean_energy(None, energy)]
    for weight in weights:
        values.append(mean_energy(REGISTRY.build(name, weight=weight, **options), energy))
    assert all(after < 0.98 * before for before, after in pairwise(values)), values


def test_the_published_rule_needs_its_clamp() -> None:
    """The weight that helps the last steps throws the first ones far off."""
    energy = Quadratic(NOTHING, CURVED.centre, CURVED.curvature)
    free, bounded = (
        mean_energy(REGISTRY.build("published", weight=10.0, clamp=clamp), energy)
        for clamp in (None, 3.0)
    )
    assert bounded < 0.8 * mean_energy(None, energy) and free > 10 * bounded


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_a_relative_step_knows_no_unit(scale: float) -> None:
    plain = Quadratic(CURVED.slope, CURVED.centre, CURVED.curvature)
    values = [mean_energy(None, plain)]
    values += [
        mean_energy(REGISTRY.build("relative", weight=weight), plain, scale)
        for weight in (0.05, 0.1, 0.2)
    ]
    assert all(after < 0.98 * before for before, after in pairwise(values)), values
    again = mean_energy(REGISTRY.build("relative", weight=0.2), plain)
    assert values[-1] == pytest.approx(again, rel=1e-9)


def mean_energy(guidance: Guidance | None, energy: Quadratic, scale: float = 1.0) -> float:
    """Mean J of 200 guided samples; the guidance sees a multiple of it."""
    denoise = DATA.denoise
    if guidance is not None:
        denoise = guidance.wrap(denoise, SCHEDULE, lambda x: scale * energy(x))
    generator = torch.Generator().manual_seed(0)
    drawn = sample(DDIM(1.0), denoise, (200, 3), SCHEDULE, 25, generator, dtype=DOUBLE)
    return float(energy(drawn).mean())


@pytest.mark.parametrize("gamma", [0.9, 1.0, 1.2])
def test_reweighting_one_normal_channel(monkeypatch: pytest.MonkeyPatch, gamma: float) -> None:
    """Of the probability flow; the other channel, of its own, is left alone."""
    data = Gaussian(torch.zeros(2, dtype=DOUBLE), torch.diag(tensor([0.5, 1.0])))
    prior = Gaussian(torch.zeros(1, dtype=DOUBLE), torch.eye(1, dtype=DOUBLE))
    guided = reweight(data.denoise, prior.denoise, gamma, [1], SCHEDULE)
    _, covariance = moments(monkeypatch, DPMSolverPP2M("log_snr"), guided, 2, 100)
    alpha = float(SCHEDULE.alpha(torch.ones(1, dtype=DOUBLE)))
    expected = torch.diag(tensor([0.5, alpha ** (2 * gamma - 2)]))
    torch.testing.assert_close(covariance, expected, rtol=0.02, atol=1e-9)


def test_reweighting_adds_to_the_noise() -> None:
    x, t = at([0.9, 0.5, 0.2, 0.05])
    prior = Gaussian(MEAN[[2, 0]], DATA.covariance[[2, 0]][:, [2, 0]])
    guided = reweight(DATA.denoise, prior.denoise, 0.7, [2, 0], SCHEDULE)(x, t)
    noisy, part = Noisy.at(x, t, SCHEDULE), x[:, [2, 0]]
    extra = (part - noisy.alpha * prior.denoise(part, t)) / noisy.sigma
    expected = noisy.epsilon(DATA.denoise(x, t))
    expected[:, [2, 0]] += (0.7 - 1) * extra
    torch.testing.assert_close(noisy.epsilon(guided), expected)
