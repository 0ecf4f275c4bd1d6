"""Every representation with every objective learns a problem whose answer is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from linear_problem import ALL_SPANS, STEPS, PointwiseLinear, Samples
from models import generators

from wdno import networks
from wdno.model import Model
from wdno.problem import Problem

DDPM = {"name": "ddpm", "steps": 50}
REPRESENTATIONS: list[dict[str, Any]] = [
    {"name": "identity"},
    {"name": "identity", "relative": True},
    {"name": "wavelet", "family": "haar"},
    {"name": "wavelet", "family": "haar", "relative": True},
]
DRAWN: list[dict[str, Any]] = [
    *(
        {"name": "diffusion", "prediction": prediction, "training_times": 0}
        for prediction in ("epsilon", "x0", "v")
    ),
    *({"name": "flow_matching", "prediction": prediction} for prediction in ("velocity", "x0")),
]


@pytest.fixture(autouse=True)
def _small_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more only wait for each other, on so small a problem
    monkeypatch.setattr(networks.REGISTRY, "load", lambda name: PointwiseLinear)
    yield
    torch.set_num_threads(threads)


def learn(problem: Problem, steps: int = 300, **axes: dict[str, Any]) -> tuple[Model, Samples]:
    """A model trained on a problem, and samples that it has not seen."""
    data = Samples(problem)
    torch.manual_seed(0)
    model = Model({"network": {"name": "pointwise"}, **axes}, problem)
    model.fit_scales(data)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    noise = torch.Generator().manual_seed(1)
    for step in range(steps):
        batch = data.batch(np.arange(32 * step, 32 * (step + 1)) % len(data))
        optimiser.zero_grad()
        model.loss_per_sample(batch, noise).mean().backward()
        optimiser.step()
        schedule.step()
    return model.eval(), Samples(problem, count=200, seed=1)


def ids(section: dict[str, Any]) -> str:
    return " ".join(map(str, section.values()))


@pytest.mark.parametrize("representation", REPRESENTATIONS, ids=ids)
def test_regression_learns_the_conditional_mean(representation: dict[str, Any]) -> None:
    model, test = learn(
        ALL_SPANS, 150, representation=representation, objective={"name": "regression"}
    )
    batch = test.batch(np.arange(len(test)))
    drawn, mean = model.predict(batch, generators(len(test))), test.mean(batch)
    assert drawn.keys() == mean.keys()
    for name, values in drawn.items():
        error = float((values - mean[name]).square().mean().sqrt())
        assert error < 0.05, f"{name}: off the conditional mean by {error:.3f}"


@pytest.mark.parametrize("objective", DRAWN, ids=ids)
@pytest.mark.parametrize("representation", REPRESENTATIONS[1:3], ids=ids)
def test_the_conditional_distribution_is_learned(
    representation: dict[str, Any], objective: dict[str, Any]
) -> None:
    model, test = learn(ALL_SPANS, representation=representation, objective=objective)
    batch = test.batch(np.arange(len(test)))
    drawn, mean = model.predict(batch, generators(len(test)), DDPM), test.mean(batch)
    departure = drawn["state"] - mean["state"]
    around = mean["state"] - mean["state"].mean()
    slope = float((departure * around).mean() / around.square().mean())
    assert abs(slope) < 0.05, f"departures follow the mean by {slope:.3f}"
    assert abs(float(departure.mean())) < 0.05
    assert float(departure.std()) == pytest.approx(1.0, rel=0.1)
    error = float((drawn["series"] - mean["series"]).square().mean().sqrt())
    assert error < 0.2, f"the series is off its mean by {error:.3f}"


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("name", ["regression", "diffusion", "flow_matching"])
def test_stepping_learns_the_step(name: str, residual: bool) -> None:
    stepping = {"windows": 4, "residual": residual, "unroll": 2 if name == "regression" else 1}
    objective: dict[str, Any] = {"name": name, "stepping": stepping}
    if name == "diffusion":
        objective |= {"prediction": "v"}
    model, test = learn(STEPS, representation={"name": "identity"}, objective=objective)
    batch = test.batch(np.arange(len(test)))
    sampling = None if name == "regression" else DDPM
    drawn = model.predict(batch, generators(len(test)), sampling)["state"]
    departure = drawn - test.mean(batch)["state"]
    # The noise of each step is carried on by 0.8.
    spread = 0.3 * np.sqrt(np.cumsum(0.64 ** np.arange(8))) if sampling else np.zeros(8)
    found = departure.square().mean(dim=(0, 1, 3)).sqrt().numpy()
    np.testing.assert_allclose(found, spread, atol=0.02, rtol=0.15)
    assert abs(float(departure.mean())) < 0.02
    per_step = 50 if sampling else 1
    assert model.objective.evaluations(sampling, 8) == 8 * per_step


def test_noised_conditions_learn_the_step() -> None:
    """The mean of a rollout falls short of what is given, the more the noisier the step is."""
    objective = {
        "name": "joint_diffusion",
        "prediction": "v",
        "stepping": {"windows": 4, "residual": False},
    }
    model, test = learn(STEPS, representation={"name": "identity"}, objective=objective)
    batch = test.batch(np.arange(len(test)))
    drawn = model.predict(batch, generators(len(test)), DDPM)["state"]
    mean = test.mean(batch)["state"]
    slope = float((drawn * mean).mean() / mean.square().mean())
    assert 0.4 < slope < 0.9, f"a share of {slope:.2f} of the mean"
    left = float((drawn - mean).square().mean() / mean.square().mean())
    assert left < 0.9
