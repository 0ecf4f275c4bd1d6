from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from wdno import systems
from wdno.registry import UnknownPieceError
from wdno.solvers.grids import DivergedError
from wdno.systems.burgers import BurgersDraw, Options, System

FAST = {"points": 120, "steps": 5120}


def burgers(time: int = 80, x: int = 120, **options: object) -> System:
    settings = {"grid": {"time": time, "x": x}, "finite_difference": FAST} | options
    return System(Options.model_validate(settings))


def test_systems_are_found_by_name() -> None:
    assert "burgers" in systems.REGISTRY.names()
    assert "base" not in systems.REGISTRY.names()
    assert systems.REGISTRY.load("burgers") is System
    assert systems.REGISTRY.light("burgers").Options is Options
    with pytest.raises(UnknownPieceError, match=r"unknown system 'burger'.*burgers"):
        systems.REGISTRY.load("burger")


def test_importing_systems_is_light() -> None:
    code = (
        "import sys; from wdno.systems import REGISTRY as r; [r.load(n) for n in r.names()];"
        "print(sorted({'torch', 'numba', 'scipy', 'xarray'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]", f"importing the systems imports {found.stdout.strip()}"


def test_options_are_all_described_and_unknown_ones_refused() -> None:
    sections = [Options, *(type(getattr(Options(), n)) for n in ("grid", "spectral"))]
    for section in sections:
        bare = [name for name, field in section.model_fields.items() if not field.description]
        assert not bare, f"{section.__name__} has options without a description: {bare}"
    with pytest.raises(ValidationError, match="viscousity"):
        Options.model_validate({"viscousity": 0.01})


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"time": 81}, "grid.time must divide 1280, got 81; nearest: 80 and 128"),
        ({"time": 2560}, "grid.time must divide 1280, got 2560; nearest: 1280"),
        ({"x": 128 + 1}, "grid.x must divide 1920, got 129; nearest: 128 and 160"),
    ],
)
def test_grids_that_are_no_views_are_refused(grid: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Options.model_validate({"grid": grid})


def test_coordinates() -> None:
    coordinates = burgers(32, 48).coordinates()
    shapes = {name: values.shape for name, values in coordinates.items()}
    assert shapes == {"time": (33,), "interval": (32,), "interval_bounds": (32, 2), "x": (48,)}
    assert np.allclose(coordinates["time"], np.arange(33) / 4)
    assert np.allclose(coordinates["interval"], np.arange(32) / 4 + 0.125)
    assert np.allclose(coordinates["interval_bounds"][3], [0.75, 1.0])
    assert np.allclose(coordinates["x"], (40 * np.arange(48) + 1) / 1921)


def test_sample_seeds_are_fixed_distinct_and_independent_of_the_number() -> None:
    seeds = {
        (split, data, k): System.sample_seed(split, k, data)
        for split in ("train", "validation", "test")
        for data in (0, 1)
        for k in range(200)
    }
    assert len(set(seeds.values())) == len(seeds), "two samples share a seed"
    assert all(0 <= seed < 2**63 for seed in seeds.values())
    assert System.sample_seeds("test", range(5, 9), 1) == [seeds["test", 1, k] for k in range(5, 9)]
    # A changed derivation would silently change every data set.
    assert System.sample_seed("train", 0) == SEED_OF_TRAIN_0
    with pytest.raises(ValueError, match="must not be negative"):
        System.sample_seed("train", -1)


SEED_OF_TRAIN_0 = 8446378218778234059


def test_draw_follows_its_definition() -> None:
    draw = BurgersDraw.from_seed(7)
    x, k = np.array([0.1, 0.55]), 100
    (a, b, s), force = draw.state, draw.force
    u0 = sum(a[i] * np.exp(-((x - b[i]) ** 2) / (2 * s[i] ** 2)) for i in range(2))
    assert np.allclose(draw.initial_state(x), u0, rtol=1e-13)
    f = sum(
        2 * strength
        * np.exp(-((x - c) ** 2) / (2 * w**2))
        * np.exp(-(((k + 1) / 1281 - tau) ** 2) / (2 * r**2))
        for strength, c, w, tau, r in force.T
    )  # fmt: skip
    assert np.allclose(draw.forcing(x, 1280)[k], f, rtol=1e-13)


def test_draws_are_in_their_ranges() -> None:
    draws = [BurgersDraw.from_seed(seed) for seed in range(2000)]
    state, force = np.stack([d.state for d in draws]), np.stack([d.force for d in draws])
    ranges = {
        "positive amplitude": (state[:, 0, 0], 0, 2),
        "negative amplitude": (state[:, 0, 1], -2, 0),
        "left centre": (state[:, 1, 0], 0.2, 0.4),
        "right centre": (state[:, 1, 1], 0.6, 0.8),
        "width": (state[:, 2], 0.05, 0.15),
        "first strength": (force[:, 0, 0], -1.5, 1.5),
        "centre in x": (force[:, 1], 0, 1),
        "width in x": (force[:, 2], 0.1, 0.4),
        "centre in t": (force[:, 3], 0, 1),
        "width in t": (force[:, 4], 0.1, 0.4),
    }
    for name, (values, low, high) in ranges.items():
        edge = 0.005 * (high - low)
        assert low <= values.min() < low + edge and high - edge < values.max() <= high, (
            f"{name} lies in [{values.min()}, {values.max()}], expected to fill [{low}, {high}]"
        )
    zero = (force[:, 0] == 0).mean(axis=0)
    assert zero[0] == 0 and np.abs(zero[1:] - 0.5).max() < 0.05, f"shares of zero terms {zero}"


def test_sample_is_the_same_in_any_batch_order_and_with_any_threads() -> None:
    system = burgers(16, 24)
    seeds = System.sample_seeds("train", range(11))
    whole = system.generate(seeds, threads=1)
    assert {name: (v.shape, v.dtype) for name, v in whole.items()} == {
        "u": ((11, 17, 24), np.float32),
        "f": ((11, 16, 24), np.float32),
    }
    threaded = system.generate(seeds[::-1], threads=2)
    single = system.generate(seeds[6:7])
    for name in ("u", "f"):
        assert np.array_equal(whole[name], threaded[name][::-1]), f"{name}: batch or threads matter"
        assert np.array_equal(whole[name][6:7], single[name]), f"{name}: sample 6 alone differs"


@pytest.mark.parametrize("solver", ["finite_difference", "spectral"])
def test_grids_are_views_of_one_trajectory(solver: str) -> None:
    seeds = System.sample_seeds("train", range(2))
    resolution = {"solver": solver, "spectral": {"modes": 32}}
    fine = burgers(640, 960, **resolution).generate(seeds)
    for time, x in ((80, 120), (32, 48)):
        coarse = burgers(time, x, **resolution).generate(seeds)
        u = fine["u"][:, :: 640 // time, :: 960 // x]
        f = fine["f"].reshape(2, time, 640 // time, 960)[..., :: 960 // x].mean(axis=2)
        for name, view in (("u", u), ("f", f)):
            difference = np.abs(view - coarse[name]).max()
            assert difference < 2e-6, f"{time} x {x}: {name} differs by {difference:.2e}"


def test_storage_of_the_forcing() -> None:
    seeds = System.sample_seeds("train", range(2))
    mean = burgers(16, 24).generate(seeds)["f"]
    left = burgers(16, 24, storage="left_sample").generate(seeds)["f"]
    for row, seed in enumerate(seeds):
        f = BurgersDraw.from_seed(seed).forcing(burgers(16, 24).x, 1280).reshape(16, 80, 24)
        assert np.allclose(mean[row], f.mean(axis=1), atol=1e-6)
        assert np.allclose(left[row], f[:, 0], atol=1e-6)


@pytest.mark.parametrize("solver", ["finite_difference", "spectral"])
def test_stored_data_reproduce_the_stored_state(solver: str) -> None:
    """Solving the stored (u0, f), with either solver, gives the stored u to an MSE of 1e-6."""
    system = System(Options())
    data = system.generate(System.sample_seeds("test", range(4)))
    u = system.solve(data["u"][:, 0], data["f"], solver=solver)
    mse = ((u - data["u"]) ** 2)[:, 1:].mean()
    assert u.shape == data["u"].shape
    assert mse < 1e-6, f"MSE {mse:.2e} between the stored u and the solution of the stored (u0, f)"


def test_left_samples_do_not_reproduce_the_stored_state() -> None:
    """The reason for storing means: samples reproduce u about a hundred times worse."""
    errors = []
    for storage in ("interval_mean", "left_sample"):
        system = burgers(storage=storage)
        data = system.generate(System.sample_seeds("test", range(4)))
        errors.append(((system.solve(data["u"][:, 0], data["f"]) - data["u"]) ** 2).mean())
    assert errors[1] > 50 * errors[0], f"MSE of means and of left samples: {errors}"


def test_any_number_of_forcing_intervals_can_be_solved() -> None:
    system = burgers(16, 24)
    u0 = np.sin(np.pi * system.x)[None]
    f = np.random.default_rng(0).normal(size=(1, 5, 24))
    u = system.solve(u0, f)
    repeated = system.solve(u0, np.repeat(f, 16, axis=1))
    assert np.abs(u - repeated).max() < 1e-12
    assert np.array_equal(u[:, 0], u0)


SMALL = {
    "spectral": {"modes": 160, "steps": 1280},
    "finite_difference": {"points": 480, "steps": 4800},
    "t_end": 1.0,
}


@pytest.mark.parametrize("solver", ["spectral", "finite_difference"])
def test_differentiable_solution_is_the_solution(solver: str) -> None:
    system = burgers(16, 24, solver=solver, **{**SMALL, "spectral": {"modes": 48, "steps": 1280}})
    data = system.generate(System.sample_seeds("train", range(1)))
    u = system.solve_differentiable(torch.tensor(data["u"][:, 0]), torch.tensor(data["f"]))
    expected = system.solve(data["u"][:, 0], data["f"])
    difference = np.abs(u.numpy() - expected).max()
    assert difference < 1e-12, f"difference {difference:.2e}"


def test_gradients_of_both_solvers_agree() -> None:
    """Of the final state's distance to a target, with respect to the start and the forcing."""
    gradients = []
    for solver in ("spectral", "finite_difference"):
        system = burgers(16, 24, solver=solver, **SMALL)
        x = torch.as_tensor(system.x)
        u0 = torch.stack([torch.sin(np.pi * x), torch.sin(2 * np.pi * x)]).requires_grad_()
        t = torch.linspace(0, 3, 16)[:, None]
        f = torch.stack([torch.sin(np.pi * x) * torch.cos(t), torch.sin(3 * np.pi * x) * t])
        f.requires_grad_()
        u = system.solve_differentiable(u0, f)
        (u[:, -1] - torch.sin(3 * np.pi * x)).square().mean().backward()
        assert u0.grad is not None and f.grad is not None
        gradients.append((u0.grad.numpy(), f.grad.numpy()))
    for spectral, differences in zip(*gradients, strict=True):
        error = np.linalg.norm(differences - spectral) / np.linalg.norm(spectral)
        assert error < 2e-3, f"relative difference {error:.2e}"


def test_diverged_seeds_are_named() -> None:
    system = burgers(16, 24, solver="spectral", spectral={"modes": 240, "steps": 1280}, t_end=200)
    seeds = System.sample_seeds("train", range(2))
    with pytest.raises(DivergedError, match=rf"system 'burgers', seeds {seeds[0]}"):
        system.generate(seeds)
