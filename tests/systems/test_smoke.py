from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from small_smoke import smoke

from wdno import systems
from wdno.data.netcdf import to_dataset
from wdno.systems._smoke_draw import SmokeDraw
from wdno.systems.smoke import Options, System


def control_of(data: dict) -> np.ndarray:
    return np.stack([data["control_y"], data["control_x"]], axis=2)


def shares(data: dict) -> np.ndarray:
    return np.stack([data[f"share_{bucket}"] for bucket in range(7)], axis=-1)


def caught(data: dict, cell: float) -> np.ndarray:
    """Smoke in each bucket, from the shares and the smoke that is left."""
    inside = data["density"].sum(axis=(2, 3)) * cell**2
    return shares(data) * (inside / (1 - shares(data).sum(axis=2)))[..., None]


POCKET = [[40, 40, 1, 9], [48, 40, 1, 9], [40, 40, 9, 1], [40, 48, 9, 1]]
SEEDS = System.sample_seeds("train", range(6))


def test_options_are_all_described() -> None:
    assert systems.REGISTRY.load("smoke") is System
    for section in (Options, *(type(getattr(Options(), n)) for n in ("scene", "grid"))):
        bare = [name for name, field in section.model_fields.items() if not field.description]
        assert not bare, f"{section.__name__} has options without a description: {bare}"
    assert Options().grid_shape() == (32, 64, 64) and Options().boundaries() == ("open", "open")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cells": 96}, "cells must divide 128, got 96; nearest: 64 and 128"),
        ({"grid": {"cells": 48}}, "grid.cells must divide 128, got 48; nearest: 32 and 64"),
        ({"cells": 32}, "grid.cells must divide 32, got 64"),
        ({"grid": {"time": 33}}, "grid.time must divide 256, got 33"),
        ({"scene": {"frame": 64}}, "a frame of 64 on both sides is as wide as the domain"),
        ({"scene": {"frame": 15}}, "scene.frame = 15 is no whole number of stored cells"),
        ({"scene": {"target": 7}}, "scene.target must be below the number of buckets, 7, got 7"),
        ({"scene": {"obstacles": [[0, 0, 1, 200]]}}, "is not inside the scene of 128 x 128"),
        ({"scene": {"obstacles": [[0, 0, 1]]}}, "at least 4 items"),
        ({"scene": {"obstacles": POCKET}}, "close off 49 fluid cells"),
        ({"viscosity": 0.1}, "viscosity = 0.1 has no effect with dynamics = projection"),
        (
            {"viscosity": 1.0, "dynamics": "navier_stokes"},
            "steps = 256 is unstable on 128 cells with viscosity 1.0; use at least 1024",
        ),
        ({"colour": "grey"}, "colour"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Options.model_validate(options)


def test_coordinates() -> None:
    coordinates = System().coordinates()
    shapes = {name: values.shape for name, values in coordinates.items()}
    assert shapes == {
        "time": (33,),
        "interval": (32,),
        "interval_bounds": (32, 2),
        "y": (64,),
        "x": (64,),
    }
    assert coordinates["time"][-1] == 256 and coordinates["interval"][0] == 4
    assert coordinates["x"][[0, -1]].tolist() == [1, 127]


def test_the_scene_is_in_the_data_at_the_solvers_resolution() -> None:
    system = smoke(cells=64, steps=64, scene={"target": 4})
    arrays = {field.name: np.zeros((1, 9, 16, 16)) for field in system.fields}
    for field in system.fields:
        if field.role in ("series", "diagnostic"):
            arrays[field.name] = np.zeros((1, 9))
        elif field.role == "forcing":
            arrays[field.name] = np.zeros((1, 8, 16, 16))
    arrays |= {number.name: np.zeros(1) for number in system.per_sample}
    dataset = to_dataset(system, arrays, 0)
    drawing = system.drawing
    masks = {"obstacle": drawing.solid, "bucket": drawing.bucket, "control_frame": drawing.frame}
    for name, values in masks.items():
        assert dataset[name].dims == ("scene_y", "scene_x")
        assert dataset[name].dtype == np.int8 and dataset[name].attrs["role"] == "static"
        np.testing.assert_array_equal(dataset[name], values, err_msg=name)
    assert dataset["scene_x"].to_numpy()[[0, -1]].tolist() == [1, 127]
    assert dataset["bucket"].attrs["target"] == 4
    flags = dataset["bucket"].attrs["flag_values"]
    assert flags.tolist() == [-1, 0, 1, 2, 3, 4, 5, 6] and flags.dtype == np.int8
    assert len(str(dataset["bucket"].attrs["flag_meanings"]).split()) == 8


def test_draws_follow_their_definition() -> None:
    draws = [SmokeDraw.from_seed(seed) for seed in range(3000)]
    routes = np.stack([draw.route for draw in draws])
    left = routes[:, 0, 1] < 54
    expected = {
        "start row": (routes[:, 0, 0], 22, 24),
        "start column": (routes[:, 0, 1], 22, 96),
        "way round the bar on the left": (routes[left, 1:3, 1], 21, 53),
        "way round the bar on the right": (routes[~left, 1:3, 1], 64, 96),
        "third way-point": (routes[:, 3, 1], 50, 68),
        "end": (routes[:, 4, 1], 56, 61),
    }
    for name, (values, low, high) in expected.items():
        assert (values.min(), values.max()) == (low, high), f"{name}: {values.min()}"
    assert (routes[:, 1:, 0] == [40, 50, 64, 112]).all()
    legs = np.diff(routes, axis=1)
    lengths = np.hypot(legs[..., 0], legs[..., 1])
    mean_y = 5 * lengths.sum(axis=1, keepdims=True) * legs[..., 0] / lengths
    relative = np.stack([draw.velocity for draw in draws])[..., 0] / mean_y
    assert abs(relative.mean() - 1) < 0.01 and abs(relative.std() - 0.25) < 0.01
    mean_x = lengths.sum(axis=1, keepdims=True) * legs[..., 1] / lengths
    ratio = np.stack([draw.velocity for draw in draws])[..., 1][mean_x != 0] / mean_x[mean_x != 0]
    assert abs(ratio.mean() - 3.5) < 0.1, f"x is scaled by {ratio.mean():.2f}, expected 3.5"


def test_legs_share_the_time_by_their_lengths() -> None:
    draw = SmokeDraw.from_seed(3)
    legs = draw.leg_of_step(256)
    lengths = np.hypot(*np.diff(draw.route, axis=0).T)
    shares = np.bincount(legs, minlength=4) / 256
    assert np.abs(shares - lengths / lengths.sum()).max() <= 1 / 256
    assert (np.diff(legs) >= 0).all()


def test_noise_scales_with_cells_and_steps() -> None:
    """Deviation 0.1 on cells of width 1 and steps of 1; sums of steps and means of cells agree."""
    stays = np.zeros(400, dtype=bool)
    for spacing, step in ((1.0, 1.0), (4.0, 4.0), (2.0, 1.0)):
        noise = SmokeDraw.from_seed(0).control(
            np.zeros(400, int), stays, (30, 30), spacing, 256.0, step
        )
        expected = 0.1 * np.sqrt(step) / spacing
        assert abs(noise.std() / expected - 1) < 0.03, f"{noise.std()}, expected {expected}"
    starts = stays.copy()
    starts[0] = True
    draw = SmokeDraw.from_seed(0)
    first = draw.control(np.zeros(1, int), starts[:1], (4000, 4000), 1.0, 256.0, 1.0)[0]
    for part, v in zip(np.split(first, 2), draw.velocity[0] / 256, strict=True):
        assert abs(part.mean() / v - 1) < 0.01 and abs(part.std() / abs(v) - 0.1) < 0.01


def test_start_is_a_square_of_the_same_mass_on_every_grid() -> None:
    draw = SmokeDraw.from_seed(5)
    row, column = draw.route[0].astype(int)
    fine = draw.density(128, 1.0)
    assert fine.sum() == 121 and fine[row : row + 11, column : column + 11].all()
    coarse = draw.density(32, 4.0)
    assert np.allclose(coarse, fine.reshape(32, 4, 32, 4).mean(axis=(1, 3)), atol=1e-15)


def test_sample_is_the_same_in_any_batch_order_and_with_any_threads() -> None:
    system = smoke()
    seeds = System.sample_seeds("train", range(19))
    whole = system.generate(seeds, threads=1)
    assert {name: (v.shape, v.dtype) for name, v in whole.items()} == {
        "density": ((19, 9, 16, 16), np.float32),
        "velocity_y": ((19, 9, 16, 16), np.float32),
        "velocity_x": ((19, 9, 16, 16), np.float32),
        "control_y": ((19, 8, 16, 16), np.float32),
        "control_x": ((19, 8, 16, 16), np.float32),
        "divergence": ((19,), np.float32),
        "smoke_lost": ((19,), np.float32),
        "share": ((19, 9), np.float32),
        **{f"share_{bucket}": ((19, 9), np.float32) for bucket in range(7)},
    }
    threaded = system.generate(seeds[::-1], threads=2)
    single = system.generate(seeds[17:18])
    for name, values in whole.items():
        assert np.array_equal(values, threaded[name][::-1]), f"{name}: batch or threads matter"
        assert np.array_equal(values[17:18], single[name]), f"{name}: sample 17 alone differs"
    assert not np.array_equal(whole["control_y"][0], whole["control_y"][1])


@pytest.mark.parametrize("dynamics", ["projection", "navier_stokes"])
def test_trajectories_are_what_they_should_be(dynamics: str) -> None:
    system = smoke(grid={"time": 8, "cells": 32}, dynamics=dynamics)
    data = system.generate(SEEDS)
    worst = data["divergence"].max()
    assert 0 < worst < 1e-5, f"divergence {worst:.1e}, bar 1e-5"
    solid, frame = system.drawing.solid, system.drawing.frame
    assert not data["density"][:, 1:, solid].any(), "smoke in an obstacle"
    for name in ("control_y", "control_x"):
        assert not data[name][:, :, ~frame].any(), f"{name} is not zero inside the frame"
        assert (data[name][:, :, frame & ~solid] != 0).all(), f"{name} is zero in the frame"
    assert data["density"].min() >= 0 and data["density"].max() <= 1 + 1e-6
    assert np.allclose(data["velocity_y"][:, 0], 0.2) and not data["velocity_x"][:, 0].any()
    assert (np.diff(caught(data, 4), axis=1) >= -1e-4).all() and not shares(data)[:, 0].any()
    assert shares(data)[:, -1].sum(axis=1).max() > 0.1, "no bucket catches smoke"


def test_smoke_is_accounted_for() -> None:
    system = smoke(grid={"time": 8, "cells": 32})
    data = system.generate(SEEDS)
    inside = data["density"].sum(axis=(2, 3)) * 16
    tallied = caught(data, 4).sum(axis=2)
    lost = 1 - (inside + tallied)[:, -1] / inside[:, 0]
    assert np.abs(lost - data["smoke_lost"]).max() < 1e-5
    assert np.abs(lost).max() < 0.4, f"share of smoke lost {lost}"
    assert np.array_equal(data["share"], data["share_1"]), "the target is bucket 1"


def test_stored_grids_are_views_of_one_trajectory() -> None:
    fine = smoke(grid={"time": 16, "cells": 32}).generate(SEEDS)
    coarse = smoke(grid={"time": 8, "cells": 16}).generate(SEEDS)
    for name in ("density", "velocity_y", "control_x"):
        n, t = fine[name].shape[:2]
        blocks = fine[name].reshape(n, t, 16, 2, 16, 2).mean(axis=(3, 5))
        forcing = name.startswith("control")
        view = blocks.reshape(n, 8, 2, 16, 16).mean(axis=2) if forcing else blocks[:, ::2]
        assert np.abs(view - coarse[name]).max() < 1e-6, name
    assert np.array_equal(fine["share"][:, ::2], coarse["share"])


def test_stored_controls_reproduce_the_stored_trajectory() -> None:
    """Up to what averaging takes away: it is a tenth of the change, or less."""
    system = smoke(steps=64, grid={"time": 16, "cells": 32})
    data = system.generate(SEEDS)
    run = system.solve(data["density"][:, 0], control_of(data), threads=2)
    error = ((run.density - data["density"]) ** 2).mean()
    change = ((data["density"] - data["density"][:, :1]) ** 2).mean()
    assert error < 0.01 * change, f"MSE {error:.1e}, of the initial state {change:.1e}"
    assert np.abs(run.share - data["share"])[:, -1].max() < 0.2
    assert run.tallies.shape == shares(data).shape and run.velocity.shape[2] == 2


def test_differentiable_solution_is_the_same_and_has_gradients() -> None:
    system = smoke()
    data = system.generate(SEEDS[:2])
    density, control = torch.as_tensor(data["density"][:, 0]), torch.as_tensor(control_of(data))
    control.requires_grad_()
    run = system.solve_differentiable(density, control)
    (1 - run.share[:, -1]).sum().backward()
    assert control.grad is not None and bool(torch.isfinite(control.grad).all())
    assert bool(control.grad.any())
    expected = system.solve(data["density"][:, 0], control_of(data))
    for name, a, b in zip(run._fields, run, expected, strict=True):
        assert np.abs(a.detach().numpy() - b).max() < 1e-10, name


def test_counting_at_every_step_flatters() -> None:
    system = smoke()
    data = system.generate(SEEDS)
    once = system.solve(data["density"][:, 0], control_of(data)).share
    often = system.share_counted_every_step(data["density"][:, 0], control_of(data))
    assert often.shape == once.shape
    assert (often[:, -1] > 1.3 * once[:, -1]).all(), f"{often[:, -1]} and {once[:, -1]}"


def test_bad_input_is_refused() -> None:
    system = smoke()
    data = system.generate(SEEDS[:1])
    control = control_of(data)
    control[0, 3, 1, 0, 2] = np.nan
    with pytest.raises(ValueError, match="control x of trajectory 0 is nan at interval 3"):
        system.solve(data["density"][:, 0], control)
    with pytest.raises(
        ValueError, match=r"square grid that divides 32 x 32, got shape \(1, 12, 12"
    ):
        system.solve(np.zeros((1, 12, 12)), control)
    with pytest.raises(ValueError, match="32 steps cannot hold 5 controls"):
        system.solve(data["density"][:, 0], control_of(data)[:, :5])


def test_samples_fit_the_data_file() -> None:
    system = smoke()
    dataset = to_dataset(system, system.draw("train", range(3), 0), 0)
    assert dataset["density"].dims == ("sample", "time", "y", "x")
    assert dataset["control_x"].dims == ("sample", "interval", "y", "x")
    assert dataset["share"].dims == dataset["share_6"].dims == ("sample", "time")
    assert dataset["share"].attrs["role"] == "series"
    assert dataset["smoke_lost"].attrs["role"] == "diagnostic"
