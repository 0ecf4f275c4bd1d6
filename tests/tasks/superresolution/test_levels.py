"""What models are trained on: pairs of grids, down-sampled from the training set."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from finer_data import Files
from models import NETWORKS, build, generators

from wdno.data.dataset import Trajectories
from wdno.data.grid import grid_of
from wdno.data.netcdf import DataError
from wdno.grids.maps import interpolate, restrict
from wdno.model import Model
from wdno.problem import ProblemError
from wdno.tasks.superresolution.problem import LevelData, data, problem
from wdno.tasks.superresolution.sections import LevelsSection

DUPLICATED = {"coarse": "duplicated"}
PUBLISHED = {"coarse": "duplicated", "target": "direct", "scales": "shared"}


def test_a_level_is_the_stored_grid_halved(equation: Files, plumes: Files) -> None:
    for files, grids in (
        (equation, [(8, 16), (4, 8)]),
        (plumes, [(4, 8, 8), (4, 4, 4)]),
    ):
        levels = files.data()
        assert levels.groups == (len(levels) // 2,) * 2
        stored = Trajectories(files.stored).batch(np.array([1, 3]))
        for level, grid in enumerate(grids):
            batch = levels.batch(np.array([1, 3]) + level * levels.groups[0])
            assert tuple(batch["state"].shape[2:]) == grid == levels.problem.grid_at(level)
            assert batch["grid_level"].tolist() == [level, level]
            finest, here = levels.grids[0], levels.grids[level]
            expected = restrict(stored["state"], finest.axes("state"), here.axes("state"))
            assert torch.equal(batch["state"], expected[:, :, 1:])
            assert torch.equal(batch["first"], expected[:, :, 0])
            forcing = restrict(stored["forcing"], finest.axes("forcing"), here.axes("forcing"))
            assert torch.equal(batch["forcing"], forcing)
            below = levels.grids[level + 1]
            coarser = restrict(stored["state"], finest.axes("state"), below.axes("state"))
            coarse = interpolate(coarser, below.axes("state"), here.axes("state"), "cubic")
            assert torch.equal(batch["coarse"], coarse[:, :, 1:])


def test_nothing_finer_than_the_stored_grid_is_seen(equation: Files) -> None:
    """Of two solutions that are equal on the stored grid alone, training sees no difference."""
    fine = Trajectories(equation.fine)
    finest = grid_of(fine.dataset)
    stored = finest.coarser(time=True).coarser(time=True)
    state = fine.batch(np.arange(2))["state"]
    other = state.clone()
    other[..., 1::4] += 1.0  # between the points of the stored grid
    both = [restrict(one, finest.axes("state"), stored.axes("state")) for one in (state, other)]
    assert torch.equal(*both)
    whole = np.concatenate([batch["state"].flatten() for batch in equation.data().batches(6)])
    assert whole.size == 6 * (8 * 16 + 4 * 8)
    largest = max(batch["state"][0, 0].numel() for batch in equation.data().batches(6))
    assert largest == 8 * 16


def test_a_batch_is_of_one_level(equation: Files) -> None:
    levels = equation.data()
    with pytest.raises(ValueError, match=r"levels \[0 1\]"):
        levels.batch(np.array([0, 6]))
    assert [int(batch["grid_level"][0]) for batch in levels.batches(4)] == [0, 0, 1, 1]
    assert [len(batch["index"]) for batch in levels.batches(4, 5)] == [4, 1, 4, 1]
    (only,) = levels.batches(6, group=1)
    assert only["index"].tolist() == list(range(6, 12))


def test_grids_that_cannot_be_halved_are_refused(equation: Files) -> None:
    with pytest.raises(DataError, match=r"\(8, 16\) cannot be halved 4 times"):
        equation.data(levels=4)
    made = problem(Trajectories(equation.stored).layout, equation.options)
    with pytest.raises(ProblemError, match="no level 5"):
        made.grid_at(5)
    assert made.grid_at(-2) == (32, 64)


@pytest.mark.parametrize("section", [{}, {"target": "direct"}, DUPLICATED, PUBLISHED])
@pytest.mark.parametrize("representation", ["identity", "wavelet"])
def test_every_design_trains_and_predicts_on_all_levels(
    equation: Files, plumes: Files, section: dict[str, str], representation: str
) -> None:
    for files in (equation, plumes):
        axes = {"name": representation}
        if representation == "wavelet":
            axes["family"] = "haar"
        levels = files.data(**section)
        model = build(levels, representation=axes, objective={"name": "regression"})
        for level in (0, 1):
            batch = levels.batch(np.arange(2) + level * levels.groups[0])
            loss = model.loss_per_sample(batch, torch.Generator().manual_seed(0))
            assert loss.shape == (2,)
            assert loss.isfinite().all()
            drawn = model.predict(batch, generators(2))
            assert drawn["state"].shape == batch["state"].shape


def test_channels_have_scales_of_their_level(equation: Files) -> None:
    levels = equation.data()
    model = build(levels, representation={"name": "wavelet", "family": "haar"})
    for level in (0, 1):
        (batch,) = levels.batches(6, group=level)
        spread = model.target(batch).transpose(0, 1).flatten(1)
        scaled = model.encode(batch, batch).transpose(0, 1).flatten(1)
        assert not torch.allclose(spread.std(1), torch.ones(4), atol=0.1)
        torch.testing.assert_close(scaled.std(1, correction=0), torch.ones(4), rtol=1e-3, atol=0)
    shared = build(equation.data(scales="shared"), representation={"name": "identity"})
    assert shared.problem.levels == 1
    deviations = [shared.target(batch).square().mean() for batch in levels.batches(6)]
    expected = torch.stack(deviations) @ torch.tensor([4.0, 1.0]) / 5
    torch.testing.assert_close(shared.target_scaler.scale.square()[0], expected, rtol=0.05, atol=0)


def test_residuals_vanish_where_interpolation_is_exact(equation: Files) -> None:
    """At points that both grids share nothing is left to generate."""
    levels = equation.data()
    batch = levels.batch(np.arange(3))
    left = batch["state"] - batch["coarse"]
    assert left[:, :, 1::2, ::2].abs().max() < 1e-6
    assert left.abs().max() > 1e-3


def test_repeated_coefficients_are_those_of_the_coarser_grid(equation: Files) -> None:
    levels = equation.data(**PUBLISHED)
    model = Model(
        {
            "representation": {"name": "identity"},
            "network": NETWORKS[0],
            "objective": {"name": "regression"},
        },
        levels.problem,
    )
    batch = levels.batch(np.arange(2))
    assert "coarse" not in batch
    assert tuple(batch["coarser"].shape[2:]) == (4, 8)
    names = model.condition_scaler.names
    seen = model.condition(batch)[:, names.index("u", names.index("u0"))]
    twice = batch["coarser"][:, 0].repeat_interleave(2, 1).repeat_interleave(2, 2)
    torch.testing.assert_close(seen, twice)


def test_a_model_is_of_the_state_alone(equation: Files) -> None:
    made = data(Trajectories(equation.stored), equation.options)
    assert isinstance(made, LevelData)
    assert [part.name for part in made.problem.generated] == ["state"]
    assert [part.name for part in made.problem.given] == ["forcing", "first", "coarse"]
    assert made.problem.part("state").base == "coarse"
    assert LevelsSection().levels == made.problem.levels == 2


def test_the_bend_is_measured_on_the_three_finest_levels(equation: Files) -> None:
    """By Haar wavelets, which fit on the coarsest; one level more than is trained on."""
    levels = equation.data()
    model = build(levels, representation={"name": "wavelet", "family": "haar"})
    haar, spreads = model.representation, []
    for level in range(3):
        read = levels.of_level(level, 6, 6)
        assert read is not None
        (batch,) = read
        left = batch["state"] - batch["coarse"]
        found = haar.encode(left, tuple(left.shape[2:]))
        spreads.append(found.transpose(0, 1).flatten(1).double().std(1, correction=0))
    bend = (spreads[0] * spreads[2] / spreads[1].square()).clamp(max=1.0)
    torch.testing.assert_close(model._target_scalers.bend.double(), bend, rtol=1e-3, atol=1e-4)
    assert levels.of_level(3, 6, 6) is None
