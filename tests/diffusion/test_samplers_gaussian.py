r"""Samplers against Gaussian data, where everything is known in closed form.

For $x_0 \sim N(\mu, s^2)$, $x_t \sim N(\alpha_t \mu, V_t)$ with
$V_t = \alpha_t^2 s^2 + \sigma_t^2$, the denoiser is
$\hat x_0 = \mu + \alpha_t s^2 (x_t - \alpha_t \mu) / V_t$, and the probability-flow equation
takes $x_1$ to $x_0 = \mu + s (x_1 - \alpha_1 \mu) / \sqrt{V_1}$.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from wdno.diffusion.noise import gaussian_noise
from wdno.diffusion.samplers import base
from wdno.diffusion.samplers.base import Levels, Sampler, Spacing, sample
from wdno.diffusion.samplers.ddim import DDIM
from wdno.diffusion.samplers.ddpm import DDPM
from wdno.diffusion.samplers.dpmpp_2m import DPMSolverPP2M
from wdno.diffusion.samplers.euler import Euler
from wdno.diffusion.samplers.heun import Heun
from wdno.diffusion.schedule import Cosine, Linear, Schedule, Sigmoid, Straight

MEAN, STD = 0.7, 0.5
SCHEDULES = [Cosine(), Sigmoid(), Linear()]
SPACINGS: list[Spacing] = list(get_args(Spacing))
MAKE: list[Callable[..., Sampler]] = [DDPM, DDIM, DPMSolverPP2M]


def _name(value: Any) -> str:
    return value.__name__ if isinstance(value, type) else type(value).__name__


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian_denoiser(schedule: Schedule) -> base.Denoise:
    """E[x_0 | x_t] for x_0 ~ N(MEAN, STD^2)."""

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        alpha, sigma = (f(t).reshape(-1, 1) for f in (schedule.alpha, schedule.sigma))
        gain = alpha * STD**2 / (alpha**2 * STD**2 + sigma**2)
        return MEAN + gain * (x_t - alpha * MEAN)

    return denoise


def _draw(sampler: Sampler, schedule: Schedule, steps: int, batch: int = 16) -> Tensor:
    denoise = gaussian_denoiser(schedule)
    return sample(sampler, denoise, (batch, 1), schedule, steps, _generator(), dtype=torch.float64)


def _ode_error(sampler: Sampler, schedule: Schedule, steps: int) -> float:
    one = torch.ones((), dtype=torch.float64)
    alpha, sigma = schedule.alpha(one), schedule.sigma(one)
    x = torch.hypot(alpha, sigma) * gaussian_noise((16, 1), _generator(), dtype=torch.float64)
    exact = MEAN + STD * (x - alpha * MEAN) / torch.sqrt(alpha**2 * STD**2 + sigma**2)
    return (_draw(sampler, schedule, steps) - exact).abs().max().item()


def _assert_order(errors: list[float], order: float, tolerance: float) -> None:
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    report = f"errors {errors} at doubled steps: orders {orders}, expected {order}"
    assert abs(orders[-1] - order) < tolerance, report


@pytest.mark.parametrize("family", [Cosine, Sigmoid, Linear, Straight], ids=_name)
@pytest.mark.parametrize(
    ("sampler", "order"),
    [*((DDIM(spacing=spacing), 1) for spacing in SPACINGS), (DPMSolverPP2M("log_snr"), 2)],
    ids=[*SPACINGS, "2M-log_snr"],
)
def test_order_on_the_probability_flow(
    family: type[Schedule], sampler: Sampler, order: int
) -> None:
    """From noise to data; a high ceiling keeps the last step's log-SNR out of the way."""
    schedule = family(log_snr_max=30.0)
    errors = [_ode_error(sampler, schedule, n) for n in (80, 160, 320)]
    _assert_order(errors, order, 0.03 if order == 2 else 0.1)


@pytest.mark.parametrize("schedule", [*SCHEDULES, Straight()], ids=_name)
@pytest.mark.parametrize(
    ("sampler", "order"),
    [(DDIM(), 1), (DPMSolverPP2M(), 2), (Euler(), 1), (Heun(), 2)],
    ids=["ddim", "2m", "euler", "heun"],
)
@pytest.mark.parametrize("power", [1, 2])
def test_order_away_from_the_ends(
    schedule: Schedule, sampler: Sampler, order: int, power: int
) -> None:
    """On any smooth grid from t = 0.8 to 0.3, so also with unequal steps of log-SNR."""
    denoise, errors = gaussian_denoiser(schedule), []
    for steps in (80, 160, 320):
        roots = (0.8 ** (1 / power), 0.3 ** (1 / power))
        even = torch.linspace(*roots, steps + 1, dtype=torch.float64)
        times = torch.cat([even**power, torch.zeros(1)])
        levels = Levels.at(times, schedule)
        x0s: list[Tensor] = []
        x = start = torch.tensor([[-1.0], [0.3], [2.0]], dtype=torch.float64)
        for i in range(steps):
            x0s = [*x0s, denoise(x, times[i].expand(3))][-sampler.order :]
            x_s = sampler.step(i, x, x0s, levels, lambda: pytest.fail("noise in an ODE solver"))
            if sampler.corrects:
                x0_s = denoise(x_s, times[i + 1].expand(3))
                x_s = sampler.correct(i, x, x0s[-1], x_s, x0_s, levels)
            x = x_s
        scale, shift = (
            [math.sqrt((levels.alpha[k] * STD) ** 2 + levels.sigma[k] ** 2) for k in (0, steps)],
            [levels.alpha[k] * MEAN for k in (0, steps)],
        )
        exact = shift[1] + scale[1] / scale[0] * (start - shift[0])
        errors.append((x - exact).abs().max().item())
    _assert_order(errors, order, 0.05)


@pytest.mark.parametrize(("sampler", "order"), [(Euler, 1), (Heun, 2)], ids=_name)
@pytest.mark.parametrize("spacing", ["uniform", "quadratic"])
def test_order_on_the_straight_path(
    sampler: Callable[..., Sampler], order: int, spacing: Spacing
) -> None:
    """From end to end, with the schedule as it is."""
    errors = [_ode_error(sampler(spacing=spacing), Straight(), n) for n in (40, 80, 160)]
    _assert_order(errors, order, 0.1)


@pytest.mark.parametrize("steps", [3, 4, 8])
def test_heun_is_worth_its_evaluations(steps: int) -> None:
    """Against as many steps of Euler as it has evaluations."""
    first = _ode_error(Euler(), Straight(), base.evaluations(steps, corrects=True))
    second = _ode_error(Heun(), Straight(), steps)
    assert second < first, f"Heun has error {second}, Euler {first}"


@pytest.mark.parametrize("schedule", [*SCHEDULES, Straight()], ids=_name)
def test_euler_is_ddim_without_noise(schedule: Schedule) -> None:
    assert torch.equal(_draw(Euler(), schedule, 9), _draw(DDIM(eta=0.0), schedule, 9))


def test_eulers_step_is_along_the_velocity() -> None:
    schedule = Straight()
    levels = Levels.at(base.time_grid(5, "uniform", schedule), schedule)
    x_t, x0 = (torch.randn(3, 1, generator=_generator(k), dtype=torch.float64) for k in (1, 2))
    for i in range(4):
        t, s = levels.sigma[i], levels.sigma[i + 1]
        velocity = (x_t - x0) / t  # noise less data
        found = Euler().step(i, x_t, [x0], levels, lambda: pytest.fail("noise"))
        torch.testing.assert_close(found, x_t + (s - t) * velocity, rtol=0, atol=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=_name)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_second_order_pays(schedule: Schedule, spacing: Spacing) -> None:
    """Where the ends of a grid spoil the order, 2M is still well ahead of DDIM."""
    first, second = (_ode_error(make(spacing=spacing), schedule, 40) for make in MAKE[1:])
    assert second < 0.4 * first, f"2M has error {second}, DDIM {first}"


def _transfer(
    monkeypatch: pytest.MonkeyPatch, sampler: Sampler, schedule: Schedule, steps: int
) -> tuple[float, float]:
    """Exact mean and variance of the samples.

    With a linear denoiser a sample is an affine function of the noises z_0..z_N, so sample k of
    a batch, run with z_k = 1 and the others 0, gives its k-th coefficient; the last, with all 0,
    gives the mean.
    """
    calls = 0

    def unit(shape: Sequence[int], *_: Any) -> Tensor:
        nonlocal calls
        calls += 1
        return torch.eye(shape[0], dtype=torch.float64)[:, calls - 1 : calls]

    monkeypatch.setattr(base, "gaussian_noise", unit)
    x = _draw(sampler, schedule, steps, batch=steps + 1)[:, 0]
    assert calls <= steps, f"{calls} draws of noise in {steps} steps: the last step added noise"
    return x[-1].item(), ((x[:-1] - x[-1]) ** 2).sum().item()


def _expected_moments(
    schedule: Schedule, times: Sequence[float], posterior: bool, eta: float
) -> tuple[float, float]:
    """Mean and variance carried through the textbook update, in alpha^2 ("alpha bar") terms."""
    bars = [schedule.alpha(torch.tensor(t, dtype=torch.float64)).item() ** 2 for t in times[:-1]]
    mean, variance = 0.0, 1.0
    for i, bar in enumerate(bars):
        gain = math.sqrt(bar) * STD**2 / (bar * STD**2 + 1 - bar)
        offset = MEAN - gain * math.sqrt(bar) * MEAN
        if i == len(bars) - 1:
            return gain * mean + offset, gain**2 * variance
        after = bars[i + 1]
        if posterior:  # q(x_s | x_t, x_0) by Bayes: prior N(sqrt(after) x0, 1 - after)
            ratio = bar / after
            precision = ratio / (1 - ratio) + 1 / (1 - after)
            of_x, of_x0 = (
                math.sqrt(ratio) / (1 - ratio) / precision,
                math.sqrt(after) / (1 - after) / precision,
            )
            fresh = 1 / precision
        else:
            fresh = eta**2 * (1 - after) / (1 - bar) * (1 - bar / after)
            of_x = math.sqrt((1 - after - fresh) / (1 - bar))
            of_x0 = math.sqrt(after) - of_x * math.sqrt(bar)
        slope = of_x + of_x0 * gain
        mean, variance = slope * mean + of_x0 * offset, slope**2 * variance + fresh
    raise AssertionError("no steps")


CASES = [(DDPM(), True, 1.0)] + [(DDIM(eta=eta), False, eta) for eta in (0.0, 0.3, 1.0)]


@pytest.mark.parametrize("steps", [1, 2, 7, 50])
@pytest.mark.parametrize(("sampler", "posterior", "eta"), CASES, ids=["ddpm", "0", "0.3", "1"])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=_name)
def test_moments_are_exact(
    monkeypatch: pytest.MonkeyPatch,
    schedule: Schedule,
    sampler: Sampler,
    posterior: bool,
    eta: float,
    steps: int,
) -> None:
    times = [1 - i / steps for i in range(steps + 1)]
    expected = _expected_moments(schedule, times, posterior, eta)
    got = _transfer(monkeypatch, sampler, schedule, steps)
    assert got == pytest.approx(expected, rel=1e-9), f"(mean, variance) {got}, not {expected}"


@pytest.mark.parametrize("sampler", [DDPM(), DDIM(eta=1.0), DDIM(eta=0.5)], ids=["ddpm", "1", ".5"])
def test_distribution_converges_to_the_data(
    monkeypatch: pytest.MonkeyPatch, sampler: Sampler
) -> None:
    """The variance of the samples tends to that of the data at first order; the mean too."""
    schedule = Cosine(log_snr_min=-18.0)
    moments = [_transfer(monkeypatch, sampler, schedule, n) for n in (100, 200, 400)]
    errors = [abs(variance - STD**2) for _, variance in moments]
    _assert_order(errors, 1, 0.1)
    assert errors[-1] < 0.02 * STD**2 and abs(moments[-1][0] - MEAN) < 1e-4, (errors, moments)


@pytest.mark.parametrize("steps", [10, 1000])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=_name)
def test_ddim_with_full_noise_is_ddpm(schedule: Schedule, steps: int) -> None:
    ancestral, implicit = (_draw(s, schedule, steps) for s in (DDPM(), DDIM(eta=1.0)))
    error = (ancestral - implicit).abs().max().item()
    assert error < 1e-9, f"the two differ by {error:.1e} after {steps} steps"


def test_two_steps_of_the_multistep_solver_are_ddim() -> None:
    """Its first and last steps are of lower order."""
    first, second = (_draw(s, Cosine(), 2) for s in (DPMSolverPP2M(), DDIM()))
    assert torch.allclose(first, second, rtol=0, atol=1e-14)
