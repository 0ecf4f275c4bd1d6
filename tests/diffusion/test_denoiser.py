"""Denoiser: conversions, the perfect network, conditions, and the loss by hand."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from wdno.diffusion.denoiser import ALPHA_MIN, Denoiser, Prediction, predicted, to_x0
from wdno.diffusion.noise import gaussian_noise
from wdno.diffusion.schedule import Cosine, Linear, Sigmoid, Straight
from wdno.diffusion.times import training_times

PREDICTIONS: list[Prediction] = ["epsilon", "x0", "v", "velocity"]
SCHEDULES = [Cosine(), Sigmoid(), Linear(), Straight()]
GRIDS = [(5,), (4, 6), (3, 4, 5)]


class Knows(nn.Module):
    """The network that knows x_0: it solves x_t for the noise."""

    def __init__(self, denoiser_schedule: Any, prediction: Prediction, x0: Tensor) -> None:
        super().__init__()
        self.schedule, self.prediction, self.x0 = denoiser_schedule, prediction, x0

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        x_t = x[:, : self.x0.shape[1]]
        shape = (-1, *[1] * (x.ndim - 1))
        alpha, sigma = self.schedule.alpha(t).reshape(shape), self.schedule.sigma(t).reshape(shape)
        alpha, sigma = alpha.to(x), sigma.to(x)
        return predicted(self.prediction, self.x0, (x_t - alpha * self.x0) / sigma, alpha, sigma)


class Constant(nn.Module):
    """Returns one value everywhere, with a given number of channels."""

    def __init__(self, value: float, channels: int) -> None:
        super().__init__()
        self.value, self.channels = value, channels

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return torch.full_like(x[:, : self.channels], self.value)


class Spy(nn.Module):
    """Keeps its arguments; returns the data channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        self.x, self.t = x, t
        return x[:, : self.channels]


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _data(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=_generator(seed), dtype=torch.float64)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_conversions_agree(schedule: Any, prediction: Prediction) -> None:
    """Epsilon, x0 and v made from one (x_0, noise) give back that x_0, and each other."""
    t = torch.linspace(0, 1, 21, dtype=torch.float64)
    alpha, sigma = schedule.alpha(t)[:, None], schedule.sigma(t)[:, None]
    x0, noise = _data(21, 50), _data(21, 50, seed=2)
    x_t = alpha * x0 + sigma * noise
    value = predicted(prediction, x0, noise, alpha, sigma)
    error = (to_x0(prediction, value, x_t, alpha, sigma) - x0).abs().max().item()
    assert error < 1e-11, f"x0 from {prediction}: error {error:.1e}"


def test_v_is_the_derivative_along_the_angle() -> None:
    """V = d x_t / d phi with alpha = cos(phi), sigma = sin(phi): the definition of v."""
    x0, noise = _data(9), _data(9, seed=2)
    phi = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    rows = [phi.cos() * a + phi.sin() * b for a, b in zip(x0, noise, strict=True)]
    slope = torch.stack([torch.autograd.grad(row, phi, retain_graph=True)[0] for row in rows])
    v = predicted("v", x0, noise, phi.detach().cos(), phi.detach().sin())
    assert torch.allclose(v, slope, rtol=0, atol=1e-14)


def test_the_velocity_is_the_derivative_along_the_straight_path() -> None:
    denoiser = Denoiser(Constant(0.0, 1), Straight())
    x0, noise = _data(1, 1, 9), _data(1, 1, 9, seed=2)
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    first, last = denoiser.schedule.sigma(ends).tolist()
    times = torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64)
    points = [denoiser.noised(x0, noise, t[None]) for t in times]
    velocity = predicted("velocity", x0, noise, times[:1], times[:1])
    for point, t in zip(points, times.tolist(), strict=True):
        along = points[0] + t * (last - first) * velocity
        torch.testing.assert_close(point, along, rtol=0, atol=1e-12)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_perfect_network_has_no_loss(prediction: Prediction, grid: tuple[int, ...]) -> None:
    x0 = _data(16, 3, *grid)
    schedule = Cosine()
    denoiser = Denoiser(Knows(schedule, prediction, x0), schedule, prediction)
    for condition in (None, _data(16, 2, *grid)):
        loss = denoiser.loss_per_sample(x0, condition, _generator()).max().item()
        assert loss < 1e-9, f"loss of the perfect network is {loss:.1e}"
        t = torch.linspace(0.01, 1, 16, dtype=torch.float64)
        error = (denoiser(_data(16, 3, *grid, seed=3), t, condition) - x0).abs().max().item()
        assert error < 1e-10, f"its estimate of x0 is off by {error:.1e}"


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("in_time", [[1.0, 1.0, 1.0, 1.0], [3.0, 1.0, 1.0, 0.5]])
def test_loss_by_hand(prediction: Prediction, in_time: list[float]) -> None:
    """A constant network's loss, from the same stream of times and noise."""
    x0, value = _data(6, 2, 4, 5), 0.3
    weight = torch.tensor([0.5, 2.0])[:, None, None] * torch.tensor(in_time)[:, None]
    schedule = Sigmoid()
    denoiser = Denoiser(Constant(value, 2), schedule, prediction)
    generator = _generator(4)
    t = training_times(6, generator)
    noise = gaussian_noise(x0.shape, generator, dtype=torch.float64)
    expected = []
    for b in range(6):
        alpha, sigma = schedule.alpha(t)[b].item(), schedule.sigma(t)[b].item()
        target = {
            "epsilon": noise[b],
            "x0": x0[b],
            "v": alpha * noise[b] - sigma * x0[b],
            "velocity": noise[b] - x0[b],
        }[prediction]
        squares = ((value - target) ** 2).mean(2) @ torch.tensor(in_time, dtype=torch.float64) / 4
        expected.append((0.5 * squares[0].item() + 2.0 * squares[1].item()) / 2)
    losses = denoiser.loss_per_sample(x0, None, _generator(4), weight)
    assert losses.tolist() == pytest.approx(expected, rel=1e-12)


def test_weights_of_one_change_nothing() -> None:
    x0 = _data(4, 3, 5)
    denoiser = Denoiser(Constant(0.0, 3), Cosine(), "v")
    plain = denoiser.loss_per_sample(x0, None, _generator())
    assert torch.equal(plain, denoiser.loss_per_sample(x0, None, _generator(), torch.ones(3, 1)))


def test_non_finite_sample_is_named_by_its_own_loss() -> None:
    x0 = _data(5, 1, 8)
    x0[3, 0, 2] = math.nan
    losses = Denoiser(Constant(0.0, 1), Cosine(), "v").loss_per_sample(x0, None, _generator())
    assert losses.isfinite().tolist() == [True, True, True, False, True]


def test_network_sees_the_data_then_the_condition() -> None:
    spy = Spy(2)
    x_t, t, condition = _data(3, 2, 4), torch.tensor([0.1, 0.5, 0.9]), _data(3, 5, 4, seed=2)
    Denoiser(spy, Cosine())(x_t, t, condition)
    assert torch.equal(spy.x, torch.cat([x_t, condition], 1))
    assert torch.equal(spy.t, t)


def test_training_times_are_on_the_grid_or_continuous() -> None:
    spy, x0 = Spy(1), _data(64, 1, 3)
    Denoiser(spy, Cosine(), training_steps=4).loss_per_sample(x0, None, _generator())
    assert set(spy.t.tolist()) == {0.25, 0.5, 0.75, 1.0}
    Denoiser(spy, Cosine(), training_steps=None).loss_per_sample(x0, None, _generator())
    assert len(set(spy.t.tolist())) > 60 and spy.t.min() > 0 and spy.t.max() <= 1


def test_epsilon_at_the_noisy_end_stays_bounded() -> None:
    """No division by a vanishing alpha: an error e of the network costs at most e / ALPHA_MIN."""
    schedule = Cosine(log_snr_min=-20.0)
    t = torch.ones(4)
    assert schedule.alpha(t)[0] < ALPHA_MIN / 20
    x_t = _data(4, 1, 10).float()
    estimate = Denoiser(Constant(0.0, 1), schedule, "epsilon")(x_t, t)
    largest, bound = estimate.abs().max().item(), 1.001 * x_t.abs().max().item() / ALPHA_MIN
    assert largest < bound, f"|x0_hat| reaches {largest}, more than {bound}"


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_default_schedules_stay_above_the_least_divisor(schedule: Any) -> None:
    alpha = schedule.alpha(torch.ones(1)).item()
    assert alpha > 2 * ALPHA_MIN, f"alpha(1) is {alpha}, the divisor's floor {ALPHA_MIN}"


def test_output_of_lower_precision_is_raised() -> None:
    class Half(nn.Module):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            return x.bfloat16()

    x_t = _data(2, 1, 4)
    estimate = Denoiser(Half(), Cosine(), "x0")(x_t, torch.rand(2))
    assert estimate.dtype == x_t.dtype


def test_gradient_reaches_the_network() -> None:
    class Timeless(nn.Conv1d):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:  # type: ignore[override]
            return super().forward(x)

    network = Timeless(3, 2, 3, padding=1)
    x0, condition = _data(4, 2, 9).float(), _data(4, 1, 9).float()
    loss = Denoiser(network, Cosine(), "v").loss_per_sample(x0, condition, _generator()).mean()
    (slope,) = torch.autograd.grad(loss, network.weight)
    assert slope.abs().sum() > 0


def _call(**changes: Any) -> Tensor:
    arguments = {"x_t": _data(3, 2, 4), "t": torch.rand(3), "condition": _data(3, 1, 4)}
    denoiser = Denoiser(Constant(0.0, changes.pop("channels", 2)), Cosine())
    return denoiser.forward(**arguments | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t": torch.rand(4)}, r"one time per sample .* \(3, 2, 4\) and \(4,\)"),
        ({"t": torch.tensor(0.5)}, "one time per sample"),
        ({"t": torch.tensor([1, 2, 3])}, "floating-point times"),
        ({"condition": _data(2, 1, 4)}, r"expected \(3, any, 4\), got \(2, 1, 4\)"),
        ({"condition": _data(3, 1, 5)}, "batch and grid of the data"),
        ({"condition": _data(3, 4)}, "batch and grid of the data"),
        ({"channels": 1}, "out_channels=2"),
    ],
)
def test_refused_calls(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _call(**changes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prediction": "score"}, "expected one of epsilon, x0, v, velocity"),
        ({"training_steps": 0}, "training_steps >= 1"),
    ],
)
def test_refused_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Denoiser(Constant(0.0, 1), Cosine(), **options)


@pytest.mark.parametrize("shape", [(3, 1), (2, 3), (2,), (1, 2, 4)])
def test_refused_weight(shape: tuple[int, ...]) -> None:
    message = rf"expected weights of shape \(2, 4\), .* got {re.escape(str(shape))}"
    with pytest.raises(ValueError, match=message):
        Denoiser(Constant(0.0, 2), Cosine()).loss_per_sample(
            _data(1, 2, 4), None, _generator(), torch.ones(shape)
        )
