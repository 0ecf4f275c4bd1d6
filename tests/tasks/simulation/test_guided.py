"""Predictions that are guided by what is given, and by the equation of the system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from models import NETWORKS, REPRESENTATIONS, build, generators
from waves import make_data

from wdno import model as models
from wdno.config import EvaluationOptions
from wdno.config.root import Method
from wdno.data.dataset import ProblemData, Trajectories
from wdno.data.grid import grid_of
from wdno.data.statistics import measure_statistics, write_statistics
from wdno.diffusion.guidance import REGISTRY
from wdno.evaluation.job import Job
from wdno.systems.advection import AdvectionOptions
from wdno.systems.advection import System as Advection
from wdno.tasks.simulation.evaluation import evaluate
from wdno.tasks.simulation.guided import ByEquation
from wdno.tasks.simulation.options import Options
from wdno.tasks.simulation.problem import data as simulation

SYSTEM = AdvectionOptions.model_validate({"grid": {"time": 16, "x": 24}, "t_end": 0.5})
JOINT = {"name": "joint_diffusion", "prediction": "x0"}
DDIM: dict[str, Any] = {"name": "ddim", "steps": 10, "eta": 0.0}
EQUATION = {"guidance": {"name": "tilt", "weight": 300.0}, "below": 0.5}
OBSERVE = {"name": "dps", "weight": 5.0}
FACTS = {"training_seconds": 1.0, "training_steps": 2}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("advected") / "test.nc", system=Advection(SYSTEM))


@pytest.fixture
def advected(file: Path) -> ProblemData:
    return simulation(Trajectories(file))


def by_equation(data: ProblemData, model: models.Model, below: float = 0.5) -> ByEquation:
    grid = grid_of(data.trajectories.dataset)
    guidance = REGISTRY.build("tilt", weight=100.0)
    return ByEquation(model, Advection(SYSTEM), grid, 2.0, guidance, below)


@pytest.mark.parametrize("representation", REPRESENTATIONS[:2], ids=lambda r: r["name"])
def test_the_energy_is_the_residual_in_physical_units(
    advected: ProblemData, representation: dict
) -> None:
    model = build(advected, representation=representation)
    guide, batch = by_equation(advected, model), advected.batch(np.arange(5))
    found = guide.energy(batch, model.encode(batch, batch))
    stored = advected.trajectories.batch(np.arange(5))
    state = stored["state"].double().numpy()
    residual = guide.equation.residual(state, stored["forcing"].double().numpy(), guide.grid)
    expected = np.sqrt(np.square(residual).mean((1, 2, 3))) / 2.0
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-3)


@pytest.mark.parametrize("objective", ["diffusion", "flow_matching", "joint_diffusion"])
def test_the_residual_falls_where_it_is_guided(advected: ProblemData, objective: str) -> None:
    options = {"name": objective, "prediction": "x0"}
    model = build(advected, network=NETWORKS[1], objective=options)
    guide, batch = by_equation(advected, model), advected.batch(np.arange(4))
    plain, guided = (
        model.predict(batch, generators(4), DDIM, guide=each) for each in (None, guide(batch))
    )
    before, after = (guide.energy(batch, model.encode(drawn, batch)) for drawn in (plain, guided))
    assert (after < 0.95 * before).all(), (before, after)
    one = advected.batch(np.array([2]))
    alone = model.predict(one, generators(3)[2:], DDIM, guide=guide(one))
    torch.testing.assert_close(alone["state"], guided["state"][2:3], rtol=1e-3, atol=1e-3)


def job(folder: Path, test: Path, section: dict[str, Any]) -> Job:
    write_statistics(test, folder / "statistics.nc")
    method = {"model": "own", "sampler": DDIM, "cases": 4, "simulation": section}
    return Job(
        run="laptop",
        system="advection",
        system_options=SYSTEM,
        task="simulation",
        method="own",
        seed=1,
        options=Method.model_validate(method),
        task_options=Options(methods=["own"]),
        evaluation=EvaluationOptions(batch_size=3, examples=2),
        data={"test": test},
        statistics=folder / "statistics.nc",
        models={"model": folder / "model.safetensors"},
    )


def test_a_record_of_a_guided_method(tmp_path: Path, file: Path, advected: ProblemData) -> None:
    trained = build(advected, network=NETWORKS[1], objective=JOINT)
    models.save(tmp_path / "model.safetensors", trained, trained.state_dict(), FACTS)
    found = {
        name: evaluate(job(tmp_path, file, section))
        for name, section in (
            ("plain", {}),
            ("observed", {"observe": OBSERVE}),
            ("both", {"observe": OBSERVE, "equation": EQUATION}),
            ("none", {"observe": {**OBSERVE, "weight": 0.0}}),
        )
    }
    errors = {name: record.mean("mse") for name, record in found.items()}
    assert len(set(errors.values())) == 4, errors
    design = found["both"].design
    assert design.options["equation"]["guidance"] == EQUATION["guidance"]
    assert design.options["observe"] == OBSERVE
    grid = grid_of(advected.trajectories.dataset)
    spread = measure_statistics(file).standard_deviation[0]
    unit = spread / grid.frames.spacing
    guide = ByEquation(trained, Advection(SYSTEM), grid, float(unit), REGISTRY.build("dps"), 0.5)
    batch = advected.batch(np.arange(2))
    residuals = {}
    for name in ("observed", "both"):
        drawn = torch.from_numpy(found[name].shown()["prediction"].to_numpy())
        residuals[name] = guide.energy(batch, trained.encode({"state": drawn}, batch)).mean()
    assert residuals["both"] < 0.95 * residuals["observed"]


def test_a_system_without_an_equation_is_refused(
    tmp_path: Path, file: Path, advected: ProblemData
) -> None:
    trained = build(advected, objective=JOINT)
    models.save(tmp_path / "model.safetensors", trained, trained.state_dict(), FACTS)
    asked = job(tmp_path, file, {"equation": EQUATION})
    other = Job(**{**vars(asked), "system": "era5"})
    with pytest.raises(ValueError, match="system 'era5' has no equation in closed form"):
        evaluate(other)
