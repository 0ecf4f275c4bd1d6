"""Maps between the grids that systems store: the coarse file is the fine one restricted."""

from __future__ import annotations

import pytest
import torch

from wdno.data.dataset import Trajectories
from wdno.data.grid import grid_of
from wdno.data.netcdf import DataError, to_dataset, write
from wdno.grids.maps import interpolate, restrict
from wdno.systems.advection import Advection, AdvectionOptions
from wdno.systems.burgers import Burgers, BurgersOptions
from wdno.systems.compressible_ns import CompressibleNS, CompressibleNSOptions
from wdno.systems.smoke import Smoke, SmokeOptions

SMOKE = {"cells": 64, "steps": 32}
BURGERS = {
    "solver": "spectral",
    "spectral": {"modes": 60, "steps": 1280},
    "t_end": 2.0,
    "forcing_intervals": 64,
}


def stored(system, count, path):
    """Samples in a file, and its grid."""
    dataset = to_dataset(system, system.draw("test", range(count), 0), 0)
    write(path, dataset)
    trajectories = Trajectories(path)
    return trajectories.batch(range(count)), grid_of(trajectories.dataset)


@pytest.fixture
def pair(tmp_path):
    """Make samples of a system on a coarse grid and on a fine one."""

    def make(system, coarse, fine, count=2):
        return stored(system(coarse), count, tmp_path / "coarse.nc"), stored(
            system(fine), count, tmp_path / "fine.nc"
        )

    return make


def deviation(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


def check(pair, held, tolerance):
    (coarse, coarse_grid), (fine, fine_grid) = pair
    found = restrict(fine[held], fine_grid.axes(held), coarse_grid.axes(held))
    assert found.shape == coarse[held].shape
    assert deviation(found, coarse[held]) <= tolerance


def test_burgers_restricted_is_burgers_stored_coarsely(pair):
    grids = [BurgersOptions(grid={"time": t, "x": x}, **BURGERS) for t, x in ((8, 24), (32, 96))]
    found = pair(Burgers, *grids)
    check(found, "state", 1e-6)
    check(found, "forcing", 1e-6)
    (_, coarse), (_, fine) = found
    assert fine.coarser(time=True).coarser(time=True).shape == coarse.shape
    assert coarse.space[0].boundary == "dirichlet"


def test_the_finite_differences_on_one_grid_are_restricted_exactly(pair):
    """As above, by the other solver, whose steps depend on the number of frames."""
    solver = {"points": 120, "steps": 2560}
    grids = [
        BurgersOptions(grid={"time": t, "x": x}, finite_difference=solver)
        for t, x in ((16, 24), (32, 48))
    ]
    found = pair(Burgers, *grids)
    check(found, "state", 1e-6)
    check(found, "forcing", 1e-6)


@pytest.mark.parametrize("frames", [(4, 4), (4, 8)])
def test_smoke_restricted_is_smoke_stored_coarsely(pair, frames):
    grids = [
        SmokeOptions(grid={"time": t, "cells": n}, **SMOKE)
        for t, n in zip(frames, (32, 64), strict=True)
    ]
    found = pair(Smoke, *grids)
    for held in ("state", "forcing", "series"):
        check(found, held, 1e-6)


def test_advection_and_density_of_a_gas_are_restricted_exactly(pair):
    grids = [AdvectionOptions(grid={"time": 10 * k, "x": 24 * k}) for k in (1, 2)]
    check(pair(Advection, *grids), "state", 1e-5)
    grids = [CompressibleNSOptions(grid={"time": 8 * k, "x": 32 * k}, cells=64) for k in (1, 2)]
    (coarse, coarse_grid), (fine, fine_grid) = pair(CompressibleNS, *grids)
    found = restrict(fine["state"][:, :1], fine_grid.axes("state"), coarse_grid.axes("state"))
    assert deviation(found, coarse["state"][:, :1]) <= 1e-6


def test_aligned_interpolation_is_far_better_than_one_of_cell_centres(pair):
    """What scores of resampled fields are made of, unless coordinates are kept."""
    grids = [BurgersOptions(grid={"time": t, "x": x}, **BURGERS) for t, x in ((32, 48), (64, 96))]
    (coarse, coarse_grid), (fine, fine_grid) = pair(Burgers, *grids, count=4)
    truth, known = fine["state"][:, :, 1:], coarse["state"]
    shifted = torch.nn.functional.interpolate(known[:, :, 1:], truth.shape[2:], mode="bilinear")
    error = {"cell centres": float((shifted - truth).square().mean())}
    for kind in ("linear", "cubic", "band_limited"):
        found = interpolate(known, coarse_grid.axes("state"), fine_grid.axes("state"), kind)
        error[kind] = float((found[:, :, 1:] - truth).square().mean())
    assert error["linear"] < error["cell centres"] / 4
    assert error["cubic"] < error["linear"] / 2


def test_a_file_that_does_not_say_what_its_values_are_is_refused():
    system = Advection(AdvectionOptions(grid={"time": 4, "x": 8}))
    dataset = to_dataset(system, system.draw("test", [0], 0), 0)
    del dataset["x"].attrs["values"]
    with pytest.raises(DataError, match=r"'advection': coordinate 'x' .* generate it again"):
        grid_of(dataset)
