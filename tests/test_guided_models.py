"""Guided predictions of models: an energy of physical parts, through channels and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from models import NETWORKS, OBJECTIVES, REPRESENTATIONS, build, generators
from torch import Tensor

from wdno.data.dataset import ProblemData, Trajectories
from wdno.diffusion.guidance import REGISTRY
from wdno.diffusion.samplers.base import Denoise
from wdno.diffusion.schedule import Cosine, Schedule
from wdno.model import Model
from wdno.tasks.simulation.problem import data as simulation

SAMPLING = {"name": "ddim", "steps": 4, "eta": 1.0}
DRAWN_STEPPING = {**OBJECTIVES[0], "stepping": {}}


@pytest.fixture
def waves(waves_file: Path) -> ProblemData:
    return simulation(Trajectories(waves_file))


def far(state: Tensor) -> Tensor:
    """Mean square distance of a state from 2."""
    return (state - 2).square().flatten(1).mean(1)


class Towards:
    """A guide towards a state of 2 everywhere."""

    def __init__(self, model: Model, batch: Mapping[str, Tensor], name: str, weight: float) -> None:
        self.model, self.batch = model, batch
        self.guidance = REGISTRY.build(name, weight=weight)

    def __call__(self, denoise: Denoise, schedule: Schedule) -> Denoise:
        assert isinstance(schedule, Cosine)
        return self.guidance.wrap(denoise, schedule, self.energy)

    def energy(self, channels: Tensor) -> Tensor:
        return far(self.model.decode(channels, self.batch)["state"])


@pytest.mark.parametrize("representation", REPRESENTATIONS, ids=lambda r: r.get("family", "id"))
@pytest.mark.parametrize("name", ["tilt", "dps", "relative"])
def test_guided_predictions_have_less_energy(
    waves: ProblemData, representation: dict, name: str
) -> None:
    model = build(waves, representation=representation, network=NETWORKS[1])
    batch = waves.batch(np.arange(3))
    sampling = {**SAMPLING, "repeats": 2}
    plain = model.predict(batch, generators(3), sampling)["state"]
    none = model.predict(batch, generators(3), sampling, Towards(model, batch, name, 0.0))
    assert torch.equal(none["state"], plain)
    guided = model.predict(batch, generators(3), sampling, guide=Towards(model, batch, name, 0.5))
    assert (far(guided["state"]) < far(plain)).all()
    one = waves.batch(np.array([2]))
    alone = model.predict(one, generators(3)[2:], sampling, Towards(model, one, name, 0.5))
    torch.testing.assert_close(guided["state"][2:], alone["state"], rtol=1e-3, atol=1e-3)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("representation", REPRESENTATIONS, ids=lambda r: r.get("family", "id"))
def test_encoding_is_the_inverse_of_decoding(waves: ProblemData, representation: dict) -> None:
    model = build(waves, representation=representation)
    batch = waves.batch(np.arange(3))
    channels = model.encode(batch, batch)
    assert torch.equal(channels, model.target_scaler.normalise(model.target(batch)))
    back = model.decode(channels, batch)
    torch.testing.assert_close(back["state"], batch["state"], rtol=1e-4, atol=1e-4)
    parts = {"state": batch["state"].clone().requires_grad_()}
    model.encode(parts, batch).square().sum().backward()
    assert parts["state"].grad is not None and (parts["state"].grad != 0).any()


@pytest.mark.parametrize(
    ("objective", "sampling", "what"),
    [
        (OBJECTIVES[1], None, "regression"),
        ({**OBJECTIVES[1], "stepping": {}}, None, "stepping"),
        (DRAWN_STEPPING, SAMPLING, "stepping"),
    ],
)
def test_objectives_without_a_denoiser_refuse_a_guide(
    waves: ProblemData, objective: dict, sampling: dict | None, what: str
) -> None:
    axes = {"representation": REPRESENTATIONS[0], "network": NETWORKS[1]}
    model = build(waves, objective=objective, **axes)
    batch = waves.batch(np.arange(2))
    message = f"{what} has no denoiser of whole trajectories to guide; use a model with"
    with pytest.raises(ValueError, match=message):
        model.predict(batch, generators(2), sampling, guide=lambda denoise, schedule: denoise)
    with pytest.raises(ValueError, match=f"{what} has no denoiser of whole trajectories; use a"):
        model.denoiser(batch)
    assert model.predict(batch, generators(2), sampling)["state"].isfinite().all()


def test_evaluations_count_repeats(waves: ProblemData) -> None:
    model = build(waves, network=NETWORKS[1])
    frames = model.problem.grid[0]
    assert model.objective.evaluations(SAMPLING, frames) == 4
    assert model.objective.evaluations({**SAMPLING, "repeats": 3}, frames) == 10
    calls = 0

    def guide(denoise: Denoise, schedule: Schedule) -> Denoise:
        def counted(x_t: Tensor, t: Tensor) -> Tensor:
            nonlocal calls
            calls += 1
            return denoise(x_t, t)

        return counted

    sampling = {**SAMPLING, "repeats": 3}
    model.predict(waves.batch(np.arange(2)), generators(2), sampling, guide)
    assert calls == 10
    once = model.predict(waves.batch(np.arange(2)), generators(2), {**SAMPLING, "repeats": 1})
    plain = model.predict(waves.batch(np.arange(2)), generators(2), SAMPLING)
    assert torch.equal(once["state"], plain["state"])
