"""Models: the three axes put together for a data set, saved and read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from calendar_system import Days
from linear_problem import ALL_SPANS, Samples
from models import NETWORKS, OBJECTIVES, REPRESENTATIONS, SAMPLING, build, generators
from waves import make_data

from wdno import model as models
from wdno.data import dataset
from wdno.data.dataset import ProblemData, Trajectories
from wdno.model import Model
from wdno.problem import ProblemError
from wdno.systems import compressible_ns
from wdno.tasks.simulation.problem import data as simulation
from wdno.training.checkpoint import CheckpointError, save_model


@pytest.fixture
def waves(waves_file: Path) -> ProblemData:
    return simulation(Trajectories(waves_file))


@pytest.mark.parametrize("representation", REPRESENTATIONS, ids=lambda r: r.get("family", "id"))
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n["name"])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o["name"])
def test_every_choice_on_the_axes_trains_and_predicts(
    waves: ProblemData, representation: dict, network: dict, objective: dict
) -> None:
    model = build(waves, representation=representation, network=network, objective=objective)
    batch = waves.batch(np.arange(4))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)

    def loss() -> float:
        found = model.loss_per_sample(batch, torch.Generator().manual_seed(0)).mean()
        found.backward()
        return found.item()

    before = loss()
    assert all(p.grad is not None for p in model.parameters())
    for _ in range(10):
        optimiser.step()
        optimiser.zero_grad()
        after = loss()
    assert after < 0.95 * before, f"loss of the batch {before:.3f} -> {after:.3f}"
    sampling = SAMPLING[objective["name"]]
    drawn = model.predict(batch, generators(4), sampling)
    assert drawn.keys() == {"state"} and drawn["state"].isfinite().all()
    alone = model.predict(waves.batch(np.array([2])), generators(3)[2:], sampling)["state"]
    torch.testing.assert_close(drawn["state"][2:3], alone, rtol=1e-4, atol=1e-5)


def test_channels_are_of_the_parts_in_the_order_of_the_problem() -> None:
    spec = {
        "representation": {"name": "wavelet", "family": "haar"},
        "network": NETWORKS[1],
        "objective": {"name": "regression", "weighting": "energy"},
    }
    model = Model(spec, ALL_SPANS)
    assert model.target_scaler.names == ["u:aa", "u:ad", "u:da", "u:dd", "s:a", "s:d"]
    assert model.condition_scaler.names == [
        *(f"{field}:{band}" for field in "fg" for band in ("aa", "ad", "da", "dd")),
        *("u0:a", "u0:d", "u1:a", "u1:d"),
        *("c:a", "c:d"),
        "p",
    ]
    data = Samples(ALL_SPANS)
    model.fit_scales(data)  # type: ignore[arg-type]
    mean = data.parts["state"].mean()
    torch.testing.assert_close(model.get_buffer("mean_state"), mean[None])
    torch.testing.assert_close(model.get_buffer("mean_series"), data.parts["series"].mean()[None])
    batch = data.batch(np.arange(3))
    encode, grid = model.representation.encode, ALL_SPANS.grid
    expected = [
        encode(batch["forcing"], grid),
        encode(batch["first"] - mean, grid, "space"),
        encode(batch["share"], grid, "time"),
        encode(batch["level"], grid, "number"),
    ]
    torch.testing.assert_close(model.condition(batch), torch.cat(expected, dim=1))
    level = model.condition(batch)[:, -1]
    torch.testing.assert_close(level, batch["level"][..., None].expand_as(level))
    weight = model._weight()
    assert weight is not None
    torch.testing.assert_close(weight[:4].mean(), torch.ones(()))
    torch.testing.assert_close(weight[4:].mean(), torch.ones(()))


@pytest.mark.parametrize("relative", [False, True])
def test_what_is_decoded_is_what_was_encoded(relative: bool) -> None:
    spec = {
        "representation": {"name": "wavelet", "family": "haar", "relative": relative},
        "network": NETWORKS[1],
        "objective": {"name": "regression"},
    }
    model, data = Model(spec, ALL_SPANS), Samples(ALL_SPANS)
    model.fit_scales(data)  # type: ignore[arg-type]
    batch = data.batch(np.arange(5))
    if relative:  # the latest of the given frames; the series has none
        departure = batch["state"] - batch["first"][:, 1:, None]
        expected = model.representation.encode(departure, ALL_SPANS.grid)
        torch.testing.assert_close(model.target(batch)[:, :4], expected)
    channels = model.target_scaler.normalise(model.target(batch)).requires_grad_()
    decoded = model.decode(channels, batch)
    for name in ("state", "series"):
        torch.testing.assert_close(decoded[name], batch[name], rtol=1e-5, atol=1e-5)
    (slope,) = torch.autograd.grad(decoded["series"].sum(), channels)
    assert slope[:, 4:].abs().sum() > 0 and not slope[:, :4].any()


def test_scales_make_channels_of_unit_spread(waves: ProblemData) -> None:
    model = build(waves)
    batch = waves.batch(np.arange(len(waves)))
    for channels in (
        model.target_scaler.normalise(model.target(batch)),
        model.condition_scaler.normalise(model.condition(batch)),
    ):
        spread = channels.transpose(0, 1).flatten(1).std(1, correction=0)
        torch.testing.assert_close(spread, torch.ones_like(spread), rtol=1e-4, atol=1e-4)


def test_the_state_to_be_generated_is_not_looked_at(waves: ProblemData) -> None:
    model = build(waves)
    batch = waves.batch(np.arange(2))
    drawn = model.predict(batch, generators(2), SAMPLING["diffusion"])
    batch["state"] = torch.full_like(batch["state"], torch.nan)
    again = model.predict(batch, generators(2), SAMPLING["diffusion"])
    torch.testing.assert_close(drawn, again, rtol=0, atol=0)


def test_a_perfect_network_predicts_the_truth(waves: ProblemData) -> None:
    model = build(waves, objective=OBJECTIVES[1])
    batch = waves.batch(np.arange(4))

    class Perfect(torch.nn.Module):
        def forward(self, x: torch.Tensor, t: torch.Tensor | None = None) -> torch.Tensor:
            return model.target_scaler.normalise(model.target(batch))

    model.objective.network = Perfect()
    drawn = model.predict(batch, generators(4))
    torch.testing.assert_close(drawn["state"], batch["state"], rtol=1e-5, atol=1e-5)
    assert model.loss_per_sample(batch, torch.Generator()).max() == 0


@pytest.mark.parametrize("weighting", ["uniform", "scale", "energy"])
def test_channel_weights_have_mean_one_and_follow_the_scales(
    waves: ProblemData, weighting: str
) -> None:
    model = build(waves, objective={"name": "regression", "weighting": weighting})
    weight = model._weight()
    if weighting == "uniform":
        assert weight is None
        return
    assert weight is not None
    scale = model.target_scaler.scale
    expected = scale if weighting == "scale" else scale**2
    torch.testing.assert_close(weight, expected / expected.mean())


@pytest.mark.parametrize("weighting", ["uniform", "scale"])
@pytest.mark.parametrize("kind", ["identity", "wavelet"])
def test_what_stands_first_has_its_own_weight(
    waves: ProblemData, weighting: str, kind: str
) -> None:
    """Of a network that gives zero, the loss is the mean of weighted squares of the target."""
    objective = {"name": "regression", "weighting": weighting, "first_weight": 5.0}
    model = build(waves, representation={"name": kind}, objective=objective)

    class Zero(torch.nn.Module):
        def forward(self, x: torch.Tensor, t: torch.Tensor | None = None) -> torch.Tensor:
            return torch.zeros(len(x), len(model.target_scaler.scale), *x.shape[2:])

    model.objective.network = Zero()
    batch = waves.batch(np.arange(4))
    target = model.target_scaler.normalise(model.target(batch))
    squares = target.square()
    if (weight := model._weight()) is not None:
        squares = squares * weight[:, None, None]
    squares[:, :, 0] *= 5
    found = model.loss_per_sample(batch, torch.Generator())
    torch.testing.assert_close(found, squares.flatten(1).mean(1))


def test_a_saved_model_predicts_the_same(tmp_path: Path, waves: ProblemData) -> None:
    model = build(waves)
    path = tmp_path / "model.safetensors"
    models.save(path, model, model.state_dict(), {"training_steps": 3})
    loaded, metadata = models.load(path)
    assert metadata["training_steps"] == 3
    batch = waves.batch(np.arange(2))
    torch.testing.assert_close(
        loaded.predict(batch, generators(2), SAMPLING["diffusion"]),
        model.predict(batch, generators(2), SAMPLING["diffusion"]),
        rtol=0,
        atol=0,
    )


def test_a_model_of_another_version_is_refused(tmp_path: Path, waves: ProblemData) -> None:
    model = build(waves)
    path = tmp_path / "model.safetensors"
    problem = {k: v for k, v in model.problem.to_json().items() if k != "extent"}
    save_model(path, model.state_dict(), {"spec": model.spec, "problem": problem})
    with pytest.raises(CheckpointError, match=r"another version.*extent.*train it again"):
        models.load(path)


def test_samplers_and_objectives_must_fit(waves: ProblemData) -> None:
    batch = waves.batch(np.arange(1))
    with pytest.raises(ValueError, match="needs a sampler"):
        build(waves).predict(batch, generators(1))
    with pytest.raises(ValueError, match="nothing to sample"):
        build(waves, objective=OBJECTIVES[1]).predict(batch, generators(1), {"name": "ddim"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda batch: batch.pop("forcing"), ["given parts are", "forcing is missing from"]),
        (lambda batch: batch.clear(), ["missing from an empty batch"]),
        (
            lambda batch: batch.update(forcing=batch["forcing"][..., ::2]),
            ["'forcing'", "the model's grid is", "time first", "model.on_grid(grid)"],
        ),
        (
            lambda batch: batch.update(forcing=batch["forcing"][0]),
            ["expected the shape [cases, 1, ", "time first"],
        ),
        (
            lambda batch: batch.update(forcing=batch["forcing"][:1]),
            ["'first'", "2 cases, the parts before have 1"],
        ),
        (
            lambda batch: batch.update(forcing=batch["forcing"].double()),
            ["torch.float64 on cpu, the model is torch.float32", "by .to"],
        ),
        (
            lambda batch: batch.update(forcing=batch["forcing"].numpy()),
            ["expected a tensor, got ndarray", "torch.as_tensor"],
        ),
    ],
)
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o["name"])
def test_given_parts_that_do_not_fit_are_said(
    waves: ProblemData, objective: dict, change: Any, words: list[str]
) -> None:
    model, batch = build(waves, objective=objective), dict(waves.batch(np.arange(2)))
    change(batch)
    with pytest.raises(ProblemError) as refused:
        model.predict(batch, generators(2), SAMPLING[objective["name"]])
    missing = [word for word in words if word not in str(refused.value)]
    assert missing == [], str(refused.value)


def test_a_model_that_was_put_on_another_grid_is_asked_on_it(waves: ProblemData) -> None:
    model, batch = build(waves, objective=OBJECTIVES[1]), waves.batch(np.arange(2))
    time, space = waves.problem.grid
    half = {name: values[..., ::2] for name, values in batch.items() if values.ndim > 1}
    found = model.on_grid((time, space // 2)).predict(half, generators(2))["state"]
    assert found.shape == (2, 1, time, space // 2)


@pytest.mark.parametrize(
    "sampling",
    [{"name": "ddim"}, {"steps": 2}, {}, "ddim"],
    ids=["steps", "name", "both", "text"],
)
def test_samplers_without_name_or_steps_are_said(waves: ProblemData, sampling: Any) -> None:
    model, batch = build(waves), waves.batch(np.arange(1))
    with pytest.raises(ValueError, match="expected the name of a sampler, its steps") as refused:
        model.predict(batch, generators(1), sampling)
    assert f"got {sampling!r}" in str(refused.value)
    for wrong in (0, 2.0, "2", True):
        with pytest.raises(ValueError, match="expected an integer number of steps"):
            model.predict(batch, generators(1), {"name": "ddim", "steps": wrong})
    with pytest.raises(ValueError, match=r"unknown sampler .ddmi.: expected one of ddim"):
        model.predict(batch, generators(1), {"name": "ddmi", "steps": 2})


def test_parameters_are_counted_once(waves: ProblemData) -> None:
    model = build(waves)
    network = model.objective.denoiser.network
    assert model.parameter_count() == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("representation", REPRESENTATIONS, ids=lambda r: r.get("family", "id"))
def test_a_large_mean_hides_nothing_from_the_network(
    tmp_path: Path, representation: dict, relative: bool
) -> None:
    system = Days(noise=2.0, grid=(10, 10, 10))
    data = simulation(Trajectories(make_data(tmp_path / "train.nc", system=system, count=60)))
    representation = {**representation, "relative": relative}
    spec = {"representation": representation, "network": NETWORKS[1], "objective": OBJECTIVES[1]}
    spec["network"] = {"name": "unet", "width": 8, "multipliers": [1], "attention": "none"}
    model = Model(spec, data.problem)
    model.fit_scales(data)
    expected = data.trajectories.dataset["t"].to_numpy()[:, 3:].mean()
    assert model.get_buffer("mean_state")[0] == pytest.approx(expected, rel=1e-5)
    batch = data.batch(np.arange(60))
    given = model.condition_scaler.normalise(model.condition(batch))
    # Over time, at each point: what the weather changes, beside what differs between points.
    varies = given[:, :, 0].std(dim=0).flatten(1).amax(dim=1)
    assert varies[0] > 0.2, f"the mean level varies by {varies[0]:.3f} of its channel's scale"
    channels = model.target_scaler.normalise(model.target(batch))
    decoded = model.decode(channels, batch)["state"]
    torch.testing.assert_close(decoded, batch["state"], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("representation", REPRESENTATIONS, ids=lambda r: r.get("family", "id"))
def test_a_relative_model_begins_as_persistence(waves: ProblemData, representation: dict) -> None:
    model = build(
        waves, representation={**representation, "relative": True}, objective=OBJECTIVES[1]
    )
    batch = waves.batch(np.arange(4))
    last, grid = batch["first"][:, :, None], waves.problem.grid
    departure = model.representation.encode(batch["state"] - last, grid)
    torch.testing.assert_close(model.target(batch), departure)
    # The network's last layer starts at zero: what is left is the mean departure in training.
    channels = model.target_scaler.denormalise(torch.zeros_like(departure))
    mean = model.representation.decode(channels, grid)
    torch.testing.assert_close(model.predict(batch, generators(4))["state"], last + mean)


@pytest.mark.parametrize("weighting", ["scale", "energy"])
def test_fields_count_alike_in_the_loss(tmp_path: Path, weighting: str) -> None:
    shocks = compressible_ns.Options(grid={"time": 16, "x": 24}, cells=48)
    system = compressible_ns.System(shocks)
    data = Trajectories(make_data(tmp_path / "train.nc", system=system, count=12))
    model = build(data, objective={"name": "regression", "weighting": weighting})
    weight = model._weight()
    assert weight is not None
    by_field = weight.view(3, 4)
    torch.testing.assert_close(by_field.mean(dim=1), torch.ones(3))
    # Pressures are forty times as large as velocities, and their bands weigh about the same.
    spread = model.target_scaler.scale.view(3, 4)
    assert spread[2, 0] > 10 * spread[1, 0]
    assert by_field[2, 0] < 2 * by_field[1, 0]
    assert (by_field[:, 0] > by_field[:, 3]).all(), "within a field, bands weigh by their scale"


def test_scales_are_of_the_first_samples_in_blocks(
    waves: ProblemData, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = build(waves)
    monkeypatch.setattr(dataset, "BLOCK_BYTES", 3 * waves.trajectories.dataset.nbytes // len(waves))
    assert [waves.block(), waves.block(most=2)] == [3, 2]
    for name, values in build(waves).state_dict().items():
        torch.testing.assert_close(values, whole.state_dict()[name], rtol=1e-6, atol=1e-7)

    monkeypatch.setattr("wdno.model.scales.SCALE_SAMPLES", 7)
    part = build(waves)
    first = waves.batch(np.arange(7))
    expected = first["state"].mean(dim=(0, 2, 3))
    torch.testing.assert_close(part.get_buffer("mean_state"), expected, rtol=1e-5, atol=1e-7)
    assert not torch.allclose(part.target_scaler.scale, whole.target_scaler.scale, rtol=1e-3)
    for scaler, values in (
        (part.target_scaler, part.target(first)),
        (part.condition_scaler, part.condition(first)),
    ):
        spread = values.transpose(0, 1).flatten(1).std(1, correction=0)
        torch.testing.assert_close(scaler.scale, spread, rtol=1e-5, atol=1e-7)
