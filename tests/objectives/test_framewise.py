"""Each frame from what is given at its time, whatever comes before or after."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from wdno.objectives.base import Request
from wdno.objectives.framewise import Framewise


def linear(condition: int, target: int) -> Framewise:
    torch.manual_seed(0)
    return Framewise(nn.Conv1d(condition + 1, target, 1), windows=3)


def request(samples: int = 4, frames: int = 6, **more: Tensor) -> Request:
    generator = torch.Generator().manual_seed(1)
    condition = torch.randn(samples, 2, frames, 5, generator=generator)
    return Request(condition=condition, channels=1, **more)


def test_a_frame_sees_its_own_time_alone() -> None:
    objective, asked = linear(2, 1), request()
    before = objective.predict(asked, (), None)
    assert before.shape == (4, 1, 6, 5) and objective.evaluations(None, 6) == 6
    asked.condition[:, :, 3] += 1
    after = objective.predict(asked, (), None)
    changed = (after - before).abs().amax((0, 1, 3)) > 0
    assert changed.tolist() == [False, False, False, True, False, False]


def test_it_is_told_the_time() -> None:
    objective, asked = linear(2, 1), request()
    still = Request(condition=asked.condition[:, :, :1].expand(-1, -1, 6, -1), channels=1)
    slope = objective.network.weight[0, 2, 0] / 6
    steps = objective.predict(still, (), None).diff(dim=2)
    torch.testing.assert_close(steps, slope.expand_as(steps), atol=1e-6, rtol=1e-4)


def test_the_loss_is_the_error_of_the_frames_that_it_takes() -> None:
    objective, asked = linear(2, 1), request()
    exact = objective.predict(asked, (), None).detach()
    wrong = exact.clone()
    wrong[1] += 2.0
    losses = objective.loss(
        Request(condition=asked.condition, channels=1, target=wrong),
        torch.Generator().manual_seed(0),
    ).per_sample
    torch.testing.assert_close(losses, torch.tensor([0.0, 4.0, 0.0, 0.0]), atol=1e-5, rtol=1e-5)


def test_learns_a_map_of_frames() -> None:
    objective, asked = linear(2, 1), request(samples=16)
    target = asked.condition[:, :1] * 2 - asked.condition[:, 1:] + 0.5
    asked = Request(condition=asked.condition, channels=1, target=target)
    optimiser = torch.optim.Adam(objective.parameters(), lr=0.05)
    generator = torch.Generator().manual_seed(0)
    for _ in range(300):
        optimiser.zero_grad()
        loss = objective.loss(asked, generator).per_sample.mean()
        loss.backward()
        optimiser.step()
    assert loss.item() < 1e-4


def test_refuses_a_sampler_and_a_guide() -> None:
    objective = linear(2, 1)
    with pytest.raises(ValueError, match="nothing to sample"):
        objective.predict(request(), (), {"name": "ddim", "steps": 2})
    guided = Request(condition=request().condition, channels=1, guide=lambda d, s: d)
    with pytest.raises(ValueError, match="no denoiser"):
        objective.predict(guided, (), None)
