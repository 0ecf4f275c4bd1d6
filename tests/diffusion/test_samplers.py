"""Samplers: grids of times, evaluations, seeds and refusals, whatever the denoiser."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from wdno.diffusion.noise import gaussian_noise
from wdno.diffusion.samplers import REGISTRY
from wdno.diffusion.samplers.base import Levels, Sampler, Spacing, evaluations, sample, time_grid
from wdno.diffusion.samplers.ddim import DDIM
from wdno.diffusion.samplers.ddpm import DDPM
from wdno.diffusion.samplers.dpmpp_2m import DPMSolverPP2M
from wdno.diffusion.samplers.euler import Euler
from wdno.diffusion.samplers.heun import Heun
from wdno.diffusion.schedule import Cosine, Linear, Schedule, Sigmoid, Straight

SCHEDULES = [Cosine(), Sigmoid(), Linear(), Straight()]
SPACINGS: list[Spacing] = list(get_args(Spacing))
MAKE: list[Callable[..., Sampler]] = [DDPM, DDIM, DPMSolverPP2M, Euler, Heun]


def _name(value: Any) -> str:
    return value.__name__ if isinstance(value, type) else type(value).__name__


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def halve(x_t: Tensor, t: Tensor) -> Tensor:
    """An estimate that is no constant."""
    return x_t / 2


@pytest.mark.parametrize("schedule", SCHEDULES, ids=_name)
@pytest.mark.parametrize("make", MAKE, ids=_name)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_one_step_returns_the_estimate(
    make: Callable[..., Sampler], schedule: Schedule, spacing: Spacing
) -> None:
    levels = Levels.at(time_grid(1, spacing, schedule), schedule)
    noise = math.hypot(levels.alpha[0], levels.sigma[0]) * gaussian_noise((16, 1), _generator())
    x = sample(make(spacing=spacing), halve, (16, 1), schedule, 1, _generator())
    assert torch.equal(x, noise / 2)


@pytest.mark.parametrize("make", MAKE, ids=_name)
@pytest.mark.parametrize("steps", [1, 2, 5, 100])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_constant_estimate_is_returned(
    make: Callable[..., Sampler], steps: int, spacing: Spacing
) -> None:
    """Also counts evaluations, at times that do not rise, on the whole batch."""
    times: list[float] = []

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        assert t.shape == (2,) and t[0] == t[1] and t.dtype == torch.float32
        assert x_t.dtype == torch.float32 and x_t.isfinite().all()
        times.append(t[0].item())
        return torch.full_like(x_t, 3.0)

    sampler = make(spacing=spacing)
    for _ in range(2):  # a sampler can be used again
        times.clear()
        x = sample(sampler, denoise, (2, 3, 4), Cosine(), steps, _generator())
        assert torch.equal(x, torch.full((2, 3, 4), 3.0))
        assert len(times) == evaluations(steps, corrects=sampler.corrects)
        assert times[0] == 1 and all(b <= a for a, b in pairwise(times))
        assert len(set(times)) == steps


@pytest.mark.parametrize("schedule", SCHEDULES, ids=_name)
@pytest.mark.parametrize("steps", [1, 3, 50, 1000])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_time_grid(spacing: Spacing, steps: int, schedule: Schedule) -> None:
    times = time_grid(steps, spacing, schedule)
    assert times.shape == (steps + 1,) and times.dtype == torch.float64
    assert times[0] == 1 and times[-1] == 0 and times.diff().max() < 0
    levels = Levels.at(times, schedule)
    assert (levels.alpha[-1], levels.sigma[-1], levels.lam[-1]) == (1, 0, math.inf)
    if spacing == "log_snr":
        gaps = schedule.log_snr(times).diff().numpy()
        assert np.ptp(gaps) < 1e-5 * gaps.mean(), f"log-SNR steps from {gaps.min()} to {gaps.max()}"


def test_uniform_grid_lies_on_the_training_grid() -> None:
    index = time_grid(50, "uniform", Cosine()) * 1000
    assert torch.equal(index.round(), torch.arange(1000, -1, -20).double())


def test_quadratic_grid() -> None:
    assert time_grid(4, "quadratic", Cosine()).tolist() == [1, 9 / 16, 1 / 4, 1 / 16, 0]


@pytest.mark.parametrize("sampler", [make() for make in MAKE], ids=_name)
def test_gradients_are_not_tracked(sampler: Sampler) -> None:
    factor = torch.ones((), requires_grad=True)
    x = sample(sampler, lambda x_t, t: factor * x_t, (2, 1), Cosine(), 3, _generator())
    assert not x.requires_grad


def test_generator_per_sample_makes_samples_independent_of_the_batch() -> None:
    generators = [_generator(seed) for seed in (1, 2, 3)]
    together = sample(DDPM(), halve, (3, 2), Cosine(), 5, generators)
    alone = sample(DDPM(), halve, (1, 2), Cosine(), 5, [_generator(3)])
    assert torch.equal(together[2:], alone)


def test_guidance_by_wrapping_the_denoiser() -> None:
    """A wrapper may take gradients of the estimate; the pull moves the samples as it should."""

    def guided(x_t: Tensor, t: Tensor) -> Tensor:
        x0_hat = halve(x_t, t)
        with torch.enable_grad():
            leaf = x0_hat.requires_grad_()
            (slope,) = torch.autograd.grad((leaf - 5).square().sum(), leaf)
        return x0_hat.detach() - 0.5 * slope  # all the way to 5

    x = sample(DDIM(), guided, (4, 1), Cosine(), 10, _generator())
    assert torch.allclose(x, torch.full((4, 1), 5.0), atol=1e-5) and not x.requires_grad


def test_half_precision_keeps_times_apart() -> None:
    times: list[float] = []

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        times.append(t[0].item())
        return torch.zeros_like(x_t)

    x = sample(DDIM(), denoise, (1, 2), Cosine(), 1000, _generator(), dtype=torch.bfloat16)
    assert x.dtype == torch.bfloat16 and len(set(times)) == 1000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DDIM(eta=1.5), r"eta in \[0, 1\], got 1.5"),
        (
            lambda: DDPM(spacing=cast("Spacing", "cubic")),
            "expected one of uniform, quadratic, log_snr",
        ),
        (lambda: REGISTRY.build("rk4"), "expected one of ddim, ddpm, dpmpp_2m, euler, heun"),
        (lambda: REGISTRY.build("ddpm", eta=0.5), r"unknown option\(s\) eta.*spacing"),
        (lambda: time_grid(0, "uniform", Cosine()), "steps >= 1, got 0"),
        (lambda: time_grid(cast("int", 2.5), "uniform", Cosine()), "got 2.5"),
        (lambda: time_grid(True, "uniform", Cosine()), "got True"),
        (lambda: time_grid(2, cast("Spacing", "cubic"), Cosine()), "unknown spacing 'cubic'"),
        (
            lambda: sample(DDIM(), lambda x, t: x[:1], (2, 1), Cosine(), 3, _generator()),
            r"shape \(1, 1\) at step 0, expected \(2, 1\)",
        ),
        (
            lambda: sample(DDIM(), lambda x, t: x, (2, 0), Cosine(), 3, _generator()),
            r"positive sizes, got \(2, 0\)",
        ),
    ],
)
def test_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_samplers_are_found_by_name() -> None:
    assert {"ddim", "ddpm", "dpmpp_2m", "euler", "heun"} <= set(REGISTRY.names())
    sampler = REGISTRY.build("ddim", eta=0.2, spacing="log_snr")
    assert isinstance(sampler, DDIM) and sampler.eta == 0.2 and sampler.spacing == "log_snr"
    assert isinstance(REGISTRY.build("ddpm"), DDPM)
    assert isinstance(REGISTRY.build("dpmpp_2m"), DPMSolverPP2M)
    for name in REGISTRY.names():
        options = REGISTRY.light(name).Options(name=name).model_dump()
        own = options.keys() - {"name", "steps", "repeats"}
        built = REGISTRY.build(name, **{k: options[k] for k in own})
        assert built.spacing == options["spacing"]


def test_a_start_has_the_spread_of_noisy_data_of_unit_variance() -> None:
    """Exactly that of the noise, but for the straight path."""
    for schedule in SCHEDULES:
        times = torch.ones(2)
        alpha, sigma = float(schedule.alpha(times)[0]), float(schedule.sigma(times)[0])
        started: list[Tensor] = []

        def denoise(x_t: Tensor, t: Tensor, into: list[Tensor] = started) -> Tensor:
            into.append(x_t)
            return x_t

        sample(DDIM(), denoise, (2, 3), schedule, 2, _generator())
        noise = gaussian_noise((2, 3), _generator())
        torch.testing.assert_close(started[0], math.sqrt(alpha**2 + sigma**2) * noise)
        assert torch.equal(started[0], noise) is not isinstance(schedule, Straight)
