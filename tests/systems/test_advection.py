"""The advection system: the exact solution, its distribution, and what periodic means."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from waves import make_data

from wdno.data.dataset import Trajectories
from wdno.model import Model
from wdno.systems.advection import InitialState, Options, System
from wdno.tasks.simulation import problem as simulation


def advection(time: int = 32, x: int = 48, **options: object) -> System:
    return System(Options.model_validate({"grid": {"time": time, "x": x}, **options}))


@pytest.mark.parametrize("beta", [0.4, -1.0, 4.0])
def test_the_state_travels_at_its_speed(beta: float) -> None:
    system = advection(beta=beta, t_end=2.0)
    seeds = System.sample_seeds("test", range(50))
    u = system.generate(seeds)["u"]
    time, x = system.coordinates()["time"], system.coordinates()["x"]
    for seed, trajectory in zip(seeds, u, strict=True):
        start = InitialState(seed)
        np.testing.assert_allclose(trajectory[0], start(x), atol=1e-6)
        np.testing.assert_allclose(trajectory[7], start(x - beta * time[7]), atol=1e-6)
        np.testing.assert_allclose(start(x + 1.0), start(x), atol=1e-12)


def test_after_whole_periods_the_state_returns() -> None:
    u = advection(beta=0.5, t_end=2.0).generate(System.sample_seeds("test", range(20)))["u"]
    np.testing.assert_allclose(u[:, -1], u[:, 0], atol=1e-5)


def test_a_frame_is_the_first_moved_by_whole_cells() -> None:
    # beta t / dx = 0.75 * 1/24 * 48 * k: one and a half cells each frame.
    u = advection(24, 48, beta=0.75, t_end=1.0).generate(System.sample_seeds("test", range(20)))[
        "u"
    ]
    np.testing.assert_allclose(
        u[:, 2::2],
        np.stack([np.roll(u[:, 0], 3 * k, axis=-1) for k in range(1, 13)], axis=1),
        atol=1e-5,
    )


def test_a_coarse_grid_is_a_view_of_a_fine_one() -> None:
    seeds = System.sample_seeds("train", range(8))
    fine = advection(160, 240).generate(seeds)["u"]
    for time, x in ((80, 120), (32, 48)):
        coarse = advection(time, x).generate(seeds)["u"]
        np.testing.assert_allclose(coarse, fine[:, :: 160 // time, :: 240 // x], atol=1e-6)


def test_the_equation_holds() -> None:
    system = advection(400, 1000, t_end=0.2)
    seeds = [s for s in System.sample_seeds("test", range(30)) if smooth(s)]
    u = system.generate(seeds)["u"].astype(np.float64)
    time, x = system.coordinates()["time"], system.coordinates()["x"]
    u_t = (u[:, 2:] - u[:, :-2]) / (2 * time[1])
    u_x = (np.roll(u, -1, axis=-1) - np.roll(u, 1, axis=-1))[:, 1:-1] / (2 * x[1])
    residual = np.abs(u_t + 0.4 * u_x).max() / np.abs(u_x).max()
    assert residual < 2e-3, f"residual {residual:.2e} of the largest gradient"


def smooth(seed: int) -> bool:
    start = InitialState(seed)
    return not (start.absolute or start.windowed)


def test_the_distribution_is_the_stated_one() -> None:
    states = [InitialState(s) for s in System.sample_seeds("train", range(4000))]
    waves = np.array([s.wavenumber for s in states])
    assert set(np.unique(waves)) == set(range(1, 9))
    assert np.bincount(waves.ravel(), minlength=9)[1:] == pytest.approx(1000, abs=150)
    for name in ("absolute", "windowed"):
        share = np.mean([getattr(s, name) for s in states])
        assert share == pytest.approx(0.1, abs=0.02), f"{name}: {share}"
    assert np.mean([s.sign for s in states]) == pytest.approx(0.0, abs=0.06)
    amplitude = np.array([s.amplitude for s in states])
    assert (amplitude.min(), amplitude.max()) == pytest.approx((0.0, 1.0), abs=0.01)
    x = np.linspace(0, 1, 500, endpoint=False)
    zero = [np.mean(s(x) == 0) for s in states if s.windowed]
    assert min(zero) > 0.05, "a window leaves at least a tenth out"
    assert max(zero) < 0.95


def test_samples_do_not_depend_on_the_batch() -> None:
    seeds = System.sample_seeds("train", range(6))
    whole = advection().generate(seeds)["u"]
    np.testing.assert_array_equal(advection().generate(seeds[3:4], threads=2)["u"][0], whole[3])
    assert whole.dtype == np.float32
    assert whole.shape == (6, 33, 48)


def test_wrong_options_are_refused() -> None:
    for wrong in ({"beta": float("inf")}, {"grid": {"x": 0}}, {"t_end": -1.0}, {"betta": 0.4}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            Options.model_validate(wrong)


@pytest.mark.parametrize("representation", ["identity", "wavelet"])
def test_a_model_of_periodic_data_commutes_with_translations(
    tmp_path_factory: pytest.TempPathFactory, representation: str
) -> None:
    path = make_data(
        tmp_path_factory.mktemp("advection") / "train.nc", system=advection(16, 32), count=8
    )
    data = simulation.data(Trajectories(path))
    assert data.problem.boundaries == ("periodic",)
    torch.manual_seed(0)
    network = {"name": "unet", "width": 8, "multipliers": [1, 2], "attention": "middle"}
    spec = {
        "representation": {"name": representation},
        "network": network,
        "objective": {"name": "regression"},
    }
    model = Model(spec, data.problem)
    model.fit_scales(data)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    batch = data.batch(np.arange(4))
    # Both the transform and one halving of the U-Net commute with shifts by four points.
    moved = {**batch, "first": batch["first"].roll(4, -1)}
    there = model.predict(batch, [])["state"].roll(4, -1)
    torch.testing.assert_close(model.predict(moved, [])["state"], there, rtol=1e-4, atol=1e-4)
    wrong = {**batch, "first": batch["first"].roll(1, -1)}
    other = model.predict(wrong, [])["state"].roll(-1, -1)
    here = model.predict(batch, [])["state"]
    assert not torch.allclose(other, here, atol=1e-3), "the test sees nothing"
