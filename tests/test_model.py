"""Models: the three axes put together for a data set, saved and read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from calendar_system import Days
from models import NETWORKS, OBJECTIVES, REPRESENTATIONS, SAMPLING, build, generators
from waves import Waves, make_data

from wdno import model as models
from wdno.data import dataset
from wdno.data.dataset import Trajectories
from wdno.model import LayoutError, Model
from wdno.systems import compressible_ns
from wdno.training.checkpoint import CheckpointError, save_model


@pytest.mark.parametrize("representation", REPRESENTATIONS, ids=lambda r: r.get("family", "id"))
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n["name"])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o["name"])
def test_every_choice_on_the_axes_trains_and_predicts(
    waves: Trajectories, representation: dict, network: dict, objective: dict
) -> None:
    model = build(waves, representation=representation, network=network, objective=objective)
    batch = waves.batch(np.arange(3))
    losses = model.loss_per_sample(batch, torch.Generator().manual_seed(0))
    assert losses.shape == (3,)
    losses.mean().backward()
    assert all(p.grad is not None for p in model.parameters())
    drawn = model.predict(batch, generators(3), SAMPLING[objective["name"]]).state
    assert drawn.shape == batch["state"].shape
    assert drawn.isfinite().all()


def test_scales_make_channels_of_unit_spread(waves: Trajectories) -> None:
    model = build(waves)
    batch = waves.batch(np.arange(len(waves)))
    for channels in (
        model.target_scaler.normalise(model.target(batch)),
        model.condition_scaler.normalise(model.condition(batch)),
    ):
        spread = channels.transpose(0, 1).flatten(1).std(1, correction=0)
        torch.testing.assert_close(spread, torch.ones_like(spread), rtol=1e-4, atol=1e-4)


def test_the_state_to_be_generated_is_not_looked_at(waves: Trajectories) -> None:
    model = build(waves)
    batch = waves.batch(np.arange(2))
    drawn = model.predict(batch, generators(2), SAMPLING["diffusion"])
    batch["state"] = torch.full_like(batch["state"], torch.nan)
    again = model.predict(batch, generators(2), SAMPLING["diffusion"])
    torch.testing.assert_close(drawn, again, rtol=0, atol=0)


def test_a_perfect_network_predicts_the_truth(waves: Trajectories) -> None:
    model = build(waves, objective=OBJECTIVES[1])
    batch = waves.batch(np.arange(4))

    class Perfect(torch.nn.Module):
        def forward(self, x: torch.Tensor, t: torch.Tensor | None = None) -> torch.Tensor:
            return model.target_scaler.normalise(model.target(batch))

    model.objective.network = Perfect()
    drawn = model.predict(batch, generators(4))
    torch.testing.assert_close(drawn.state, batch["state"], rtol=1e-5, atol=1e-5)
    assert model.loss_per_sample(batch, torch.Generator()).max() == 0


@pytest.mark.parametrize("weighting", ["uniform", "scale", "energy"])
def test_channel_weights_have_mean_one_and_follow_the_scales(
    waves: Trajectories, weighting: str
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


def test_a_saved_model_predicts_the_same(tmp_path: Path, waves: Trajectories) -> None:
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


def test_a_model_of_another_version_is_refused(tmp_path: Path, waves: Trajectories) -> None:
    model = build(waves)
    path = tmp_path / "model.safetensors"
    layout = {k: v for k, v in model.layout.to_json().items() if k != "extent"}
    save_model(path, model.state_dict(), {"spec": model.spec, "layout": layout})
    with pytest.raises(CheckpointError, match=r"another version.*extent.*train it again"):
        models.load(path)


def test_data_of_another_grid_are_refused(tmp_path: Path, waves: Trajectories) -> None:
    other = Trajectories(make_data(tmp_path / "fine.nc", system=Waves(16, 32), count=3))
    with pytest.raises(LayoutError) as refused:
        build(waves).require(other.layout, other.path, Path("model.safetensors"))
    for words in ("'waves'", "16 x 32", "16 x 24", "fine.nc", "model.safetensors", "train"):
        assert words in str(refused.value)


def test_data_of_another_duration_are_refused(waves: Trajectories) -> None:
    other = replace(waves.layout, extent=(0.0, 2.0, 0.0, 23 / 24))
    with pytest.raises(LayoutError, match="extent"):
        build(waves).require(other, waves.path, Path("model.safetensors"))


def test_samplers_and_objectives_must_fit(waves: Trajectories) -> None:
    batch = waves.batch(np.arange(1))
    with pytest.raises(ValueError, match="needs a sampler"):
        build(waves).predict(batch, generators(1))
    with pytest.raises(ValueError, match="nothing to sample"):
        build(waves, objective=OBJECTIVES[1]).predict(batch, generators(1), {"name": "ddim"})


def test_parameters_are_counted_once(waves: Trajectories) -> None:
    model = build(waves)
    network = model.objective.denoiser.network
    assert model.parameter_count() == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("representation", REPRESENTATIONS, ids=lambda r: r.get("family", "id"))
def test_a_large_mean_hides_nothing_from_the_network(
    tmp_path: Path, representation: dict, relative: bool
) -> None:
    system = Days(noise=2.0, grid=(10, 10, 10))
    data = Trajectories(make_data(tmp_path / "train.nc", system=system, count=60))
    representation = {**representation, "relative": relative}
    spec = {"representation": representation, "network": NETWORKS[1], "objective": OBJECTIVES[1]}
    spec["network"] = {"name": "unet", "width": 8, "multipliers": [1], "attention": "none"}
    model = Model(spec, data.layout)
    model.fit_scales(data)
    assert model.field_mean[0] == pytest.approx(
        data.dataset["t"].to_numpy()[:, 3:].mean(), rel=1e-5
    )
    batch = data.batch(np.arange(60))
    given = model.condition_scaler.normalise(model.condition(batch))
    # Over time, at each point: what the weather changes, beside what differs between points.
    varies = given[:, :, 0].std(dim=0).flatten(1).amax(dim=1)
    assert varies[0] > 0.2, f"the mean level varies by {varies[0]:.3f} of its channel's scale"
    torch.testing.assert_close(
        model.representation.decode(model.target(batch), data.layout.grid)
        + model._origin(batch).state,
        batch["state"],
        rtol=1e-5,
        atol=1e-4,
    )


@pytest.mark.parametrize("representation", REPRESENTATIONS, ids=lambda r: r.get("family", "id"))
def test_a_relative_model_begins_as_persistence(waves: Trajectories, representation: dict) -> None:
    model = build(
        waves, representation={**representation, "relative": True}, objective=OBJECTIVES[1]
    )
    batch = waves.batch(np.arange(4))
    last = batch["initial"][:, :, None]
    departure = model.representation.encode(batch["state"] - last)
    torch.testing.assert_close(model.target(batch), departure)
    # The network's last layer starts at zero: what is left is the mean departure in training.
    channels = model.target_scaler.denormalise(torch.zeros_like(departure))
    mean = model.representation.decode(channels, waves.layout.grid)
    torch.testing.assert_close(model.predict(batch, generators(4)).state, last + mean)


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
    waves: Trajectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = build(waves)
    monkeypatch.setattr(dataset, "BLOCK_BYTES", 3 * waves.dataset.nbytes // len(waves))
    assert [waves.block(), waves.block(most=2)] == [3, 2]
    for name, values in build(waves).state_dict().items():
        torch.testing.assert_close(values, whole.state_dict()[name], rtol=1e-6, atol=1e-7)

    monkeypatch.setattr(models, "SCALE_SAMPLES", 7)
    part = build(waves)
    first = waves.batch(np.arange(7))
    expected = first["state"].mean(dim=(0, 2, 3))
    torch.testing.assert_close(part.field_mean, expected, rtol=1e-5, atol=1e-7)
    assert not torch.allclose(part.target_scaler.scale, whole.target_scaler.scale, rtol=1e-3)
    for scaler, values in (
        (part.target_scaler, part.target(first)),
        (part.condition_scaler, part.condition(first)),
    ):
        spread = values.transpose(0, 1).flatten(1).std(1, correction=0)
        torch.testing.assert_close(scaler.scale, spread, rtol=1e-5, atol=1e-7)
