"""Collected data are solutions under a method's controls, in the format of the training set."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from small_smoke import smoke as small_smoke
from waves import make_data

from wdno.data.dataset import Trajectories
from wdno.data.joined import JoinedTrajectories
from wdno.data.netcdf import DataError
from wdno.evaluation.job import Job
from wdno.solvers.grids import DivergedError
from wdno.systems.burgers import Burgers
from wdno.tasks.control import collection
from wdno.tasks.control.cases import Cases
from wdno.tasks.control.collection import collect
from wdno.tasks.control.evaluation import evaluate

MakeJob = Callable[..., Job]
GUIDED = {
    "model": "wdno",
    "sampler": {"name": "ddim", "steps": 3, "eta": 1.0},
    "control": {
        "controller": {
            "name": "guided",
            "guidance": [{"name": "tilt"}],
            "weights": [0.0, 0.1],
            "validation_cases": 2,
        }
    },
}


def made(job: Job, path: Path, cases: int | None = None, code: str = "code") -> xr.Dataset:
    output = path / "seed1.nc"
    collect(job, cases=cases, output=output, state=path / "state", code=code)
    assert not (path / "state").exists()
    return xr.load_dataset(output, decode_times=False)


def test_the_file_holds_solutions_under_the_controls(
    make_job: MakeJob, folder: Path, some: Cases, burgers: Burgers, tmp_path: Path
) -> None:
    job = make_job(GUIDED, "control_diffusion")
    found = made(job, tmp_path)
    # Its training set is the test set, whose controls an evaluation finds just so.
    record = evaluate(job)
    control = torch.from_numpy(found["f"].to_numpy())[:, None].double()
    np.testing.assert_allclose(control[:2, 0], record.shown()["control"][:, 0], rtol=1e-6)
    outcome = burgers.run(some.first, control)
    np.testing.assert_allclose(found["u"][:, 1:], outcome["state"][:, 0], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["u"][:, 0], some.first[:, 0])
    told = json.loads(found.attrs["collected"])
    assert told["method"] == "own" and told["notes"]["weight"] in (0.0, 0.1)
    assert set(told["models"]) == {"model"}
    with xr.open_dataset(folder / "test.nc", decode_times=False) as training:
        assert found.sizes == training.sizes and set(found) == set(training)
        np.testing.assert_array_equal(found["seed"], training["seed"])
        for name in ("u", "f", "time", "x"):
            xr.testing.assert_identical(found[name].variable[:0], training[name].variable[:0])
    joined = JoinedTrajectories([folder / "test.nc", tmp_path / "seed1.nc"], [None, 4])
    last = joined.batch(np.array([6]))["state"][0, :, -1]
    np.testing.assert_allclose(last, outcome["state"][0, :, -1], rtol=1e-5, atol=1e-6)


def test_a_baseline_needs_no_model(make_job: MakeJob, some: Cases, tmp_path: Path) -> None:
    found = made(make_job({"baseline": "constant"}), tmp_path, cases=3)
    assert found.sizes["sample"] == 3 and not found["f"].any()


def test_an_interrupted_call_goes_on(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(GUIDED, "control_diffusion")  # four cases at a time
    whole = made(job, tmp_path / "whole")
    stopped = tmp_path / "stopped"
    cases_at, asked = collection.cases_at, []

    def until_stopped(data: object, numbers: np.ndarray) -> Cases:
        asked.append(numbers.tolist())
        if len(asked) == 2:
            raise KeyboardInterrupt
        return cases_at(data, numbers)  # type: ignore[arg-type]

    monkeypatch.setattr(collection, "cases_at", until_stopped)
    with pytest.raises(KeyboardInterrupt):
        made(job, stopped)
    resumed = made(job, stopped)
    assert asked == [[0, 1, 2, 3], [4, 5], [4, 5]]
    xr.testing.assert_equal(resumed, whole)
    asked.clear()
    with pytest.raises(KeyboardInterrupt):
        made(job, stopped)
    made(job, stopped, code="other")
    assert asked[2:] == [[0, 1, 2, 3], [4, 5]], "parts of other code were taken up"


def test_what_cannot_be_collected_is_refused(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="7 cases are to be controlled, it holds 6"):
        made(make_job({"baseline": "data"}), tmp_path, cases=7)

    def none_left(self: Burgers, *arguments: object, **options: object) -> None:
        raise DivergedError([1], "the solution is not finite", "use more steps")

    monkeypatch.setattr(Burgers, "sampled", none_left)
    with pytest.raises(DivergedError, match=r"training cases \[1\]: the solution is not finite"):
        made(make_job({"baseline": "data"}), tmp_path)


def test_smoke_is_collected_with_all_that_its_files_hold(make_job: MakeJob, tmp_path: Path) -> None:
    system = small_smoke(steps=16)
    training = make_data(tmp_path / "test.nc", system=system, count=3)
    job = make_job({"baseline": "data"}, smoke=tmp_path)
    found = made(job, tmp_path / "collected")
    given = Trajectories(training)
    with xr.open_dataset(training, decode_times=False) as dataset:
        assert set(found) == set(dataset) and set(found.coords) == set(dataset.coords)
        first = torch.from_numpy(np.stack([dataset[n] for n in given.layout.state], 1)[:, :, 0])
    mask = torch.from_numpy(system.control_mask())[None, :, None]
    control = torch.from_numpy(np.stack([found[n] for n in given.layout.forcing], 1))
    assert not (control * ~mask).any()
    outcome = system.run(first.double(), control.double())
    for number, name in enumerate(given.layout.state):
        np.testing.assert_allclose(
            found[name][:, 1:], outcome["state"][:, number], rtol=1e-4, atol=1e-5
        )
    np.testing.assert_allclose(found["share"][:, 1:], outcome["series"][:, 0], atol=1e-6)
    np.testing.assert_allclose(found["smoke_lost"], outcome["lost"], atol=1e-6)
    joined = JoinedTrajectories([training, tmp_path / "collected/seed1.nc"], [None, None])
    assert len(joined) == 6


def test_another_method_or_model_takes_up_no_parts(make_job: MakeJob) -> None:
    job = make_job(GUIDED, "control_diffusion")
    other = make_job(GUIDED, "control_regression")
    again = dataclasses.replace(job, seed=2)
    prints = {collection._fingerprint(one) for one in (job, other, again)}
    assert len(prints) == 3
