"""A small Burgers system, its data, and jobs of control on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from models import build
from small_smoke import smoke as small_smoke
from waves import make_data

from wdno import model as models
from wdno.config import EvaluationOptions, MethodOptions
from wdno.config.root import Method
from wdno.data.dataset import Trajectories
from wdno.data.statistics import write_statistics
from wdno.evaluation.job import Job
from wdno.systems.burgers import Burgers, BurgersOptions
from wdno.tasks.control import problem
from wdno.tasks.control.cases import Cases, cases
from wdno.tasks.control.objective import CountedObjective
from wdno.tasks.control.options import Options
from wdno.tasks.simulation.problem import data as simulation

OPTIONS = BurgersOptions.model_validate(
    {"grid": {"time": 10, "x": 16}, "finite_difference": {"points": 60, "steps": 4800}}
)
OBJECTIVES = ({"name": "diffusion", "prediction": "x0"}, {"name": "regression"})
FRAMES = {
    "representation": {"name": "identity"},
    "network": {"name": "mlp", "grid": [16], "width": 16},
}
TRAINED = {"training_seconds": 1.0, "training_steps": 2}


@pytest.fixture(scope="session")
def burgers() -> Burgers:
    return Burgers(OPTIONS)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, burgers: Burgers) -> Path:
    """Test data of Burgers, statistics, and models of both tasks with random weights."""
    folder = tmp_path_factory.mktemp("control")
    test = make_data(folder / "test.nc", system=burgers, count=6)
    write_statistics(test, folder / "statistics.nc")
    trajectories = Trajectories(test)
    for name, data in (
        ("control", problem.data(trajectories)),
        ("simulation", simulation(trajectories)),
    ):
        for objective in OBJECTIVES:
            model = build(data, objective=objective)
            torch.manual_seed(1)
            with torch.no_grad():
                for weights in model.parameters():
                    weights.add_(0.01 * torch.randn_like(weights))
            path = folder / f"{name}_{objective['name']}.safetensors"
            models.save(path, model, model.state_dict(), TRAINED)
    policy = problem.data(trajectories, framewise=True)
    model = build(policy, objective={"name": "framewise"}, **FRAMES)
    models.save(folder / "policy.safetensors", model, model.state_dict(), TRAINED)
    return folder


@pytest.fixture
def some(folder: Path) -> Cases:
    """All six cases."""
    return next(cases(problem.data(Trajectories(folder / "test.nc")), 6))


@pytest.fixture
def objective(burgers: Burgers) -> CountedObjective:
    return CountedObjective(burgers, burgers.term_weights)


MakeJob = Callable[..., Job]


@pytest.fixture
def make_job(folder: Path) -> MakeJob:
    """A function of a method and its checkpoint to its job."""

    def make(
        method: dict[str, Any],
        checkpoint: str = "",
        *,
        name: str = "own",
        smoke: Path | None = None,
        **task: Any,
    ) -> Job:
        options: MethodOptions = Method.model_validate(method)
        files = smoke or folder
        return Job(
            run="tiny",
            system="smoke" if smoke else "burgers",
            system_options=small_smoke(steps=16).options if smoke else OPTIONS,
            task="control",
            method=name,
            seed=1,
            options=options,
            task_options=Options(methods=[name], **task),
            evaluation=EvaluationOptions(batch_size=4, examples=2),
            data={split: files / "test.nc" for split in ("test", "train", "validation")},
            statistics=files / "statistics.nc",
            models={"model": folder / f"{checkpoint}.safetensors"} if checkpoint else {},
        )

    return make
