"""From grid to grid: what is kept of functions, and what cannot be held."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wdno.networks.levels import grids, refusal
from wdno.networks.resampling import resample, weights

SIZES = [(12, 24), (12, 30), (9, 18), (24, 12), (15, 9), (8, 7)]


@pytest.mark.parametrize(("size", "new"), SIZES)
def test_periodic_functions_that_both_grids_hold_keep_their_values(size: int, new: int) -> None:
    def wave(n: int) -> np.ndarray:
        x = 2 * np.pi * np.arange(n) / n
        return 0.3 + np.sin(x) - 0.5 * np.cos(3 * x)

    np.testing.assert_allclose(weights(size, new, True) @ wave(size), wave(new), atol=1e-12)


def test_frequencies_that_the_coarser_grid_cannot_hold_vanish() -> None:
    x = 2 * np.pi * np.arange(24) / 24
    np.testing.assert_allclose(weights(24, 12, True) @ np.sin(8 * x), 0, atol=1e-12)
    # Where an axis ends, its window leaves some of them, and near the ends more.
    inside = (weights(96, 48, False) @ np.sin(2 * np.pi * 40 * (np.arange(96) + 0.5) / 96))[6:-6]
    assert np.abs(inside).max() < 0.05


@pytest.mark.parametrize(("size", "new"), SIZES)
def test_an_axis_that_ends_keeps_constants_mirror_images_and_smooth_functions(
    size: int, new: int
) -> None:
    matrix = weights(size, new, False)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(matrix[::-1, ::-1], matrix, atol=1e-12)

    def bump(n: int) -> np.ndarray:
        return np.exp(-20 * ((np.arange(n) + 0.5) / n - 0.5) ** 2)

    np.testing.assert_allclose(matrix @ bump(size), bump(new), atol=0.03)
    np.testing.assert_allclose(weights(size, size, False), np.eye(size), atol=1e-12)


def test_axes_are_taken_one_by_one_each_by_its_kind() -> None:
    x = torch.randn(2, 3, 6, 9, dtype=torch.float64)
    found = resample(x, (12, 5), (True, False))
    expected = np.einsum("ai,bj,ncij->ncab", weights(6, 12, True), weights(9, 5, False), x.numpy())
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)
    assert resample(x, (6, 9), (True, False)) is x
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert resample(x.bfloat16(), (12, 5), (True, False)).dtype == torch.float32


def test_gradients_are_exact() -> None:
    x = torch.randn(1, 1, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: resample(x, (7, 8), (False, True)), (x,))


def test_grids_are_halved_with_the_half_rounded_up_and_time_is_kept() -> None:
    assert grids((9, 12), 2) == [(9, 12), (5, 6), (3, 3)]
    assert grids((7, 5, 8), 1) == [(7, 5, 8), (7, 3, 4)]
    assert refusal("levels = 3", (5, 100), 3) is None
    problem = refusal("levels = 3", (4, 100), 3)
    assert problem is not None
    assert problem.startswith("levels = 3: a grid of 4 x 100") and "at most 2" in problem
    assert refusal("levels = 2", (1, 3, 3), 2) is None
