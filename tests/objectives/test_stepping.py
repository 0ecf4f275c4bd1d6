"""Stepping: one frame in, the next out; trained on steps of the data, used as a rollout."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from models import NETWORKS, REPRESENTATIONS, STEPPING, build, generators
from torch import Tensor

from wdno.data.dataset import Trajectories
from wdno.model import Model
from wdno.objectives.base import Request
from wdno.objectives.diffusion import Diffusion
from wdno.objectives.regression import Regression
from wdno.objectives.stepping import Stepping
from wdno.tasks.simulation.problem import data as simulation

IDENTITY = REPRESENTATIONS[0]


class Linear(torch.nn.Module):
    """The change a x + b c of a frame [B, 1, X] under a condition [B, 1, X]."""

    def __init__(self, a: float = 0.1, b: float = 0.5) -> None:
        super().__init__()
        self.a, self.b = a, b

    def forward(self, inputs: Tensor) -> Tensor:
        x, c = inputs.split(1, dim=1)
        return self.a * x + self.b * c


def trajectories(frames: int = 7, batch: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """First frame, the frames after it, and the conditions, of x' = x + 0.1 x + 0.5 c."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(batch, 1, 5, generator=generator)
    condition = torch.randn(batch, 1, frames, 5, generator=generator)
    x, states = first, []
    for k in range(frames):
        x = 1.1 * x + 0.5 * condition[:, :, k]
        states.append(x)
    return first, torch.stack(states, dim=2), condition


def stepping(network: torch.nn.Module | None = None, **options: Any) -> Stepping:
    return Stepping(Regression(network or Linear()), **options)


def request(frames: int = 7, weight: Tensor | None = None) -> Request:
    first, target, condition = trajectories(frames)
    return Request(condition=condition, channels=1, target=target, weight=weight, first=first)


def loss(objective: Stepping, seed: int = 0) -> Tensor:
    return objective.loss(request(), torch.Generator().manual_seed(seed)).per_sample


@pytest.mark.parametrize("unroll", [1, 3, 7, 100])
def test_the_right_network_has_no_loss_and_predicts_the_truth(unroll: int) -> None:
    objective = stepping(unroll=unroll, windows=4)
    assert loss(objective).shape == (3,)
    assert loss(objective).max() < 1e-10
    drawn = objective.predict(request(), generators(3), None)
    torch.testing.assert_close(drawn, trajectories()[1])
    assert objective.evaluations(None, 7) == 7


def test_the_loss_is_that_of_steps_that_go_on_from_predictions() -> None:
    """Without the condition, and from one start: the errors by hand."""
    first, target, _ = trajectories(frames=2)
    objective = stepping(Linear(b=0.0), unroll=2)
    found = objective.loss(request(2), torch.Generator()).per_sample
    one = 1.1 * first
    errors = [(one - target[:, :, 0]).square(), (1.1 * one - target[:, :, 1]).square()]
    torch.testing.assert_close(found, torch.stack(errors).mean(dim=(0, 2, 3)))
    asked = request(2, torch.tensor([3.0]).view(1, 1, 1))
    weighted = objective.loss(asked, torch.Generator()).per_sample
    torch.testing.assert_close(weighted, 3 * found)


def test_a_network_may_give_the_frame_itself() -> None:
    objective = stepping(Linear(a=1.1), residual=False)
    assert loss(objective).max() < 1e-10


def test_starts_and_noise_follow_the_generator() -> None:
    wrong = stepping(Linear(b=0.0), windows=2)
    torch.testing.assert_close(loss(wrong, 1), loss(wrong, 1), rtol=0, atol=0)
    assert not torch.allclose(loss(wrong, 1), loss(wrong, 2))
    noisy = stepping(windows=50, noise=0.1)
    # An error of the starting frame is multiplied by 1.1 in a step.
    assert loss(noisy).mean() == pytest.approx((1.1 * 0.1) ** 2, rel=0.2)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n["name"])
def test_a_model_sees_one_frame_and_the_forcing_alone(waves: Trajectories, network: dict) -> None:
    model = build(waves, representation=IDENTITY, network=network, objective=STEPPING)
    batch = simulation(waves).batch(np.arange(3))
    model.loss_per_sample(batch, torch.Generator().manual_seed(0)).mean().backward()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    whole = model.predict(batch, generators(3))["state"]
    assert whole.shape == batch["state"].shape and whole.isfinite().all()
    # What is forced later does not change what comes before.
    later = {name: values.clone() for name, values in batch.items()}
    later["forcing"][:, :, 9:] += 1.0
    changed = model.predict(later, generators(3))["state"]
    torch.testing.assert_close(changed[:, :, :9], whole[:, :, :9])
    assert not torch.allclose(changed[:, :, 9:], whole[:, :, 9:])


def test_a_representation_that_mixes_times_is_refused(waves: Trajectories) -> None:
    for representation in ({"name": "wavelet"}, IDENTITY | {"relative": True}):
        with pytest.raises(ValueError, match="a frame at a time was chosen; expected a repres"):
            build(waves, representation=representation, objective=STEPPING)


def test_a_sampler_and_what_is_missing_are_refused() -> None:
    objective, asked = stepping(), request()
    with pytest.raises(ValueError, match="nothing to sample"):
        objective.predict(asked, generators(3), {"name": "ddim"})
    with pytest.raises(ValueError, match="starts from the last given frame"):
        objective.predict(replace(asked, first=None), generators(3), None)
    with pytest.raises(ValueError, match="a loss needs the target channels"):
        objective.loss(replace(asked, target=None), torch.Generator())


def test_samples_are_no_frames_to_go_on_from_in_training() -> None:
    with pytest.raises(ValueError, match="which diffusion draws; expected unroll = 1"):
        Stepping(Diffusion(Linear()), unroll=2)
    assert Stepping(Diffusion(Linear())).evaluations({"name": "ddim", "steps": 3}, 7) == 21


def test_a_part_without_a_given_frame_cannot_be_stepped(waves: Trajectories) -> None:
    problem = simulation(waves).problem
    without = replace(problem, generated=(replace(problem.generated[0], start=""),))
    spec = {"representation": IDENTITY, "network": NETWORKS[0], "objective": STEPPING}
    with pytest.raises(ValueError, match="'state' has none; remove stepping"):
        Model(spec, without)
