"""Schedules: published formulas, ends, monotony, inverse; times of training."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from wdno.diffusion import schedule as schedules
from wdno.diffusion.schedule import Cosine, Linear, Schedule, Sigmoid, Straight
from wdno.diffusion.times import training_times

ALL = [
    Cosine(),
    Cosine(offset=0.0, log_snr_min=-20.0, log_snr_max=40.0),
    Sigmoid(),
    Sigmoid(start=0.0, end=3.0, tau=0.3, log_snr_min=-15.0, log_snr_max=20.0),
    Sigmoid(tau=0.1, log_snr_min=-20.0, log_snr_max=30.0),
    Linear(),
    Linear(log_snr_min=-6.0, log_snr_max=9.0),
    Linear(beta_min=0.0, beta_max=50.0, log_snr_min=-20.0),
]
STRAIGHT = [Straight(), Straight(log_snr_min=-20.0, log_snr_max=40.0)]


def _line(count: int) -> torch.Tensor:
    return torch.linspace(0, 1, count, dtype=torch.float64)


def _cosine(u: float) -> float:
    first, now = (math.cos(math.pi / 2 * (v + 0.008) / 1.008) for v in (0.0, u))
    return (now / first) ** 2


def _sigmoid(u: float) -> float:
    first, now, last = (1 / (1 + math.exp(-y)) for y in (-3.0, -3 + 6 * u, 3.0))
    return (last - now) / (last - first)


def _linear(u: float) -> float:
    return math.exp(-(0.1 * u + 19.9 * u**2 / 2))


PUBLISHED = [(Cosine(), _cosine), (Sigmoid(), _sigmoid), (Linear(), _linear)]


@pytest.mark.parametrize(("schedule", "signal"), PUBLISHED)
def test_published_formula(schedule: Schedule, signal: Callable[[float], float]) -> None:
    """alpha^2 is the textbook one on the part between the log-SNR bounds of +-12."""

    def cut(log_snr: float) -> float:
        if signal(1.0) > 1 / (1 + math.exp(-log_snr)):
            return 1.0
        return float(brentq(lambda u: signal(u) - 1 / (1 + math.exp(-log_snr)), 0, 1, xtol=1e-15))

    start, end = cut(12.0), cut(-12.0)
    t = _line(101)
    expected = np.array([signal(start + (end - start) * v) for v in t.tolist()])
    error = np.abs(schedule.alpha(t).numpy() ** 2 - expected).max()
    assert error < 1e-11, f"{schedule}: alpha^2 differs from the formula by {error:.1e}"


def test_discrete_grids_of_the_papers() -> None:
    """Times k / 1000 have the noise levels of the 1000 discrete steps."""
    k = torch.arange(1, 1001, dtype=torch.float64) / 1000
    cosine = torch.tensor([_cosine(v) for v in k.tolist()], dtype=torch.float64)
    linear = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    for schedule, expected in ((Cosine(), cosine), (Linear(), linear)):
        error = (schedule.alpha(k) ** 2 - expected).abs().max().item()
        assert error < 3e-3, f"{schedule}: alpha^2 differs from the discrete one by {error:.1e}"


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_variance_preserving_monotone_and_bounded(schedule: Schedule) -> None:
    t = _line(10_001)
    total = (schedule.alpha(t) ** 2 + schedule.sigma(t) ** 2 - 1).abs().max().item()
    assert total < 1e-15, f"alpha^2 + sigma^2 - 1 reaches {total:.1e}"
    log_snr = schedule.log_snr(t)
    rise = log_snr.diff().max().item()
    assert rise < 0, f"the log-SNR rises by {rise:.1e} somewhere"
    ratio = 2 * torch.log(schedule.alpha(t) / schedule.sigma(t))
    error = (ratio - log_snr).abs().max().item()
    assert error < 1e-12, f"log_snr and alpha / sigma differ by {error:.1e}"


@pytest.mark.parametrize("schedule", STRAIGHT, ids=repr)
def test_the_straight_path_is_straight(schedule: Straight) -> None:
    t = _line(1001)
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    assert (alpha + sigma - 1).abs().max() < 1e-15
    bend = sigma.diff(n=2).abs().max().item()
    assert bend < 1e-12, f"second differences of the noise level reach {bend:.1e}"
    assert sigma.diff().min() > 0
    ratio = 2 * torch.log(alpha / sigma)
    error = (ratio - schedule.log_snr(t)).abs().max().item()
    assert error < 1e-9, f"log_snr and alpha / sigma differ by {error:.1e}"
    left = 1 / (1 + math.exp(schedule.log_snr_max / 2))
    assert sigma[0].item() == pytest.approx(left, rel=1e-9)


@pytest.mark.parametrize("schedule", [*ALL, *STRAIGHT], ids=repr)
def test_ends_are_the_bounds(schedule: Schedule) -> None:
    clean, noisy = schedule.log_snr(_line(2)).tolist()
    expected = schedule.log_snr_min
    if isinstance(schedule, Linear):
        integral = (schedule.beta_min + schedule.beta_max) / 2
        expected = max(expected, -math.log(math.expm1(integral)))
    assert clean == pytest.approx(schedule.log_snr_max, abs=1e-6)
    assert noisy == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("schedule", [*ALL, *STRAIGHT], ids=repr)
def test_time_inverts_log_snr(schedule: Schedule) -> None:
    t = _line(1001)
    error = (schedule.time(schedule.log_snr(t)) - t).abs().max().item()
    assert error < 1e-9, f"time(log_snr(t)) - t reaches {error:.1e}"
    beyond = schedule.time(torch.tensor([1e3, -1e3], dtype=torch.float64))
    assert beyond.tolist() == [0, 1]


@pytest.mark.parametrize("schedule", [*ALL, *STRAIGHT], ids=repr)
def test_float32_is_float64_rounded(schedule: Schedule) -> None:
    t = torch.linspace(0, 1, 1001)
    for function in (schedule.alpha, schedule.sigma, schedule.log_snr):
        single, double = function(t), function(t.double())
        assert single.dtype == torch.float32 and single.shape == t.shape
        assert torch.equal(single, double.float())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cosine(log_snr_min=3.0, log_snr_max=2.0), "log_snr_min < log_snr_max"),
        (lambda: Cosine(log_snr_min=-math.inf), "expected -20 <="),
        (lambda: Cosine(log_snr_max=math.nan), "<= 40"),
        (lambda: Cosine(offset=-0.1), "offset >= 0"),
        (lambda: Sigmoid(tau=0.0), "tau > 0"),
        (lambda: Sigmoid(tau=0.01), "raise tau"),
        (lambda: Sigmoid(start=1.0, end=-1.0), "start < end"),
        (lambda: Linear(beta_min=3.0, beta_max=1.0), "beta_min < beta_max"),
        (lambda: Linear(log_snr_min=-15.0, log_snr_max=-12.0), "no part of the schedule"),
        (lambda: schedules.build("cubic"), "expected one of cosine, linear, sigmoid, straight"),
        (lambda: schedules.build("cosine", tau=1.0), r"unknown option\(s\) tau.*offset"),
    ],
)
def test_refused_options(make: Callable[[], Schedule], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("t", "message"),
    [
        (torch.tensor([0.5, 1.2]), "from 0.5 to 1.2"),
        (torch.tensor([-0.1]), r"times in \[0, 1\]"),
        (torch.tensor([math.nan]), "nan"),
        (torch.tensor([500]), "divide a step's index"),
    ],
)
def test_refused_times(t: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Cosine().alpha(t)


def test_build() -> None:
    assert schedules.build("sigmoid", tau=0.5) == Sigmoid(tau=0.5)
    assert schedules.build("linear") == Linear()


def _times(count: int, steps: int | None) -> torch.Tensor:
    return training_times(count, torch.Generator().manual_seed(0), steps=steps)


def test_training_times_cover_the_grid_evenly() -> None:
    times = _times(20_000, 10)
    assert times.shape == (20_000,) and times.dtype == torch.float32
    values, counts = torch.unique(times, return_counts=True)
    assert torch.equal(values, torch.arange(1, 11) / 10)
    chi2 = ((counts - 2000) ** 2 / 2000).sum().item()
    assert chi2 < 28, f"chi^2 of 9 degrees of freedom is {chi2}: not uniform"


def test_continuous_training_times() -> None:
    times = _times(20_000, None)
    assert times.min() > 0 and times.max() <= 1
    mean, variance = times.mean().item(), times.var().item()
    assert abs(mean - 0.5) < 0.01 and abs(variance - 1 / 12) < 0.002, (mean, variance)


def test_continuous_training_times_leave_out_0_and_not_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "rand", lambda count, **_: torch.zeros(count))
    assert _times(3, None).tolist() == [1, 1, 1]


def test_training_times_repeat_and_refuse_no_steps() -> None:
    assert torch.equal(_times(5, 1000), _times(5, 1000))
    with pytest.raises(ValueError, match="steps >= 1 or None, got 0"):
        _times(5, 0)
