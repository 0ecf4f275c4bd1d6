"""What a task is asked to evaluate."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from models import NETWORKS, OBJECTIVES, REPRESENTATIONS, STEPPING, build

from wdno import model as models
from wdno.config import EvaluationOptions, MethodOptions
from wdno.data.dataset import Trajectories
from wdno.evaluation.job import Job
from wdno.evaluation.record import Cost, Design, EvaluationError
from wdno.systems.advection import AdvectionOptions
from wdno.tasks.simulation.options import Options

DDIM = {"name": "ddim", "steps": 4}
TRAINED = {"training_seconds": 12.5, "training_steps": 30}


def job(folder: Path = Path(), **method: Any) -> Job:
    """A method on the test set of waves."""
    options = MethodOptions.model_validate(method or {"model": "wdno", "sampler": DDIM})
    return Job(
        run="laptop",
        system="waves",
        system_options=AdvectionOptions(),
        task="simulation",
        method="wdno",
        seed=3,
        options=options,
        task_options=Options(methods=["wdno"]),
        evaluation=EvaluationOptions(),
        data={"test": folder / "test.nc"},
        statistics=folder / "statistics.nc",
        models={} if options.model is None else {"model": folder / "model.safetensors"},
    )


def test_the_design_is_that_of_model_and_method(waves: Trajectories) -> None:
    model = build(waves)
    assert job(model="wdno", sampler=DDIM, samples=8).design(model, weight=2.0) == Design(
        representation="wavelet",
        network="unet",
        objective="diffusion",
        sampler={"name": "ddim", "steps": 4, "repeats": 1, "eta": 0.0, "spacing": "uniform"},
        samples=8,
        options={"weight": 2.0},
    )
    axes = {"representation": REPRESENTATIONS[0], "network": NETWORKS[1]}
    stepping = build(waves, **axes, objective=STEPPING)
    assert job(model="fno").design(stepping) == Design(
        representation="identity", network="fno", objective="regression", stepwise=True
    )
    assert not job(model="fno").design(build(waves, **axes, objective=OBJECTIVES[1])).stepwise
    assert job(baseline="persistence").design(None) == Design()


def test_the_cost_is_that_of_training_and_sampling(waves: Trajectories) -> None:
    model = build(waves)
    assert job().cost(model, TRAINED, 0.5, torch.device("cpu")) == Cost(
        evaluations=4,
        seconds=0.5,
        training_seconds=12.5,
        training_steps=30,
        parameters=model.parameter_count(),
        device="cpu",
    )
    axes = {"representation": REPRESENTATIONS[0], "network": NETWORKS[1]}
    regression = build(waves, **axes, objective=OBJECTIVES[1])
    assert job(model="fno").cost(regression, TRAINED, 0.5, "cpu").evaluations == 1
    stepping = build(waves, **axes, objective=STEPPING)
    assert job(model="fno").cost(stepping, TRAINED, 0.5, "cpu").evaluations == 16
    cost = job(baseline="persistence").cost(None, {}, math.nan, "cpu")
    assert (cost.evaluations, cost.parameters, cost.training_seconds) == (0, None, None)


def test_a_method_without_a_sampler_is_deterministic() -> None:
    assert not job().deterministic
    assert job(model="fno").deterministic
    assert job(baseline="persistence").deterministic
    assert job(model="fno").sampling is None


def test_cases_are_all_or_the_first_ones() -> None:
    assert job().cases(20) == 20
    limited = job(model="wdno", sampler=DDIM, cases=7)
    assert (limited.cases(20), limited.cases(5)) == (7, 5)


def test_the_identity_is_that_of_the_data(waves: Trajectories) -> None:
    identity = job().identity(waves, {"time": 16, "x": 24})
    assert (identity.run, identity.system, identity.task) == ("laptop", "waves", "simulation")
    assert (identity.title, identity.method, identity.seed) == ("Waves", "wdno", 3)
    assert identity.grid == {"time": 16, "x": 24}
    assert not identity.stand_in


def test_files_are_found_by_split_and_role(waves: Trajectories, tmp_path: Path) -> None:
    trained = build(waves)
    own = job(tmp_path)
    models.save(own.checkpoint(), trained, trained.state_dict(), TRAINED)
    model, metadata = own.load()
    assert model.problem == trained.problem
    assert metadata["training_steps"] == 30
    predict = own.predictor(model, "cpu")
    assert (predict.seed, predict.sampling) == (3, own.sampling)
    assert own.split("test") == tmp_path / "test.nc"
    with pytest.raises(EvaluationError, match=r"'fine', only: test; give it with --data"):
        own.split("fine")
    several = dataclasses.replace(own, models={"coarse": tmp_path, "fine": tmp_path})
    message = r"waves wdno: no trained model with the role 'model', only: coarse, fine; .* --model"
    with pytest.raises(EvaluationError, match=message):
        several.load()
