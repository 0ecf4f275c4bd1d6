"""Trajectories on halved grids, and a model of simulation that learns from several."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from calendar_system import Days
from models import NETWORKS, build
from waves import Waves, make_data

from wdno import config as configuration
from wdno import model as models
from wdno.config import EvaluationOptions
from wdno.config.root import Method
from wdno.data.dataset import Trajectories
from wdno.data.grid import grid_of
from wdno.data.halved import HalvedData, HalvedTrajectories
from wdno.data.netcdf import DataError
from wdno.data.statistics import measure_statistics, write_statistics
from wdno.evaluation.job import Job
from wdno.grids.maps import restrict
from wdno.problem import Problem
from wdno.systems.advection import AdvectionOptions
from wdno.tasks.simulation.evaluation import evaluate
from wdno.tasks.simulation.options import Options
from wdno.tasks.simulation.problem import data as simulation

INDICES = np.array([3, 0])
FNO = {"representation": {"name": "identity"}, "network": NETWORKS[1]}
REGRESSION = {"objective": {"name": "regression"}}
TINY = Path(__file__).parent.parent / "config" / "tiny.yaml"


def mixed(waves: Trajectories, *halvings: int) -> HalvedData:
    return HalvedData(waves, halvings, simulation)


@pytest.mark.parametrize("halvings", [1, 2])
def test_samples_are_those_of_the_file_restricted_by_coordinates(
    waves: Trajectories, halvings: int
) -> None:
    halved = HalvedTrajectories(waves, halvings)
    found, stored = halved.batch(INDICES), waves.batch(INDICES)
    step = 2**halvings
    # Generated frames and the given one: every second time; the first point of space stays.
    assert torch.equal(found["state"], stored["state"][:, :, ::step, ::step])
    means = stored["forcing"][..., ::step].unfold(2, step, step).mean(-1)
    torch.testing.assert_close(found["forcing"], means)
    finest = grid = grid_of(waves.dataset)
    for _ in range(halvings):
        grid = grid.coarser(time=True)
    for role in ("state", "forcing"):
        expected = restrict(stored[role], finest.axes(role), grid.axes(role))
        assert torch.equal(found[role], expected), role
    np.testing.assert_allclose(halved.coordinates["time"], waves.coordinates["time"][::step])
    np.testing.assert_allclose(halved.coordinates["x"], waves.coordinates["x"][::step])
    assert halved.layout.grid == (16 // step, 24 // step) == grid.shape
    assert len(halved) == len(waves) and halved.attributes["halvings"] == halvings
    again = pickle.loads(pickle.dumps(halved)).batch(INDICES)
    assert torch.equal(again["state"], found["state"])


def test_a_batch_is_of_one_grid(waves: Trajectories) -> None:
    both, count = mixed(waves, 0, 2), len(waves)
    assert both.groups == (count, count) and len(both) == 2 * count
    fine, coarse = both.batch(np.array([1, 0])), both.batch(np.array([count + 1, count]))
    assert fine["grid_level"].tolist() == [0, 0] and coarse["grid_level"].tolist() == [2, 2]
    assert coarse["index"].tolist() == [count + 1, count]
    assert torch.equal(fine["state"], simulation(waves).batch(np.array([1, 0]))["state"])
    expected = simulation(HalvedTrajectories(waves, 2)).batch(np.array([1, 0]))
    for name in ("first", "forcing", "state"):
        assert torch.equal(coarse[name], expected[name]), name
    with pytest.raises(ValueError, match="samples of the levels"):
        both.batch(np.array([0, count]))


def test_grids_that_cannot_be_halved_are_refused(tmp_path: Path, waves: Trajectories) -> None:
    with pytest.raises(DataError, match="cannot be halved 4 times"):
        HalvedTrajectories(waves, 4)
    days = Trajectories(make_data(tmp_path / "days.nc", system=Days(stride=7), count=4))
    if days.layout.given_frames > 1:
        with pytest.raises(DataError, match=r"(frames are given|cannot be halved)"):
            HalvedTrajectories(days, 1)


def job(folder: Path, test: Path, **section: Any) -> Job:
    write_statistics(test, folder / "statistics.nc")
    chosen = {"model": "fno", "cases": 6, "simulation": section or None}
    return Job(
        run="laptop",
        system="waves",
        system_options=AdvectionOptions(),
        task="simulation",
        method="own",
        seed=1,
        options=Method.model_validate(chosen),
        task_options=Options(methods=["own"]),
        evaluation=EvaluationOptions(batch_size=4, examples=2),
        data={"test": test},
        statistics=folder / "statistics.nc",
        models={"model": folder / "model.safetensors"},
    )


def test_one_network_learns_two_grids_and_is_judged_on_both(tmp_path: Path) -> None:
    file = make_data(tmp_path / "few.nc", system=Waves(frames=8, points=16), count=6)
    waves = Trajectories(file)
    both = mixed(waves, 0, 1)
    trained = build(both, **FNO, **REGRESSION)
    problem: Problem = trained.problem
    assert (problem.grid, problem.levels, problem.doubled) == ((8, 16), 1, (True, True))
    batches = [both.batch(np.arange(6)), both.batch(np.arange(6, 12))]
    before, after = [], []
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(trained.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 400)
    with torch.no_grad():
        before = [float(trained.loss_per_sample(b, generator).mean()) for b in batches]
    for step in range(400):
        optimiser.zero_grad()
        trained.loss_per_sample(batches[step % 2], generator).mean().backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        after = [float(trained.loss_per_sample(b, generator).mean()) for b in batches]
    assert max(after) < 0.03 * min(before), (before, after)

    trained.eval()
    facts = {"training_seconds": 1.0, "training_steps": 400}
    models.save(tmp_path / "model.safetensors", trained, trained.state_dict(), facts)
    for halvings, batch in enumerate(batches):
        record = evaluate(job(tmp_path, file, **({"halved": halvings} if halvings else {})))
        drawn = trained.predict(batch, [generator] * 6)["state"]
        expected = (drawn - batch["state"]).square().flatten(1).mean(1)
        np.testing.assert_allclose(record.score("mse"), expected, rtol=1e-4)
        assert record.identity.grid == {"time": 8 // 2**halvings, "x": 16 // 2**halvings}
        assert record.design.options == ({"halved": 1} if halvings else {})


def test_a_model_of_the_stored_grid_is_asked_on_a_coarser_one(
    tmp_path: Path, waves: Trajectories, waves_file: Path
) -> None:
    trained = build(waves, **FNO, **REGRESSION)
    facts = {"training_seconds": 1.0, "training_steps": 1}
    models.save(tmp_path / "model.safetensors", trained, trained.state_dict(), facts)
    record = evaluate(job(tmp_path, waves_file, halved=1))
    halved = simulation(HalvedTrajectories(waves, 1))
    batch = halved.batch(np.arange(6))
    drawn = trained.on_grid((8, 12)).predict(batch, [torch.Generator()] * 6)["state"]
    expected = (drawn - batch["state"]).square().flatten(1).mean(1)
    np.testing.assert_allclose(record.score("mse"), expected, rtol=1e-4)
    assert np.isfinite(measure_statistics(waves_file).standard_deviation).all()


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ("models: {fno: {data: {halvings: [0, 5]}}}", "cannot be halved 5 times"),
        ("models: {fno: {data: {halvings: [3], noise: 0.1}}}", "network.modes"),
        ("models: {fno: {data: {halvings: [1, 1]}}}", "halvings"),
        (
            "models: {fno: {network: {name: mlp, modes: null, grid: [16, 24]}, "
            "data: {halvings: [0, 1]}}}",
            "a piece that takes any size",
        ),
        ("models: {fno: {objective: {stepping: {}}, data: {halvings: [1]}}}", "one length"),
        (
            "systems: {burgers: {tasks: {control: {methods: [wdno]}}}}\n"
            "methods: {wdno: {samples: 1}}\n"
            "models: {wdno: {representation: {family: haar}, data: {halvings: [1]}}}",
            "learn from the grids that the task says",
        ),
        ("methods: {fno: {simulation: {halved: 1}}}", "compared on one grid"),
        ("methods: {fno: {simulation: {halved: 5}}}", "simulation.halved = 5"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_job(
    tmp_path: Path, overlay: str, message: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(overlay + "\n")
    default = Path(__file__).parents[2] / "config" / "config.yaml"
    with pytest.raises(configuration.ConfigError, match=message):
        configuration.load(default, TINY, file)
