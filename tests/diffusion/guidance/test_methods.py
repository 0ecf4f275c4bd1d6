"""Guidances one by one: their rules, and what holds for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from gaussian_prior import DOUBLE, SCHEDULE
from torch import Tensor, nn

from wdno.diffusion.denoiser import Denoiser
from wdno.diffusion.guidance import REGISTRY
from wdno.diffusion.guidance.base import Guidance, Noisy
from wdno.diffusion.guidance.energy import Counted
from wdno.diffusion.guidance.polyak import Polyak, threshold
from wdno.diffusion.guidance.project import project
from wdno.diffusion.guidance.published import Published, beta
from wdno.diffusion.samplers.base import sample, time_grid
from wdno.diffusion.samplers.ddim import DDIM

NAMES = REGISTRY.names()
TIMES = [1.0, 0.7, 0.3, 0.05]


def build(name: str, weight: float = 0.4) -> Guidance:
    """With all times open to it."""
    options = {"below": 1.0} if name == "polyak" else {}
    guidance: Guidance = REGISTRY.build(name, weight=weight, **options)
    return guidance


def denoise(x_t: Tensor, t: Tensor) -> Tensor:
    """A smooth estimate, each entry and sample by itself."""
    return torch.tanh(x_t * (1.5 - t.reshape(-1, *[1] * (x_t.ndim - 1)).to(x_t)))


def energy(x: Tensor) -> Tensor:
    """Half the squared distance from 1, and a term in which all entries meet."""
    return (x - 1).square().flatten(1).mean(1) / 2 + x.flatten(1).mean(1).cos() / 3


def ask(shape: tuple[int, ...], dtype: torch.dtype = DOUBLE) -> tuple[Tensor, Tensor]:
    x = torch.randn(4, *shape, generator=torch.Generator().manual_seed(1), dtype=DOUBLE)
    return x.to(dtype), torch.tensor(TIMES, dtype=dtype)


@pytest.mark.parametrize("name", NAMES)
def test_weight_zero_is_no_guidance(name: str) -> None:
    guided = build(name, 0.0).wrap(denoise, SCHEDULE, energy)
    assert guided is denoise, "an energy that does nothing is to cost nothing"
    plain, same = (
        sample(DDIM(1.0), each, (3, 2, 5), SCHEDULE, 6, torch.Generator().manual_seed(0))
        for each in (denoise, guided)
    )
    assert torch.equal(plain, same)
    other = build(name).wrap(denoise, SCHEDULE, energy)
    found = sample(DDIM(1.0), other, (3, 2, 5), SCHEDULE, 6, torch.Generator().manual_seed(0))
    assert not torch.equal(plain, found)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
@pytest.mark.parametrize("name", NAMES)
def test_weights_are_finite_and_not_negative(name: str, weight: float) -> None:
    with pytest.raises(ValueError, match="weight >= 0"):
        REGISTRY.build(name, weight=weight)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(3,), (2, 5), (2, 4, 3), (1, 2, 3, 4)], ids=len)
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
def test_any_grid_and_precision_and_a_sample_is_alone(
    name: str, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    """With a time of its own for each sample, t = 1 among them."""
    x, t = ask(shape, dtype)
    guided = build(name).wrap(denoise, SCHEDULE, energy)
    found = guided(x, t)
    assert found.shape == x.shape and found.dtype == dtype and found.isfinite().all()
    assert not found.requires_grad
    alone = torch.cat([guided(x[k : k + 1], t[k : k + 1]) for k in range(4)])
    assert torch.equal(found, alone)
    exact = guided(*ask(shape))
    torch.testing.assert_close(found, exact.to(dtype), rtol=1e-3, atol=1e-3)
    if name not in ("published", "relative"):
        lower = energy(found) < energy(denoise(x, t))
        assert lower[1:].all()  # at t = 1 steps may be too long


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_depends_on_its_own_generator(name: str) -> None:
    guided = build(name, 0.1).wrap(denoise, SCHEDULE, energy)

    def draw(seeds: list[int]) -> Tensor:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        shape = (len(seeds), 2, 4)
        return sample(DDIM(1.0), guided, shape, SCHEDULE, 8, generators, repeats=2)

    whole = draw([0, 1, 2])
    assert whole.isfinite().all()
    assert torch.equal(whole[1:2], draw([1]))


@pytest.mark.parametrize("name", NAMES)
def test_no_gradient_no_shift(name: str) -> None:
    x, t = ask((2, 5))
    flat = build(name).wrap(denoise, SCHEDULE, lambda x: 3 + (0 * x).flatten(1).sum(1))
    torch.testing.assert_close(flat(x, t), denoise(x, t), rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_left_as_it_is(name: str) -> None:
    """Its parameters get no gradients, in sampling none are tracked, and modes stay."""
    network = nn.Conv1d(2, 2, 3, padding=1)

    class Timed(nn.Module):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            found: Tensor = network(x)
            return found

    denoiser = Denoiser(Timed(), SCHEDULE, "v")
    with torch.no_grad():
        found = build(name).wrap(denoiser, SCHEDULE, energy)(*ask((2, 6), torch.float32))
        assert not torch.is_grad_enabled()
    assert found.isfinite().all() and not found.requires_grad
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x: energy(x).sum(), r"expected an energy of shape \(4,\)"),
        (lambda x: energy(x.detach()), "no gradient; compute it from its argument"),
    ],
)
def test_energies_that_are_none(name: str, wrong: Callable[[Tensor], Tensor], said: str) -> None:
    with torch.no_grad(), pytest.raises(ValueError, match=said):
        build(name).wrap(denoise, SCHEDULE, wrong)(*ask((2, 5)))


@pytest.mark.parametrize("inner", NAMES)
@pytest.mark.parametrize("outer", NAMES)
def test_guidances_can_be_nested(inner: str, outer: str) -> None:
    x, t = ask((2, 5))
    once = build(inner).wrap(denoise, SCHEDULE, energy)
    twice = build(outer).wrap(once, SCHEDULE, energy)
    with torch.no_grad():
        found = twice(x, t)
    assert found.isfinite().all() and not found.requires_grad
    assert not torch.equal(found, once(x, t))


@pytest.mark.parametrize("name", NAMES)
def test_a_projection_comes_first(name: str) -> None:
    """The energy is asked about what meets the constraint; DPS sees through the projection."""
    seen: list[Tensor] = []

    def onto(x: Tensor) -> Tensor:
        return torch.cat([torch.full_like(x[:, :1], 2.0), x[:, 1:]], dim=1)

    def watched(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return energy(x)

    x, t = ask((2, 5))
    start = project(denoise, onto)
    found = build(name).wrap(start, SCHEDULE, watched)(x, t)
    assert (seen[0][:, 0] == 2).all() and torch.equal(seen[0][:, 1:], denoise(x, t)[:, 1:])
    held = (found[:, 0] == 2).all()
    assert held if name == "dps" else not held
    assert (project(build(name).wrap(start, SCHEDULE, energy), onto)(x, t)[:, 0] == 2).all()


def shift_of(guidance: Guidance) -> tuple[Tensor, Tensor, Noisy]:
    """Shift of the noise, gradient at the estimate, and where."""
    x, t = ask((2, 5))
    noisy, x0 = Noisy.at(x, t, SCHEDULE), denoise(x, t).requires_grad_()
    (gradient,) = torch.autograd.grad(energy(x0).sum(), x0)
    found = guidance.wrap(denoise, SCHEDULE, energy)(x, t)
    return noisy.epsilon(found) - noisy.epsilon(x0.detach()), gradient, noisy


def test_tilt_adds_the_score_to_the_noise() -> None:
    shift, gradient, noisy = shift_of(REGISTRY.build("tilt", weight=0.7))
    torch.testing.assert_close(shift, 0.7 * noisy.alpha * noisy.sigma * gradient)


def test_dps_descends_along_the_noisy_data() -> None:
    x, t = ask((2, 5))
    noisy, at = Noisy.at(x, t, SCHEDULE), x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(energy(denoise(at, t)).sum(), at)
    shift, _, _ = shift_of(REGISTRY.build("dps", weight=0.7))
    torch.testing.assert_close(shift, 0.7 * noisy.sigma * gradient)


def test_published_adds_beta_gradients_to_the_noise() -> None:
    betas = beta(torch.tensor(TIMES)).view(-1, 1, 1)
    for schedule, over_time in (("beta", betas), ("constant", 1)):
        shift, gradient, _ = shift_of(Published(0.7, schedule))  # type: ignore[arg-type]
        torch.testing.assert_close(shift, 0.7 * over_time * gradient)


def test_betas_are_those_of_the_discrete_schedule() -> None:
    angles = [math.pi / 2 * (k / 1000 + 0.008) / 1.008 for k in range(1001)]
    bars = [math.cos(angle) ** 2 for angle in angles]
    expected = [min(1 - bars[k] / bars[k - 1], 0.999) for k in range(1, 1001)]
    times = torch.arange(1, 1001, dtype=DOUBLE) / 1000
    torch.testing.assert_close(beta(times), torch.tensor(expected, dtype=DOUBLE))
    # In the estimate, with the paper's 120 000: hundreds at half the time, less than 1 at the end.
    for k, step in ((500, 382), (200, 42), (100, 10.7), (20, 0.67)):
        ratio = math.sqrt((bars[0] - bars[k]) / bars[k])
        assert 120_000 * float(beta(times[k - 1])) * ratio == pytest.approx(step, rel=0.01)


def test_published_clamps_before_and_after() -> None:
    x, t = ask((2, 5))
    seen: list[Tensor] = []

    def wide(x_t: Tensor, t: Tensor) -> Tensor:
        return 3 * denoise(x_t, t)

    def watched(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return 2 * x.flatten(1).sum(1)

    found = Published(0.01, "constant", clamp=1.25).wrap(wide, SCHEDULE, watched)(x, t)
    assert torch.equal(seen[0], wide(x, t).clamp(-1.25, 1.25))
    noisy = Noisy.at(x, t, SCHEDULE)
    shifted = wide(x, t) - 0.02 * noisy.sigma / noisy.alpha  # of the estimate before the clamp
    torch.testing.assert_close(found, shifted.clamp(-1.25, 1.25))
    with pytest.raises(ValueError, match="clamp > 0"):
        Published(clamp=0.0)
    with pytest.raises(ValueError, match="unknown schedule 'cosine'"):
        Published(schedule="cosine")  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [1e-40, 1.0, 1e30])
def test_a_relative_step_is_a_share_of_the_noise(scale: float) -> None:
    """In single precision too, where squares of such gradients are 0 or infinite."""
    x, t = ask((2, 5), torch.float32)
    guided = REGISTRY.build("relative", weight=0.2).wrap(
        denoise, SCHEDULE, lambda x: scale * energy(x)
    )
    noisy = Noisy.at(x, t, SCHEDULE)
    before, after = noisy.epsilon(denoise(x, t)), noisy.epsilon(guided(x, t))
    share = (after - before).flatten(1).norm(dim=1) / before.flatten(1).norm(dim=1)
    torch.testing.assert_close(share, torch.full((4,), 0.2), rtol=1e-3, atol=0)


def test_mpgd_descends_as_often_as_told() -> None:
    x, t = ask((2, 5))
    guided = REGISTRY.build("mpgd", weight=0.3, iterations=3)
    found = guided.wrap(denoise, SCHEDULE, lambda x: (x - 1).square().flatten(1).sum(1) / 2)(x, t)
    torch.testing.assert_close(found, 1 + 0.7**3 * (denoise(x, t) - 1))
    with pytest.raises(ValueError, match="iterations >= 1"):
        REGISTRY.build("mpgd", iterations=0)


def distance(x: Tensor) -> Tensor:
    return 5 * (x - 1).square().flatten(1).sum(1)


@pytest.mark.parametrize(("weight", "left"), [(0.5, 0.75), (1.0, 0.5), (2.0, 0.0)])
def test_polyak_goes_by_the_value(weight: float, left: float) -> None:
    """Of a distance squared, whatever its unit, a quarter of the way at weight 1/2."""
    x, t = ask((2, 5))
    found = Polyak(weight, below=1.0).wrap(denoise, SCHEDULE, distance)(x, t)
    torch.testing.assert_close(found, 1 + left * (denoise(x, t) - 1))


def test_polyak_is_late_and_costs_nothing_before() -> None:
    x, t = ask((2, 5))
    counted = Counted(distance)
    guided = Polyak(below=0.3).wrap(denoise, SCHEDULE, counted)
    plain, found = denoise(x, t), guided(x, t)
    assert counted.calls == 1
    assert torch.equal(found[:2], plain[:2])
    torch.testing.assert_close(found[2:], 1 + 0.75 * (plain[2:] - 1))
    assert torch.equal(guided(x[:2], t[:2]), plain[:2])
    assert counted.calls == 1


def test_polyak_stays_at_the_optimum_and_within_its_limit() -> None:
    x, t = ask((2, 5))
    plain = denoise(x, t)
    reached = Polyak(below=1.0, optimum=1e6).wrap(denoise, SCHEDULE, distance)(x, t)
    assert torch.equal(reached, plain)
    # A value that cannot be reached: the step is long where the gradient is small.
    unreachable = Polyak(below=1.0, optimum=-1e9, limit=0.1).wrap(denoise, SCHEDULE, distance)
    length = (unreachable(x, t) - plain).square().flatten(1).mean(1).sqrt()
    torch.testing.assert_close(length, 0.1 * SCHEDULE.sigma(t))
    with pytest.raises(ValueError, match=r"below in \(0, 1\]"):
        Polyak(below=0.0)
    with pytest.raises(ValueError, match="limit > 0"):
        Polyak(limit=0.0)


@pytest.mark.parametrize("spacing", ["uniform", "quadratic", "log_snr"])
@pytest.mark.parametrize("last", [1, 3, 10])
def test_a_threshold_is_a_number_of_evaluations(spacing: str, last: int) -> None:
    below = threshold(last, 10, spacing, SCHEDULE)  # type: ignore[arg-type]
    counted = Counted(energy)
    guided = Polyak(below=below).wrap(denoise, SCHEDULE, counted)
    sampler = DDIM(spacing=spacing)  # type: ignore[arg-type]
    sample(sampler, guided, (2, 3), SCHEDULE, 10, torch.Generator())
    assert counted.calls == last
    assert (time_grid(10, sampler.spacing, SCHEDULE)[:-1] <= below).sum() == last
    with pytest.raises(ValueError, match="1 <= last <= steps = 10"):
        threshold(11, 10, "uniform", SCHEDULE)
