"""Series: fields without space, given at the start and generated beside the state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from models import NETWORKS, OBJECTIVES, REPRESENTATIONS, SAMPLING, build, generators
from waves import make_data

from wdno.data.dataset import ProblemData, Trajectories
from wdno.data.scene import SceneMap
from wdno.data.statistics import measure_statistics
from wdno.model import Model
from wdno.systems.smoke import Options, System
from wdno.tasks.simulation import baselines
from wdno.tasks.simulation.evaluation import Outcome, predict_and_score
from wdno.tasks.simulation.problem import data as simulation
from wdno.tasks.simulation.problem import problem as simulation_problem


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> ProblemData:
    options = {"cells": 32, "steps": 32, "grid": {"time": 8, "cells": 16}}
    system = System(Options.model_validate(options))
    folder = tmp_path_factory.mktemp("smoke")
    return simulation(Trajectories(make_data(folder / "train.nc", system=system, count=12)))


@pytest.fixture(scope="module")
def persistence(smoke: ProblemData) -> Outcome:
    statistics = measure_statistics(smoke.trajectories.path)
    predictor = baselines.build("persistence", smoke, statistics)
    options = {"samples": 1, "cases": 10, "batch_size": 4, "examples": 2}
    return predict_and_score(predictor, smoke, statistics, **options)


SPEC = {
    "representation": REPRESENTATIONS[0],
    "network": NETWORKS[0],
    "objective": OBJECTIVES[1],
}
STEPS = {"name": "regression", "stepping": {"unroll": 2, "windows": 3, "noise": 0.01}}
AXES = [
    (representation, objective)
    for representation in (REPRESENTATIONS[0], {"name": "wavelet"})
    for objective in OBJECTIVES
] + [(REPRESENTATIONS[0], STEPS)]


def test_only_series_are_generated_and_diagnostics_are_not(smoke: ProblemData) -> None:
    problem = smoke.problem
    assert [part.name for part in problem.generated] == ["state", "series"]
    assert problem.part("series").fields == ("share",)
    assert [part.name for part in problem.given] == ["forcing", "first", "first_series"]
    assert problem.part("first_series").fields == ("share0",)
    batch = smoke.batch(np.array([3, 5]))
    share = smoke.trajectories.dataset["share"].to_numpy()[[3, 5]]
    np.testing.assert_array_equal(batch["first_series"], share[:, :1])
    np.testing.assert_array_equal(batch["series"][:, 0], share[:, 1:])


@pytest.mark.parametrize(("representation", "objective"), AXES)
def test_every_choice_on_the_axes_generates_series(
    smoke: ProblemData, representation: dict, objective: dict
) -> None:
    # The wavelets leave 6 times, a network that steps has no axis of time.
    model = build(smoke, representation=representation, network=NETWORKS[0], objective=objective)
    batch = smoke.batch(np.arange(3))
    model.loss_per_sample(batch, torch.Generator().manual_seed(0)).mean().backward()
    drawn = model.predict(batch, generators(3), SAMPLING[objective["name"]])
    assert drawn["state"].shape == batch["state"].shape
    assert drawn["series"].shape == batch["series"].shape == (3, 1, 8)
    assert drawn["series"].isfinite().all()


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("representation", [{"name": "identity"}, {"name": "wavelet"}])
def test_a_perfect_network_predicts_the_series(
    smoke: ProblemData, representation: dict, relative: bool
) -> None:
    representation = representation | {"relative": relative}
    model = build(smoke, representation=representation, objective=OBJECTIVES[1])
    batch = smoke.batch(np.arange(4))

    class Perfect(torch.nn.Module):
        def forward(self, x: torch.Tensor, t: torch.Tensor | None = None) -> torch.Tensor:
            return model.target_scaler.normalise(model.target(batch))

    model.objective.network = Perfect()
    drawn = model.predict(batch, generators(4))
    torch.testing.assert_close(drawn["state"], batch["state"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(drawn["series"], batch["series"], rtol=1e-4, atol=1e-6)


def test_series_count_as_a_field_each_in_the_loss(smoke: ProblemData) -> None:
    spec = {"representation": {"name": "wavelet"}}
    model = build(smoke, objective={"name": "regression", "weighting": "energy"}, **spec)
    weight = model._weight()
    assert weight is not None and len(weight) == 3 * 8 + 2 == model.channels
    torch.testing.assert_close(weight[-2:].mean(), torch.ones(()))
    assert model.target_scaler.names[-2:] == ["share:a", "share:d"]


def test_errors_with_and_without_the_series(smoke: ProblemData, persistence: Outcome) -> None:
    scores, examples, batch = persistence.scores, persistence.examples, smoke.batch(np.arange(10))
    share = batch["series"].square().flatten(1).mean(1).numpy()
    np.testing.assert_allclose(scores["series_mse"].sel(series="share"), share, rtol=1e-6)
    assert share.max() > 0, "no smoke reaches the target: the test sees nothing"
    expected = (3 * scores["mse"] + share) / 4
    np.testing.assert_allclose(scores["mse_with_series"], expected, rtol=1e-6)
    over_time = scores["series_mse_over_time"]
    assert over_time.dims == ("case", "series", "time")
    np.testing.assert_allclose(over_time, batch["series"].square(), rtol=1e-6)
    np.testing.assert_array_equal(examples["series_truth"], batch["series"][:2])
    assert not examples["series_prediction"].any()


def test_errors_of_mass_and_divergence_are_those_of_the_file(
    smoke: ProblemData, persistence: Outcome
) -> None:
    scores, dataset = persistence.scores, smoke.trajectories.dataset
    density = dataset["density"].to_numpy()[:10].mean(axis=(2, 3))
    expected = np.abs(density[:, 1:] - density[:, :1]).mean(axis=1) / density[:, 1:].max(axis=1)
    np.testing.assert_allclose(scores["mass_error"], expected, rtol=1e-5)
    assert scores["divergence"].max() < 1e-6, "a uniform velocity has none"
    assert (scores["divergence_truth"] < 0.7).all()
    scene = SceneMap.from_dataset(dataset)
    assert scene is not None
    free = scene.free((16, 16))
    assert not free[:2].any() and not free[:, -2:].any(), "the frame is controlled"
    assert not free[5, 5:11].any(), "an obstacle is in these cells"
    assert 40 < free.sum() < 12 * 12


def test_the_divergence_is_of_the_cells_that_are_free(
    smoke: ProblemData, persistence: Outcome
) -> None:
    dataset = smoke.trajectories.dataset
    v, u = (dataset[f"velocity_{axis}"].to_numpy()[:10, 1:] for axis in "yx")
    scene = SceneMap.from_dataset(dataset)
    assert scene is not None
    free = scene.free((16, 16))
    used = free[1:-1, 1:-1] & free[:-2, 1:-1] & free[2:, 1:-1] & free[1:-1, :-2] & free[1:-1, 2:]

    def over(x: np.ndarray, axis: int) -> np.ndarray:
        return np.gradient(x.astype(float), 8.0, axis=axis)[:, :, 1:-1, 1:-1][..., used]

    parts = [over(v, 2), over(u, 3), over(v, 3), over(u, 2)]
    square = sum((part**2).mean(axis=(1, 2)) for part in parts)
    expected = np.sqrt(((parts[0] + parts[1]) ** 2).mean(axis=(1, 2)) / square)
    np.testing.assert_allclose(persistence.scores["divergence_truth"], expected, rtol=1e-6)
    # Persistence is uniform: the divergence of its error is the truth's.
    np.testing.assert_allclose(persistence.scores["divergence_error"], expected, rtol=1e-6)
    with pytest.raises(ValueError, match="12 x 12 cells does not divide the scene of 32 x 32"):
        scene.free((12, 12))


@pytest.mark.parametrize("given", [1, 2])
def test_the_given_series_are_conditions_in_the_order_of_their_names(
    smoke: ProblemData, given: int
) -> None:
    """The initial share of smoke is always zero, so other numbers stand for it."""
    grid = (9 - given, 16, 16)
    layout = smoke.trajectories.layout
    layout = replace(layout, series=("a", "b"), given_frames=given, grid=grid)
    model = Model(SPEC, simulation_problem(layout))
    batch = {
        "first": torch.randn(2, 3 * given, 16, 16),
        "forcing": torch.randn(2, 2, *grid),
        "first_series": torch.arange(4.0 * given).view(2, 2 * given),
    }
    numbers = batch["first_series"].view(2, 2, given)
    condition = model.condition(batch)
    names = model.condition_scaler.names
    assert condition.shape[1] == len(names)
    for name, channel in zip(names, condition.unbind(1), strict=True):
        if name[0] in "ab" and name[1:].isdigit():
            expected = numbers[:, "ab".index(name[0]), int(name[1:])]
            spread = channel.flatten(1)
            torch.testing.assert_close(spread, expected[:, None].expand_as(spread))
    assert names[-2 * given :] == [f"{name}{k}" for name in "ab" for k in range(given)]


@pytest.mark.parametrize("given", [1, 2])
def test_a_model_that_steps_without_change_repeats_the_last_given_frame(
    smoke: ProblemData, given: int
) -> None:
    grid = (9 - given, 16, 16)
    layout = replace(smoke.trajectories.layout, given_frames=given, grid=grid)
    model = Model({**SPEC, "objective": STEPS}, simulation_problem(layout))
    torch.manual_seed(1)
    for name in ("mean_state", "mean_series"):
        model.get_buffer(name).normal_()
    model.target_scaler.scale.uniform_(0.5, 2.0)
    model.target_scaler.mean.normal_()
    batch = {
        "first": torch.randn(2, 3 * given, 16, 16),
        "forcing": torch.randn(2, 2, *grid),
        "first_series": torch.rand(2, given),
    }
    drawn = model.predict(batch, generators(2))
    last = batch["first"].unflatten(1, (3, given))[:, :, -1:]
    torch.testing.assert_close(drawn["state"], last.expand_as(drawn["state"]))
    share = batch["first_series"][:, None, -1:]
    torch.testing.assert_close(drawn["series"], share.expand_as(drawn["series"]))


def test_a_baseline_without_statistics_of_series_is_refused(smoke: ProblemData) -> None:
    with pytest.raises(ValueError, match="'smoke': there are no statistics of the series share"):
        baselines.build("time_mean", smoke, measure_statistics(smoke.trajectories.path))


def test_a_series_that_is_not_finite_is_named(smoke: ProblemData, tmp_path: Path) -> None:
    path = tmp_path / "bad.nc"
    broken = smoke.trajectories.dataset.copy(deep=True)
    broken["share"][4, 2] = np.nan
    broken.to_netcdf(path)
    with pytest.raises(ValueError, match="field 'share' of sample 4 has a value that is not"):
        Trajectories(path).batch(np.arange(6))
