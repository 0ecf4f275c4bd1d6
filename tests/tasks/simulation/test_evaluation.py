"""From methods and data to records: predictors see what is given, scores what is generated."""

from __future__ import annotations

import json
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from calendar_system import Days
from models import build
from torch import Tensor
from waves import Waves, make_data

from wdno import model as models
from wdno.config import EvaluationOptions
from wdno.config.root import Method
from wdno.data.dataset import ProblemData, Trajectories
from wdno.data.statistics import Statistics, measure_statistics, write_statistics
from wdno.evaluation.job import Job
from wdno.evaluation.record import Record
from wdno.problem import ProblemError
from wdno.systems.advection import AdvectionOptions
from wdno.tasks.simulation.baselines import build as baseline
from wdno.tasks.simulation.evaluation import evaluate, predict_and_score
from wdno.tasks.simulation.metrics import METRICS
from wdno.tasks.simulation.options import Options
from wdno.tasks.simulation.problem import data as simulation

DDIM = {"name": "ddim", "steps": 3, "eta": 1.0}
FACTS = {"training_seconds": 12.5, "training_steps": 30}


@pytest.fixture(scope="module")
def statistics(waves_file: Path) -> Statistics:
    return measure_statistics(waves_file)


@pytest.fixture
def data(waves: Trajectories) -> ProblemData:
    return simulation(waves)


def job(folder: Path, test: Path, method: dict[str, Any], **evaluation: Any) -> Job:
    """A method on a test set, with statistics of the same file."""
    write_statistics(test, folder / "statistics.nc")
    options = Method.model_validate(method)
    return Job(
        run="laptop",
        system="waves",
        system_options=AdvectionOptions(),
        task="simulation",
        method="own",
        seed=1,
        options=options,
        task_options=Options(methods=["own"]),
        evaluation=EvaluationOptions(**{"batch_size": 3, "examples": 2, **evaluation}),
        data={"test": test},
        statistics=folder / "statistics.nc",
        models={"model": folder / "model.safetensors"} if options.model else {},
    )


def test_scores_are_those_of_the_generated_frames(
    data: ProblemData, statistics: Statistics
) -> None:
    persistence = baseline("persistence", data, statistics)
    outcome = predict_and_score(
        persistence, data, statistics, samples=1, cases=7, batch_size=3, examples=5
    )
    batch = data.batch(np.arange(7))
    error = (batch["state"] - batch["first"][:, :, None]).square()
    scores = outcome.scores
    np.testing.assert_allclose(scores["mse"], error.flatten(1).mean(1), rtol=1e-6)
    np.testing.assert_allclose(scores["mse_over_time"], error.mean(3), rtol=1e-5)
    np.testing.assert_allclose(scores["time"], np.arange(1, 17) / 16)
    examples = outcome.examples
    np.testing.assert_array_equal(examples["truth"], batch["state"][:5])
    np.testing.assert_array_equal(examples["given"], batch["first"][:5])
    repeated = batch["first"][:5, :, None].expand(-1, -1, 16, -1)
    np.testing.assert_array_equal(examples["prediction"], repeated)
    assert examples["example"].to_numpy().tolist() == [0, 1, 2, 3, 4]
    assert examples.attrs["given_time"] == 0.0


def test_a_record_of_a_baseline(tmp_path: Path, waves_file: Path) -> None:
    record = evaluate(job(tmp_path, waves_file, {"baseline": "persistence", "cases": 8}))
    record.check(METRICS)
    assert (record.cases, record.learned, record.blocks) == (8, False, None)
    assert record.identity.grid == {"time": 16, "x": 24}
    assert record.cost.device == "cpu" and record.cost.seconds > 0
    np.testing.assert_array_equal(record.score("crps"), record.score("mae"))
    examples = record.shown()
    assert examples["truth"].dims == ("example", "field", "time", "x")
    assert json.loads(examples.attrs["units"]) == {"u": "m"}
    assert examples["x"].attrs["units"] == "m"
    record.write(tmp_path / "out")
    assert Record.read(tmp_path / "out").mean("mse") == record.mean("mse")


def test_a_record_of_a_model(tmp_path: Path, waves: Trajectories, waves_file: Path) -> None:
    trained = build(waves)
    models.save(tmp_path / "model.safetensors", trained, trained.state_dict(), FACTS)
    method = {"model": "wdno", "sampler": DDIM, "samples": 2, "cases": 4}
    records = [evaluate(job(tmp_path, waves_file, method, batch_size=size)) for size in (1, 3, 4)]
    record = records[0]
    record.check(METRICS)
    assert (record.design.objective, record.design.samples) == ("diffusion", 2)
    assert (record.cost.evaluations, record.cost.training_steps) == (3, 30)
    assert record.mean("crps") < record.mean("mae"), "two samples are better than one"
    assert {"mse_mean", "spread"} <= set(record.score_names)
    for other in records[1:]:
        np.testing.assert_allclose(other.score("mse"), record.score("mse"), rtol=1e-4)
        np.testing.assert_allclose(other.score("crps"), record.score("crps"), rtol=1e-4)
        truth, drawn = other.shown()["truth"], record.shown()["truth"]
        np.testing.assert_array_equal(truth, drawn)


def test_what_is_given_may_be_measured_with_noise(tmp_path: Path, waves_file: Path) -> None:
    exact, noisy = (
        evaluate(job(tmp_path, waves_file, {"baseline": "persistence", "simulation": section}))
        for section in (None, {"noise": 2.0})
    )
    spread = float(measure_statistics(waves_file).standard_deviation[0])
    repeated = [record.shown()["prediction"].isel(time=0) for record in (exact, noisy)]
    error = (repeated[1] - repeated[0]).values
    assert float(error.std()) == pytest.approx(2.0 * spread, rel=0.3)
    assert noisy.design.options == {"noise": 2.0} and exact.design.options == {}
    truths = [record.shown()["truth"] for record in (exact, noisy)]
    np.testing.assert_array_equal(*truths, err_msg="predictions are compared with what is true")
    expected = exact.mean("mse") + 4.0 * spread**2
    assert noisy.mean("mse") == pytest.approx(expected, rel=0.2)


def test_what_reconstruction_and_memory_are(
    tmp_path: Path, waves: Trajectories, waves_file: Path
) -> None:
    trained = build(waves)
    models.save(tmp_path / "model.safetensors", trained, trained.state_dict(), FACTS)
    method = {"model": "wdno", "sampler": DDIM, "cases": 8}
    costs = {}
    for size in (2, 8):
        record = evaluate(job(tmp_path, waves_file, {**method, "batch_size": size}))
        assert record.cost.batch == size
        costs[size] = record.cost.memory
    assert 3.0 < costs[8] / costs[2] < 5.0, "memory grows with the batch"
    found = record.score("reconstruction")
    assert found.shape == (8,) and (found > 0).all() and (found < 1e-6).all()
    persisted = evaluate(job(tmp_path, waves_file, {"baseline": "persistence"}))
    assert "reconstruction" not in persisted.score_names


def test_a_model_of_another_problem_is_refused(tmp_path: Path, waves: Trajectories) -> None:
    trained = build(waves)
    models.save(tmp_path / "model.safetensors", trained, trained.state_dict(), FACTS)
    other = make_data(tmp_path / "other.nc", system=Waves(frames=8), count=4)
    method = {"model": "wdno", "sampler": DDIM}
    with pytest.raises(ProblemError, match=r"grid of .*other.nc is 8 x 24, .*model.safetensors"):
        evaluate(job(tmp_path, other, method))


def test_cases_of_a_calendar_have_blocks_and_a_climatology(tmp_path: Path) -> None:
    test = make_data(tmp_path / "test.nc", system=Days(stride=7, noise=1.5), count=24)
    record = evaluate(job(tmp_path, test, {"baseline": "persistence", "cases": 10}))
    times = Trajectories(test).reference_times
    assert times is not None and record.blocks is not None
    # A window of 8 frames, an hour apart.
    frames = len(Trajectories(test).coordinates["time"])
    assert record.blocks.tolist() == ((times[:10] - times.min()) // frames).tolist()
    assert np.isfinite(record.score("anomaly_correlation")).all()
    assert np.isfinite(record.score("mse_weighted")).all()
    itself = evaluate(job(tmp_path, test, {"baseline": "hourly_mean"}))
    assert np.isnan(itself.score("anomaly_correlation")).all(), "no departure, no correlation"


def test_examples_do_not_hold_whole_batches(data: ProblemData, statistics: Statistics) -> None:
    held: list[weakref.ref[np.ndarray]] = []

    class Watched(ProblemData):
        def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
            batch = {name: values.numpy().copy() for name, values in super().batch(indices).items()}
            held.append(weakref.ref(batch["state"]))
            return {name: torch.from_numpy(values) for name, values in batch.items()}

    watched = Watched(data.trajectories, data.problem, data._divide)
    alive = []

    def truth(batch: Mapping[str, Tensor], sample: int) -> dict[str, Tensor]:
        alive.append(sum(reference() is not None for reference in held))
        return {"state": batch["state"]}

    predict_and_score(truth, watched, statistics, samples=1, cases=20, batch_size=4, examples=10)
    # The one in use, and the one before it while the next is read.
    assert max(alive) <= 2, f"batches in memory at each prediction: {alive}"


def test_a_prediction_that_is_not_finite_is_refused_by_case(
    data: ProblemData, statistics: Statistics
) -> None:
    def predict(batch: Mapping[str, Tensor], sample: int) -> dict[str, Tensor]:
        drawn = batch["state"].clone()
        drawn[batch["index"] == 4] = torch.nan
        return {"state": drawn}

    with pytest.raises(FloatingPointError, match="test: the prediction of case 4 is not finite"):
        predict_and_score(
            predict, data, statistics, samples=1, cases=6, batch_size=3, description="test"
        )
