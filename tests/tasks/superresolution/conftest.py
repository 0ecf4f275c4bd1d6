"""Small systems, their data on a stored grid and on finer ones, and jobs on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from finer_data import Files, MakeJob
from models import build
from small_smoke import smoke
from waves import make_data

from wdno import model as models
from wdno.config import EvaluationOptions, MethodOptions
from wdno.config.root import Method
from wdno.data.dataset import Trajectories
from wdno.data.statistics import write_statistics
from wdno.evaluation.job import Job
from wdno.systems.burgers import Burgers, BurgersOptions
from wdno.tasks.simulation.problem import data as simulation
from wdno.tasks.superresolution.options import Options

DIFFUSION = {"name": "diffusion", "prediction": "x0"}
TRAINED = {"training_seconds": 1.0, "training_steps": 2}


def burgers(**grid: int) -> Burgers:
    options = {"grid": grid, "finite_difference": {"points": 128, "steps": 4800}}
    return Burgers(BurgersOptions.model_validate(options))


@pytest.fixture(scope="session")
def equation(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Burgers, where time and space are doubled, twice."""
    folder = tmp_path_factory.mktemp("equation")
    stored, fine = burgers(time=8, x=16), burgers(time=32, x=64)
    return Files(
        "burgers",
        stored,
        make_data(folder / "train.nc", system=stored, count=6),
        make_data(folder / "fine.nc", system=fine, count=6),
        Options(methods=["own"]),
    )


@pytest.fixture(scope="session")
def plumes(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Smoke, where space is doubled, once."""
    folder = tmp_path_factory.mktemp("plumes")
    stored, fine = smoke(grid={"time": 4, "cells": 8}), smoke(grid={"time": 4, "cells": 16})
    return Files(
        "smoke",
        stored,
        make_data(folder / "train.nc", system=stored, count=4),
        make_data(folder / "fine.nc", system=fine, count=4),
        Options(methods=["own"], time=False),
    )


IDENTITY = {"name": "identity"}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, equation: Files, plumes: Files) -> Path:
    """Models with random weights: `{system}_{base, model}`, and one of regression."""
    folder = tmp_path_factory.mktemp("models")
    for files in (equation, plumes):
        write_statistics(files.stored, folder / f"{files.name}_statistics.nc")
        base = simulation(Trajectories(files.stored))
        levels = files.data(levels=2 if files is equation else 1)
        for name, of, objective in (
            ("base", base, DIFFUSION),
            ("regression", base, {"name": "regression"}),
            ("model", levels, DIFFUSION),
        ):
            model = build(of, objective=objective, representation=IDENTITY)
            torch.manual_seed(1)
            with torch.no_grad():
                for weights in model.parameters():
                    weights.add_(0.01 * torch.randn_like(weights))
            path = folder / f"{files.name}_{name}.safetensors"
            models.save(path, model, model.state_dict(), TRAINED)
    return folder


@pytest.fixture
def make_job(trained: Path) -> MakeJob:
    """A function of data, a method and its checkpoints by role to its job."""

    def make(files: Files, method: dict[str, Any], name: str = "own", **roles: str) -> Job:
        options: MethodOptions = Method.model_validate(method)
        return Job(
            run="tiny",
            system=files.name,
            system_options=files.settings,
            task="superresolution",
            method=name,
            seed=1,
            options=options,
            task_options=files.options,
            evaluation=EvaluationOptions(batch_size=4, examples=2),
            data={"fine": files.fine},
            statistics=trained / f"{files.name}_statistics.nc",
            models={role: trained / f"{files.name}_{of}.safetensors" for role, of in roles.items()},
        )

    return make
