"""A trained model asked for cases of a file: the right numbers, well described."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import models as small
import numpy as np
import pytest
import torch
import xarray as xr
from saved_models import DDIM, REGRESSION, content, saved
from waves import Waves, make_data

import wdno
from wdno import model as models
from wdno.data.dataset import Trajectories
from wdno.data.netcdf import DataError, write
from wdno.evaluation.predictor import sample_seed
from wdno.files import digest_of
from wdno.systems.base import Field, Static
from wdno.tasks.control import problem as control


def test_samples_are_those_of_the_model_and_of_its_evaluation(file: Path, drawing: Path) -> None:
    found = wdno.predict(drawing, file, samples=3, sampler=DDIM, seed=5, batch_size=4)
    assert found["u"].dims == ("sample", "realization", "time", "x")
    model, _ = models.load(drawing)
    batch = Trajectories(file).batch(np.arange(6))
    given = {"first": batch["state"][:, :, 0], "forcing": batch["forcing"]}
    for m in range(3):
        # The seed of an evaluation's sample m of case k.
        noise = [torch.Generator().manual_seed(sample_seed(5, k, m)) for k in range(6)]
        expected = model.predict(given, noise, DDIM)["state"][:, 0].numpy()
        # Batches of another size are summed in another order.
        np.testing.assert_allclose(found["u"][:, m], expected, rtol=1e-4, atol=1e-5)
    again = wdno.predict(drawing, file, samples=3, sampler=DDIM, seed=5, batch_size=4)
    xr.testing.assert_equal(found, again)
    other = wdno.predict(drawing, file, samples=3, sampler=DDIM, seed=6, batch_size=4)
    assert float(abs(other["u"] - found["u"]).min("time").max()) > 0.01


def test_a_prediction_that_is_not_drawn(file: Path, regression: Path) -> None:
    found = wdno.predict(regression, file, cases=2)
    model, _ = models.load(regression)
    batch = Trajectories(file).batch(np.arange(2))
    given = {"first": batch["state"][:, :, 0], "forcing": batch["forcing"]}
    expected = model.predict(given, [])["state"][:, 0].numpy()
    np.testing.assert_array_equal(found["u"][:, 0], expected)
    assert found.attrs["sampler"] == "none"


def test_an_ensemble_says_what_it_is(file: Path, drawing: Path) -> None:
    found, source = wdno.predict(drawing, file, samples=2, cases=3), content(file)
    assert dict(found.sizes) == {"sample": 3, "realization": 2, "time": 16, "x": 24}
    assert found["realization"].attrs["standard_name"] == "realization"
    assert found["u"].attrs == source["u"].attrs, "units and names of the inputs"
    for name, expected in {"time": source["time"][1:], "x": source["x"]}.items():
        xr.testing.assert_identical(found[name], expected)
    xr.testing.assert_equal(found["seed"], source["seed"][:3])
    said = found.attrs
    assert said["Conventions"].startswith("CF-")
    assert (said["system"], said["title"]) == ("waves", "Waves: 2 predictions of each case")
    assert said["model_sha256"] == digest_of(drawing) and said["model_file"] == str(drawing)
    assert said["inputs_sha256"] == digest_of(file) and said["inputs_file"] == str(file)
    assert said["inputs_provenance"] == source.attrs["provenance"]
    facts = json.loads(said["model_facts"])
    assert facts["model"] == "small" and facts["spec"]["network"]["name"] == "unet"
    usual = json.loads(said["sampler"])
    assert (usual["name"], usual["steps"], usual["eta"]) == ("ddim", 4, 0.0)
    assert said["seed"] == 0 and json.loads(said["provenance"])["versions"]["wdno"]
    assert said["date_created"] in said["history"]


def without_future(data: xr.Dataset) -> xr.Dataset:
    return data.drop_dims("time").assign(u=data["u"][:, :1])


def without_truth(data: xr.Dataset) -> xr.Dataset:
    u = data["u"].copy()
    u[:, 1:] = np.nan
    return data.assign(u=u)


def bare(data: xr.Dataset) -> xr.Dataset:
    """Names and values alone, in another order."""
    u, f = data["u"][:, :1].transpose("x", "time", "sample"), data["f"]
    plain = {"f": (f.dims, f.to_numpy()), "u": (u.dims, u.to_numpy().astype("f8"))}
    return xr.Dataset(plain)


@pytest.mark.parametrize("change", [without_future, without_truth, bare])
def test_the_given_parts_are_enough(
    file: Path, regression: Path, change: Callable[[xr.Dataset], xr.Dataset]
) -> None:
    expected = wdno.predict(regression, file)
    found = wdno.predict(regression, change(content(file)))
    np.testing.assert_array_equal(found["u"], expected["u"])
    np.testing.assert_allclose(found["time"], expected["time"])
    np.testing.assert_allclose(found["x"], expected["x"], atol=1e-12)


def test_a_case_without_a_number_and_a_zarr_folder(
    file: Path, regression: Path, tmp_path: Path
) -> None:
    pytest.importorskip("zarr")
    one = content(file).isel(sample=2, drop=True)
    one.to_zarr(tmp_path / "one.zarr", consolidated=False)
    found = wdno.predict(regression, tmp_path / "one.zarr")
    expected = wdno.predict(regression, file, cases=3)
    np.testing.assert_allclose(found["u"][0], expected["u"][2], rtol=1e-4, atol=1e-5)
    assert found.attrs["inputs_sha256"] == digest_of(tmp_path / "one.zarr")
    (tmp_path / "one.zarr" / "more").write_text("x")
    assert found.attrs["inputs_sha256"] != digest_of(tmp_path / "one.zarr")


def test_other_grids_of_the_same_domain(file: Path, drawing: Path, tmp_path: Path) -> None:
    finer = make_data(tmp_path / "finer.nc", system=Waves(32, 48), count=2)
    found = wdno.predict(drawing, finer, sampler=DDIM, seed=1)
    model = models.load(drawing)[0].on_grid((32, 48))
    batch = Trajectories(finer).batch(np.arange(2))
    given = {"first": batch["state"][:, :, 0], "forcing": batch["forcing"]}
    noise = [torch.Generator().manual_seed(sample_seed(1, k, 0)) for k in range(2)]
    expected = model.predict(given, noise, DDIM)["state"][:, 0].numpy()
    np.testing.assert_array_equal(found["u"][:, 0], expected)
    longer = content(finer).assign_coords(x=content(finer)["x"] * 1.5)
    with pytest.raises(DataError, match=r"'x' has 48 points at 0 to 1.46875, the model .* on 24"):
        wdno.predict(drawing, longer)
    later = content(finer).assign_coords(time=content(finer)["time"] * 2)
    with pytest.raises(DataError, match=r"frames are at 0 to 2, .*give frames of the same time"):
        wdno.predict(drawing, later)
    untold = content(finer).drop_vars("x")
    with pytest.raises(DataError, match="give the coordinate 'x'"):
        wdno.predict(drawing, untold)


def test_a_model_that_steps_goes_on_as_long_as_there_is_forcing(file: Path, tmp_path: Path) -> None:
    axes = {"representation": small.REPRESENTATIONS[0], "objective": small.STEPPING}
    model = saved(tmp_path / "m.safetensors", Trajectories(file), "simulation", **axes)
    shorter = content(file).isel(time=slice(9), interval=slice(8))
    found = wdno.predict(model, shorter)
    whole = wdno.predict(model, file)
    np.testing.assert_allclose(found["u"], whole["u"][:, :, :8], rtol=1e-4, atol=1e-5)
    with pytest.raises(
        DataError, match="those of the model's training at 0 to 1, 17 of them; keep its step"
    ):
        wdno.predict(model, shorter.assign_coords(time=shorter["time"] * 2))


class Pond(Waves):
    """Waves with their mean height, over a ground that has a coordinate of its own."""

    fields: ClassVar = (*Waves.fields, Field("mean", "series", "m", "mean height"))

    def static(self) -> tuple[Static, ...]:
        place = np.linspace(0.0, 1.0, 7)
        return (
            Static("ground", ("place",), np.sin(place), "m", "height of the ground"),
            Static("place", ("place",), place, "m", "position on the ground"),
        )

    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, np.ndarray]:
        found = super().generate(seeds, threads=threads)
        return {**found, "mean": found["u"].mean(2) + 1}


def test_series_and_a_scene(tmp_path: Path) -> None:
    file = make_data(tmp_path / "pond.nc", system=Pond(), count=3)
    axes = {"representation": small.REPRESENTATIONS[0], "objective": REGRESSION}
    trajectories = Trajectories(file)
    model = saved(tmp_path / "m.safetensors", trajectories, "simulation", **axes)
    found, source = wdno.predict(model, file), content(file)
    assert found["mean"].dims == ("sample", "realization", "time")
    assert found["mean"].attrs == source["mean"].attrs
    batch = trajectories.batch(np.arange(3))
    first, series = batch["state"][:, :, 0], batch["series"][:, :, 0]
    given = {"first": first, "forcing": batch["forcing"], "first_series": series}
    asked = models.load(model)[0].predict(given, [])
    np.testing.assert_array_equal(found["mean"][:, 0], asked["series"][:, 0])
    np.testing.assert_array_equal(found["u"][:, 0], asked["state"][:, 0])
    for name in ("ground", "place"):
        xr.testing.assert_identical(found[name], source[name])
    write(tmp_path / "ensemble.nc", found)
    xr.testing.assert_equal(content(tmp_path / "ensemble.nc"), found)
    with pytest.raises(DataError, match="has another scene"):
        wdno.predict(model, source.assign(ground=source["ground"] * 0))
    with pytest.raises(DataError, match=r"variables u, f, mean; mean is missing"):
        wdno.predict(model, source.drop_vars("mean"))


def test_controls_are_drawn_from_the_end_that_is_given(tmp_path: Path) -> None:
    from wdno.systems.burgers import Options, System

    options = Options.model_validate({"grid": {"time": 8, "x": 16}})
    file = make_data(tmp_path / "burgers.nc", system=System(options), count=3)
    data = control.data(Trajectories(file))
    axes = {"representation": small.REPRESENTATIONS[0]}
    model = saved(tmp_path / "m.safetensors", data, "control", **axes)
    source = content(file).drop_vars("f")
    found = wdno.predict(model, source, sampler=DDIM)
    assert found["f"].dims == ("sample", "realization", "interval", "x")
    np.testing.assert_allclose(found["interval"], content(file)["interval"])
    batch = data.batch(np.arange(3))
    noise = [torch.Generator().manual_seed(sample_seed(0, k, 0)) for k in range(3)]
    given = {part.name: batch[part.name] for part in data.problem.given}
    expected = models.load(model)[0].predict(given, noise, DDIM)
    np.testing.assert_array_equal(found["f"][:, 0], expected["forcing"][:, 0])
    with pytest.raises(DataError, match="'u0' of case 0, given as 'last', is missing"):
        wdno.predict(model, source.isel(time=slice(1)))


def test_the_package_is_light() -> None:
    code = "import sys, wdno; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="predikt"):
        wdno.predikt  # noqa: B018
