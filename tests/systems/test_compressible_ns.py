from __future__ import annotations

import re

import numpy as np
import pytest
from pydantic import ValidationError

from wdno import systems
from wdno.solvers.finite_volume import coarsen, to_conserved
from wdno.solvers.grids import DivergedError
from wdno.systems import compressible_ns
from wdno.systems._compressible_draw import CompressibleDraw
from wdno.systems.compressible_ns import Options, System

GAMMA = 5 / 3
STATES = ("rho", "v", "p")


def shock_tubes(time: int = 16, x: int = 24, **options: object) -> System:
    settings = {"grid": {"time": time, "x": x}, "cells": 128} | options
    return System(Options.model_validate(settings))


def conserved(data: dict) -> np.ndarray:
    """Stored density, momentum and energy, `[n, T + 1, 3, X]`."""
    return to_conserved(np.stack([data[name] for name in STATES], axis=2), GAMMA)


def test_system_is_found_by_name() -> None:
    assert systems.REGISTRY.load("compressible_ns") is System
    assert [field.role for field in System.fields] == ["state"] * 3
    assert System.axes[0].boundary == Options().boundaries()[0] == "open"
    assert Options().grid_shape() == (80, 120)


def test_options_are_all_described_and_unknown_ones_refused() -> None:
    for section in (Options, type(Options().grid)):
        bare = [name for name, field in section.model_fields.items() if not field.description]
        assert not bare, f"{section.__name__} has options without a description: {bare}"
    with pytest.raises(ValidationError, match="shear_viscousity"):
        Options.model_validate({"shear_viscousity": 0.01})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": {"time": 81}}, "grid.time must divide 320, got 81; nearest: 80 and 160"),
        ({"cells": 100}, "grid.x = 120 and cells = 100; store at most 100 cells, or solve on 120"),
        ({"gamma": 1.0}, "gamma must be above 1, got 1.0; 5/3 is a monatomic gas"),
        ({"cfl": 0.9}, "cfl must be in (0, 0.5] for the scheme to be stable, got 0.9; 0.3"),
        ({"x_min": 2.0}, "x_max must be above x_min, got x_min = 2.0 and x_max = 1.0"),
        ({"shear_viscosity": 5.0}, "1000000 are the most; take fewer cells, a lower viscosity"),
        ({"bulk_viscosity": -1.0}, "greater than or equal to 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        Options.model_validate(options)


def test_coordinates() -> None:
    coordinates = System().coordinates()
    assert {k: v.shape for k, v in coordinates.items()} == {"time": (81,), "x": (120,)}
    assert np.allclose(coordinates["time"], 0.005 * np.arange(81))
    assert np.allclose(coordinates["x"], -1 + (np.arange(120) + 0.5) / 60)


def test_draws_fill_their_ranges() -> None:
    draws = [CompressibleDraw.from_seed(seed) for seed in range(2000)]
    sides, jumps = np.stack([d.sides for d in draws]), np.stack([d.jumps for d in draws])
    ranges = {
        "log10 of density": (np.log10(sides[:, 0]), 0, 1),
        "log of velocity": (np.log(sides[:, 1]), -0.5, 0.5),
        "log10 of pressure": (np.log10(sides[:, 2]), 1, 2),
        "jump": (jumps, 0.25, 0.75),
    }
    for name, (values, low, high) in ranges.items():
        edge = 0.005 * (high - low)
        assert low <= values.min() < low + edge and high - edge < values.max() <= high, (
            f"{name} lies in [{values.min()}, {values.max()}], expected to fill [{low}, {high}]"
        )
        spread = (high - low) / np.sqrt(12 * values.size)
        assert abs(values.mean() - (low + high) / 2) < 4 * spread, f"{name} is not uniform"
    together = np.corrcoef(np.concatenate([sides.reshape(2000, 6), jumps], axis=1).T) - np.eye(9)
    assert np.abs(together).max() < 0.1, "the numbers of a draw depend on each other"


def test_draw_is_fixed() -> None:
    """A changed order of the random numbers would silently change every data set."""
    draw = CompressibleDraw.from_seed(7)
    rng = np.random.default_rng(7)
    rho, v, p = rng.uniform([[0], [-0.5], [1]], [[1], [0.5], [2]], (3, 2))
    assert np.allclose(draw.sides, [10**rho, np.exp(v), 10**p], rtol=1e-13)
    assert np.array_equal(draw.jumps, rng.uniform(0.25, 0.75, 3))


def test_initial_means_are_exact() -> None:
    """Away from jumps the values themselves; a cell with a jump has its parts of both."""
    draw = CompressibleDraw(
        np.array([[1.0, 4.0], [2.0, 0.5], [10.0, 30.0]]), np.array([0.55, 0.26, 0.7])
    )
    means = draw.cell_means(10, GAMMA)
    rho = np.array([1, 1, 1, 1, 1, 2.5, 4, 4, 4, 4])
    momentum = rho * 0.5
    momentum[:3] = [2, 2, 0.6 * 2 + 0.4 * 0.5]
    energy = 1.5 * np.array([10.0] * 7 + [30.0] * 3) + rho / 8
    energy[:3] += np.array([1, 1, 0.6]) * (2 - 1 / 8)
    expected = np.stack([rho, momentum, energy])
    assert np.allclose(means, expected, rtol=1e-14), f"differs by {np.abs(means - expected).max()}"
    for cells in (7, 120, 1024):
        drawn = CompressibleDraw.from_seed(3)
        view = coarsen(drawn.cell_means(5040, GAMMA), cells)
        assert np.allclose(drawn.cell_means(cells, GAMMA), view, rtol=1e-11), f"{cells} cells"


def test_sample_is_the_same_in_any_batch_order_and_with_any_threads() -> None:
    system = shock_tubes()
    seeds = System.sample_seeds("train", range(11))
    whole = system.generate(seeds, threads=1)
    assert {name: (v.shape, v.dtype) for name, v in whole.items()} == {
        **{name: ((11, 17, 24), np.float32) for name in STATES},
        "floored_cells": ((11,), np.int64),
    }
    threaded = system.generate(seeds[::-1], threads=2)
    single = system.generate(seeds[6:7])
    for name in STATES:
        assert np.array_equal(whole[name], threaded[name][::-1]), f"{name}: batch or threads matter"
        assert np.array_equal(whole[name][6:7], single[name]), f"{name}: sample 6 alone differs"
    assert not whole["floored_cells"].any(), f"floored: {whole['floored_cells']}"
    drawn = system.draw("train", range(11), 0)
    assert set(drawn) == {*whole, "seed"} and drawn["seed"].tolist() == seeds


@pytest.mark.parametrize(("time", "x"), [(32, 64), (16, 24), (5, 100)])
def test_grids_are_views_of_one_trajectory(time: int, x: int) -> None:
    """The means of the finest stored grid over coarser cells are the coarser grid's."""
    seeds = System.sample_seeds("train", range(2))
    fine = conserved(shock_tubes(320, 128).generate(seeds))
    coarse = conserved(shock_tubes(time, x).generate(seeds))
    difference = np.abs(coarsen(fine[:, :: 320 // time], x) / coarse - 1).max()
    assert difference < 2e-6, f"{time} x {x}: relative difference {difference:.2e}"


def test_stored_fields_hold_mass_momentum_and_energy() -> None:
    """Until a wave has reached an end, they change only by what flows through the ends."""
    system = shock_tubes(x=25, t_end=0.02)
    seeds = System.sample_seeds("train", range(8))
    stored = conserved(system.generate(seeds))
    for row, seed in enumerate(seeds):
        draw = CompressibleDraw.from_seed(seed)
        rho, v, p = draw.sides
        energy = p / (GAMMA - 1) + rho * v**2 / 2
        through = np.stack([rho * v, rho * v**2 + p, (energy + p) * v])
        total = 2 * draw.cell_means(128, GAMMA).mean(axis=1) - 0.02 * np.diff(through)[:, 0]
        change = np.abs(2 * stored[row, -1].mean(axis=1) / total - 1).max()
        assert change < 1e-6, f"seed {seed}: mass, momentum or energy off by {change:.2e}"


def test_first_frame_is_the_drawn_state() -> None:
    seeds = System.sample_seeds("train", range(3))
    stored = conserved(shock_tubes(x=32).generate(seeds))[:, 0]
    means = np.stack([CompressibleDraw.from_seed(seed).cell_means(32, GAMMA) for seed in seeds])
    assert np.allclose(stored, means, rtol=1e-6)


def test_domain_is_scaled() -> None:
    """Twice the domain in twice the time is the same flow."""
    seeds = System.sample_seeds("train", range(2))
    wide = shock_tubes(x_min=0.0, x_max=4.0, t_end=0.8)
    assert np.allclose(wide.x, 2 * shock_tubes().x + 2)
    a, b = shock_tubes().generate(seeds), wide.generate(seeds)
    assert all(np.allclose(a[name], b[name], rtol=1e-4) for name in STATES)


def test_diverged_seeds_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressible_ns, "MOST_STEPS", 400)
    seeds = System.sample_seeds("train", range(6))
    with pytest.raises(DivergedError) as info:
        shock_tubes().generate(seeds)
    named = ", ".join(str(seeds[sample]) for sample in info.value.samples)
    assert f"system 'compressible_ns', seeds {named}: finite volumes" in str(info.value)
