"""Scores by level: of errors that are known, and of the exact solution."""

from __future__ import annotations

import numpy as np
import pytest

from wdno.evaluation.scores import levels
from wdno.evaluation.scores.levels import (
    FINEST,
    METRICS,
    errors_on_finest,
    errors_on_level,
    exact,
    mse_aligned,
    mse_published,
)
from wdno.grids.axis import GridAxis, GridError
from wdno.grids.levels import Grid

RNG = np.random.default_rng(0)


def grid(space, count=16, frames=8):
    axes = {
        "periodic": GridAxis(0.0, 1 / count, count, "left", "periodic"),
        "cells": GridAxis(0.5 / count, 1 / count, count, "cells"),
    }
    return Grid.of(np.linspace(0.0, 1.0, frames + 1), 1, [axes[name] for name in space])


def fields(of, samples=None):
    shape = (3, *(() if samples is None else (samples,)), 2, *of.shape)
    return RNG.standard_normal(shape)


@pytest.mark.parametrize("time", [True, False])
def test_errors_at_old_and_new_points_are_told_apart(time):
    fine = grid(["periodic"])
    truth = fields(fine)
    error = np.full((3, 1, 2, *fine.shape), 2.0)
    old = (slice(None), slice(None), slice(None), slice(1, None, 2) if time else slice(None))
    error[(*old, slice(None, None, 2))] = 0.5  # frames end together, points begin together
    found = errors_on_level(truth, truth[:, None] + error, fine, fine.coarser(time=time))
    assert found["mse_old"] == pytest.approx(np.full(3, 0.25))
    assert found["mse_new"] == pytest.approx(np.full(3, 4.0))
    share = 0.25 if time else 0.5
    assert found["mse"] == pytest.approx(np.full(3, share * 0.25 + (1 - share) * 4))


def test_errors_of_cells_are_those_of_their_means_and_the_rest():
    fine = grid(["cells", "cells"])
    truth, means = fields(fine), RNG.standard_normal((3, 1, 2, 8, 8, 8))
    rest = RNG.standard_normal((3, 1, 2, 8, 8, 8))
    blocks = np.array([[1.0, -1.0], [1.0, -1.0]])
    error = np.kron(means, np.ones((2, 2))) + np.kron(rest, blocks)
    found = errors_on_level(truth, truth[:, None] + error, fine, fine.coarser(time=False))
    assert found["mse_old"] == pytest.approx((means**2).mean(axis=(1, 2, 3, 4, 5)))
    assert found["mse_new"] == pytest.approx((rest**2).mean(axis=(1, 2, 3, 4, 5)))
    assert found["mse"] == pytest.approx(found["mse_old"] + found["mse_new"])


def waves(of, amplitude):
    """Waves of the wavenumbers 2, which half the points hold, and 6, which they do not."""
    x = of.space[0].coordinates
    wave = np.sin(2 * np.pi * 2 * x) + amplitude * np.cos(2 * np.pi * 6 * x + 0.3)
    return np.broadcast_to(wave, (3, 2, *of.shape)).copy()


def test_new_wavenumbers_are_those_beyond_the_coarser_grid():
    fine = grid(["periodic"])
    coarser = fine.coarser(time=False)
    truth, twice = waves(fine, 0.1), waves(fine, 0.2)[:, None]
    old_wrong = 3 * waves(fine, 0.0)[:, None] + waves(fine, 0.1)[:, None]
    found = errors_on_level(truth, old_wrong, fine, coarser)
    assert found["spectrum_error_new"] == pytest.approx(0, abs=1e-9)
    assert found["relative_error_new"] == pytest.approx(0, abs=1e-6)
    found = errors_on_level(truth, twice, fine, coarser)
    # One of the four new wavenumbers, 5 to 8, has four times its energy.
    assert found["spectrum_error_new"] == pytest.approx(np.log10(4) / 4, rel=1e-3)
    assert found["relative_error_new"] == pytest.approx(1.0)
    missing = errors_on_level(truth, waves(fine, 0.0)[:, None], fine, coarser)
    assert missing["relative_error_new"] == pytest.approx(1.0)
    assert (missing["spectrum_error_new"] > 0.5).all()
    opposite = errors_on_level(truth, waves(fine, -0.1)[:, None], fine, coarser)
    assert opposite["spectrum_error_new"] == pytest.approx(0, abs=1e-9)
    assert opposite["relative_error_new"] == pytest.approx(2.0)


def test_a_truth_without_new_wavenumbers_has_no_relative_error():
    fine = grid(["periodic"])
    truth = np.ones((3, 2, *fine.shape))
    found = errors_on_level(truth, truth[:, None], fine, fine.coarser(time=False))
    assert np.isnan(found["relative_error_new"]).all()


@pytest.mark.parametrize("time", [True, False])
@pytest.mark.parametrize("space", [["periodic"], ["cells", "cells"]])
def test_the_exact_solution_on_the_finest_grid_has_no_error(space, time):
    finest = grid(space)
    state = RNG.standard_normal((3, 2, 9, *finest.shape[1:]))
    truth = exact(state, finest, finest)
    assert all((v == 0).all() for v in errors_on_finest(state, truth, finest, finest).values())
    found = errors_on_level(state[:, :, 1:], truth, finest, finest.coarser(time=time))
    assert all((found[name] == 0).all() for name in ("mse", "mse_old", "mse_new"))


@pytest.mark.parametrize("time", [True, False])
def test_the_floor_of_a_field_linear_in_time_is_zero_if_aligned(time):
    finest = grid(["periodic"])
    level = finest.coarser(time=time)
    time_of = finest.frames.coordinates[:, None]
    state = np.broadcast_to(1 + 2 * time_of + 0 * finest.space[0].coordinates, (3, 2, 9, 16)).copy()
    floor = exact(state, finest, level)
    for kind in ("linear", "cubic"):
        assert mse_aligned(state, floor, finest, level, kind) == pytest.approx(0, abs=1e-20)
    shifted = mse_published(state[:, :, 1:], floor, "linear")
    # Frames that end together, taken as centres of cells: all but the last are a quarter late.
    assert (shifted > (1e-3 if time else -1)).all()
    if not time:
        assert shifted == pytest.approx(0, abs=1e-20)


def test_the_published_protocol_shifts_points_by_half_a_fine_cell():
    finest = grid(["periodic"], count=64)
    level = finest.coarser(time=False)
    x = finest.space[0].coordinates
    state = np.broadcast_to(np.sin(2 * np.pi * x), (1, 1, 9, 64)).copy()
    floor = exact(state, finest, level)
    shift = 2 * np.pi * 0.5 / 64
    assert mse_published(state[:, :, 1:], floor, "linear") == pytest.approx(shift**2 / 2, rel=0.1)
    assert mse_published(state[:, :, 1:], floor, "nearest") == pytest.approx(shift**2, rel=0.1)
    # At every other point linear interpolation misses by h^2 / 8 of the second derivative.
    missed = (2 * np.pi / 32) ** 4 / 64 / 4
    found = mse_aligned(state, floor, finest, level, "linear")
    assert found == pytest.approx(missed, rel=0.01)
    assert found < shift**2 / 400


def test_means_over_samples_and_bad_shapes():
    fine = grid(["periodic"])
    truth, prediction = fields(fine), fields(fine, samples=2)
    coarser = fine.coarser(time=True)
    both = errors_on_level(truth, prediction, fine, coarser)
    each = [errors_on_level(truth, prediction[:, [m]], fine, coarser) for m in range(2)]
    for name, values in both.items():
        assert values == pytest.approx(np.mean([one[name] for one in each], axis=0)), name
    with pytest.raises(ValueError, match="predict the same cases on the same grid"):
        errors_on_level(truth, prediction[..., ::2], fine, coarser)
    with pytest.raises(GridError, match="expected values"):
        errors_on_level(truth, prediction, coarser, coarser.coarser(time=True))


def test_every_score_has_a_metric_of_its_name():
    fine = grid(["periodic"])
    state = RNG.standard_normal((3, 2, 9, 16))
    found = errors_on_level(state[:, :, 1:], fields(fine, 1), fine, fine.coarser(time=True))
    found |= errors_on_finest(state, fields(fine, 1), fine, fine)
    floors = {metric.name for metric in levels.FLOORS.values()}
    assert set(found) | floors == {metric.name for metric in METRICS}
    assert floors.isdisjoint(found) and set(levels.FLOORS) <= set(found)
    assert set(levels.FINEST) == set(FINEST)
