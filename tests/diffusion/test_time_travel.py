"""Steps that are made again from fresh noise."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from wdno.diffusion.noise import gaussian_noise
from wdno.diffusion.samplers.base import Draw, Levels, Sampler, evaluations, sample, time_grid
from wdno.diffusion.samplers.ddim import DDIM
from wdno.diffusion.samplers.ddpm import DDPM
from wdno.diffusion.samplers.dpmpp_2m import DPMSolverPP2M
from wdno.diffusion.schedule import Cosine

SCHEDULE = Cosine()
SAMPLERS = [DDIM(), DDIM(1.0), DDPM("log_snr"), DPMSolverPP2M()]


def halve(x_t: Tensor, t: Tensor) -> Tensor:
    return x_t / 2 + t.to(x_t)[:, None]


def generators(count: int, first: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(first + k) for k in range(count)]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=["ddim-0", "ddim-1", "ddpm", "2m"])
def test_without_repeats_nothing_is_new(sampler: Sampler) -> None:
    """Bit for bit what the rule gives on its own."""
    levels = Levels.at(time_grid(7, sampler.spacing, SCHEDULE), SCHEDULE)
    own = generators(3)

    def noise() -> Tensor:
        return gaussian_noise((3, 4), own)

    x, x0s = noise(), []
    for i in range(7):
        x0s = [*x0s, halve(x, torch.full((3,), levels.t[i]))][-sampler.order :]
        x = x0s[-1] if i == 6 else sampler.step(i, x, x0s, levels, noise)
    assert torch.equal(sample(sampler, halve, (3, 4), SCHEDULE, 7, generators(3)), x)
    again = sample(sampler, halve, (3, 4), SCHEDULE, 7, generators(3), repeats=1)
    assert torch.equal(again, x)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=["ddim-0", "ddim-1", "ddpm", "2m"])
def test_each_step_but_the_last_is_made_again(sampler: Sampler) -> None:
    times: list[float] = []

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        times.append(float(t[0]))
        return halve(x_t, t)

    found = sample(sampler, denoise, (3, 4), SCHEDULE, 4, generators(3), repeats=3)
    grid = time_grid(4, sampler.spacing, SCHEDULE).tolist()
    expected = [t for t in grid[:3] for _ in range(3)] + grid[3:4]
    assert times == pytest.approx(expected)
    assert len(times) == evaluations(4, 3) == 10
    alone = sample(sampler, halve, (1, 4), SCHEDULE, 4, generators(1, 2), repeats=3)
    assert torch.equal(found[2:], alone)


def test_evaluations() -> None:
    assert evaluations(50) == 50
    assert evaluations(1, 9) == 1
    with pytest.raises(ValueError, match="repeats >= 1, got 0"):
        sample(DDIM(), halve, (1, 1), SCHEDULE, 2, torch.Generator(), repeats=0)


def test_a_multistep_rule_remembers_earlier_times_only() -> None:
    """Its estimates are those at two times of the grid, the earlier one as it was last."""
    seen: list[tuple[int, list[float]]] = []
    count = 0

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        nonlocal count
        count += 1
        return torch.full_like(x_t, float(count))

    class Spy(DPMSolverPP2M):
        def step(
            self, i: int, x_t: Tensor, x0s: list[Tensor], levels: Levels, noise: Draw
        ) -> Tensor:
            seen.append((i, [float(x0[0, 0]) for x0 in x0s]))
            return super().step(i, x_t, x0s, levels, noise)

    sample(Spy(), denoise, (1, 1), SCHEDULE, 3, torch.Generator(), repeats=2)
    assert seen == [(0, [1.0]), (0, [2.0]), (1, [2.0, 3.0]), (1, [2.0, 4.0])]


def test_data_are_noised_to_the_level_that_they_came_from() -> None:
    """With a perfect estimate of a point, what is asked about is alpha x0 + sigma z."""
    asked: list[Tensor] = []

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        asked.append(x_t)
        return torch.full_like(x_t, 2.0)

    shape = (20_000, 1)
    generator = torch.Generator().manual_seed(0)
    sample(DDPM(), denoise, shape, SCHEDULE, 3, generator, repeats=2, dtype=torch.float64)
    times = time_grid(3, "uniform", SCHEDULE)
    for x, t in zip(asked[1:], times[[0, 1, 1, 2]], strict=True):
        alpha, sigma = float(SCHEDULE.alpha(t)), float(SCHEDULE.sigma(t))
        assert float(x.mean()) == pytest.approx(2 * alpha, abs=4 * sigma / math.sqrt(20_000))
        assert float(x.std()) == pytest.approx(sigma, rel=0.02)
