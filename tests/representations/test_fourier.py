"""Fourier coefficients: exact, orthonormal, each wave in its place."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.fft
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import NETWORKS, build, generators
from torch import Tensor

from wdno.data.dataset import Trajectories
from wdno.representations import REGISTRY, fourier_basis
from wdno.representations.fourier import Fourier
from wdno.tasks.simulation.problem import data as simulation

MODES = ["mirrored", "periodization"]
SIZES = st.integers(1, 40)
DOUBLE = torch.float64


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=60, deadline=None)
@given(
    grid=st.lists(SIZES, min_size=2, max_size=3),
    mode=st.sampled_from(MODES),
    wraps=st.tuples(st.booleans(), st.booleans()),
    seed=st.integers(0, 2**16),
)
def test_every_size_is_inverted_and_keeps_its_squares(
    grid: list[int], mode: str, wraps: tuple[bool, bool], seed: int
) -> None:
    representation = Fourier(mode, len(grid), wraps[: len(grid) - 1])
    x = noise(2, 3, *grid, seed=seed)
    c = representation.encode(x, grid)
    assert tuple(c.shape) == (2, 3 * 2 ** len(grid), *representation.coefficient_grid(grid))
    assert float((representation.decode(c, grid) - x).abs().max()) < 1e-12
    squares = [float(each.square().sum()) for each in (c, x)]
    assert squares[0] == pytest.approx(squares[1], rel=1e-12)
    series = x.flatten(3)[..., 0]
    again = representation.decode(representation.encode(series, grid, "time"), grid, "time")
    assert float((again - series).abs().max()) < 1e-12


@pytest.mark.parametrize("size", [1, 2, 7, 8, 120])
def test_rows_are_orthonormal_or_zero(size: int) -> None:
    for wraps in (False, True):
        matrix = fourier_basis.matrix(size, wraps)
        assert matrix.shape == (2 * fourier_basis.coefficient_size(size, wraps), size)
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(size), atol=1e-13)
        product = matrix @ matrix.T
        kept = np.diag(product) > 0.5
        assert kept.sum() == size
        np.testing.assert_allclose(product, np.diag(kept.astype(float)), atol=1e-13)


@pytest.mark.parametrize("size", [11, 12])
def test_coefficients_are_those_of_scipy(size: int) -> None:
    x = np.random.default_rng(0).normal(size=size)
    m = size // 2 + 1
    even, odd = (fourier_basis.matrix(size, True) @ x).reshape(2, m)
    spectrum = scipy.fft.rfft(x) * math.sqrt(2 / size)
    spectrum[[0, *([-1] if size % 2 == 0 else [])]] /= math.sqrt(2)
    np.testing.assert_allclose(even, spectrum.real, atol=1e-13)
    np.testing.assert_allclose(odd, -spectrum.imag, atol=1e-13)
    m = (size + 1) // 2
    even, odd = (fourier_basis.matrix(size, False) @ x).reshape(2, m)
    cosines = scipy.fft.dct(x, type=2, norm="ortho")
    np.testing.assert_allclose(even, cosines[::2], atol=1e-13)
    np.testing.assert_allclose(odd[: size // 2], cosines[1::2], atol=1e-13)


def only(c: Tensor, names: list[str]) -> dict[str, tuple[int, ...]]:
    """Which coefficient of which channel is not zero."""
    places = (c[0].abs() > 1e-9).nonzero().tolist()
    return {names[channel]: tuple(place) for channel, *place in places}


@pytest.mark.parametrize(("wave", "band"), [(np.cos, "e"), (np.sin, "o")])
@pytest.mark.parametrize("points", [24, 25])
def test_a_single_wave_is_a_single_coefficient(wave, band: str, points: int) -> None:
    """A wave in x, constant in time, of the second of two fields."""
    representation, grid = Fourier(periodic=[True]), (6, points)
    x = torch.zeros(1, 2, *grid, dtype=DOUBLE)
    x[:, 1] = torch.from_numpy(wave(2 * np.pi * 3 * np.arange(points) / points))
    c = representation.encode(x, grid)
    found = only(c, representation.channel_names(["u", "f"]))
    assert found == {f"f:e{band}": (0, 3)}
    assert float(c.abs().max()) == pytest.approx(math.sqrt(6 * points / 2))


@pytest.mark.parametrize(("halves", "name"), [(4, "u:ee"), (5, "u:oe")])
def test_half_waves_of_time(halves: int, name: str) -> None:
    representation, grid = Fourier(periodic=[True]), (12, 8)
    along = np.cos(np.pi * halves * (2 * np.arange(12) + 1) / 24)
    x = torch.from_numpy(np.tile(along[:, None], (1, 8)))[None, None]
    found = only(representation.encode(x, grid), representation.channel_names(["u"]))
    assert found == {name: (2, 0)}


def test_a_ramp_has_a_seam_only_where_it_is_wrapped() -> None:
    """Squares of the waves shorter than four points."""
    x = torch.linspace(0, 1, 48, dtype=DOUBLE).expand(1, 1, 8, 48)
    short = {
        mode: float(Fourier(mode).encode(x, (8, 48))[..., 12:].square().sum() / x.square().sum())
        for mode in MODES
    }
    assert short["mirrored"] < 1e-4 < 1e-3 < short["periodization"], short


def test_gradients_and_precision() -> None:
    representation = Fourier(periodic=[True])
    c = representation.encode(noise(1, 1, 5, 7), (5, 7)).requires_grad_()
    torch.autograd.gradcheck(lambda v: representation.decode(v, (5, 7)), c, fast_mode=True)
    x = noise(2, 1, 81, 120).float()
    again = representation.decode(representation.encode(x, (81, 120)), (81, 120))
    assert float((again - x).abs().max()) < 1e-5
    with pytest.raises(ValueError, match=r"expected float32 or float64, got torch\.bfloat16"):
        representation.encode(x.bfloat16(), (81, 120))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert representation.encode(x, (81, 120)).dtype == torch.float32


def test_what_it_is_asked_for_must_fit() -> None:
    with pytest.raises(ValueError, match="expected 'mirrored' or 'periodization', got 'zero'"):
        Fourier("zero")
    with pytest.raises(ValueError, match="'periodic' for each of 1 spatial axes"):
        Fourier(periodic=[True, False])
    assert str(Fourier()) == "Fourier(mirrored, dims=2)"
    assert not Fourier().state_dict()


@pytest.mark.parametrize("mode", MODES)
def test_its_options_know_its_grid(mode: str) -> None:
    options = REGISTRY.light("fourier").Options(name="fourier", mode=mode)
    for grid, periodic in (((32, 48), [True]), ((31, 47), [False]), ((5, 6, 7), [True, False])):
        made = Fourier(mode, len(grid), periodic)
        assert options.coefficient_grid(grid, periodic) == made.coefficient_grid(grid)
        assert options.check(grid, periodic) == []
        assert options.wraps(periodic) == (False,) * len(periodic)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n["name"])
@pytest.mark.parametrize("mode", MODES)
def test_a_model_of_waves(waves: Trajectories, network: dict, mode: str) -> None:
    """Axes of wave numbers do not wrap around, though the field's do."""
    data = simulation(waves)
    model = build(data, representation={"name": "fourier", "mode": mode}, network=network)
    assert data.problem.periodic == (True,) and model.wraps == (False,)
    batch = data.batch(np.arange(4))
    found = model.predict(batch, generators(4), {"name": "ddim", "steps": 2})["state"]
    assert found.shape == batch["state"].shape and found.isfinite().all()
    channels = model.encode(batch, batch)
    spread = channels.transpose(0, 1).flatten(1).std(1)
    assert spread.max() < 3
    back = model.decode(channels, batch)["state"]
    torch.testing.assert_close(back, batch["state"], rtol=1e-4, atol=1e-4)
