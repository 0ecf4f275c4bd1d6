"""Autoregression: one frame in, the next out; trained on steps of the data, used as a rollout."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from models import NETWORKS, REPRESENTATIONS, build, generators
from torch import Tensor

from wdno.data.dataset import Trajectories
from wdno.objectives.autoregressive import Autoregressive

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


def loss(objective: Autoregressive, seed: int = 0, weight: Tensor | None = None) -> Tensor:
    first, target, condition = trajectories()
    generator = torch.Generator().manual_seed(seed)
    return objective.loss_per_sample(target, condition, generator, weight, first)


@pytest.mark.parametrize("unroll", [1, 3, 7, 100])
def test_the_right_network_has_no_loss_and_predicts_the_truth(unroll: int) -> None:
    objective = Autoregressive(Linear(), unroll=unroll, windows=4)
    assert loss(objective).shape == (3,)
    assert loss(objective).max() < 1e-10
    first, target, condition = trajectories()
    drawn = objective.predict(condition, 1, generators(3), None, first)
    torch.testing.assert_close(drawn, target)
    assert objective.evaluations(None, 7) == 7


def test_the_loss_is_that_of_steps_that_go_on_from_predictions() -> None:
    """Without the condition, and from one start: the errors by hand."""
    first, target, condition = trajectories(frames=2)
    objective = Autoregressive(Linear(b=0.0), unroll=2)
    found = objective.loss_per_sample(target, condition, torch.Generator(), None, first)
    one = 1.1 * first
    errors = [(one - target[:, :, 0]).square(), (1.1 * one - target[:, :, 1]).square()]
    torch.testing.assert_close(found, torch.stack(errors).mean(dim=(0, 2, 3)))
    weighted = objective.loss_per_sample(
        target, condition, torch.Generator(), torch.tensor([3.0]), first
    )
    torch.testing.assert_close(weighted, 3 * found)


def test_a_network_may_give_the_frame_itself() -> None:
    objective = Autoregressive(Linear(a=1.1), residual=False)
    assert loss(objective).max() < 1e-10


def test_starts_and_noise_follow_the_generator() -> None:
    wrong = Autoregressive(Linear(b=0.0), windows=2)
    torch.testing.assert_close(loss(wrong, 1), loss(wrong, 1), rtol=0, atol=0)
    assert not torch.allclose(loss(wrong, 1), loss(wrong, 2))
    noisy = Autoregressive(Linear(), windows=50, noise=0.1)
    # An error of the starting frame is multiplied by 1.1 in a step.
    assert loss(noisy).mean() == pytest.approx((1.1 * 0.1) ** 2, rel=0.2)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n["name"])
def test_a_model_sees_one_frame_and_the_forcing_alone(waves: Trajectories, network: dict) -> None:
    objective = {"name": "autoregressive", "windows": 2}
    model = build(waves, representation=IDENTITY, network=network, objective=objective)
    batch = waves.batch(np.arange(3))
    model.loss_per_sample(batch, torch.Generator().manual_seed(0)).mean().backward()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    whole = model.predict(batch, generators(3)).state
    assert whole.shape == batch["state"].shape and whole.isfinite().all()
    # What is forced later does not change what comes before.
    later = {name: values.clone() for name, values in batch.items()}
    later["forcing"][:, :, 9:] += 1.0
    changed = model.predict(later, generators(3)).state
    torch.testing.assert_close(changed[:, :, :9], whole[:, :, :9])
    assert not torch.allclose(changed[:, :, 9:], whole[:, :, 9:])


def test_a_representation_that_mixes_times_is_refused(waves: Trajectories) -> None:
    objective = {"name": "autoregressive"}
    for representation in ({"name": "wavelet"}, IDENTITY | {"relative": True}):
        with pytest.raises(ValueError, match="from frame to frame; expected the representation"):
            build(waves, representation=representation, objective=objective)


def test_a_sampler_and_a_missing_frame_are_refused() -> None:
    first, _, condition = trajectories()
    objective = Autoregressive(Linear())
    with pytest.raises(ValueError, match="nothing to sample"):
        objective.predict(condition, 1, generators(3), {"name": "ddim"}, first)
    with pytest.raises(ValueError, match="starts from the last given frame"):
        objective.predict(condition, 1, generators(3), None)
