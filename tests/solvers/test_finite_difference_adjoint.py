"""The adjoint of the finite differences: gradients against differences of solutions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from wdno.solvers.finite_difference import solve
from wdno.solvers.finite_difference_adjoint import pull_back, solve_differentiable
from wdno.solvers.grids import interior_grid

X = interior_grid(24)
OPTIONS: dict[str, Any] = {
    "x": X,
    "viscosity": 0.02,
    "t_end": 1.0,
    "frames": 8,
    "points": 60,
    "steps": 240,
}


def problem(
    intervals: int = 4, n: int = 3, points_out: int = 24
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    u0 = rng.uniform(-1, 1, (n, 1)) * np.sin(np.pi * X * np.arange(1, n + 1)[:, None])
    f = rng.normal(size=(n, intervals, 24))
    return u0, f, rng.normal(size=(n, 9, points_out))


@pytest.mark.parametrize("intervals", [1, 4, 8, 240])
@pytest.mark.parametrize("other_points", [False, True])
def test_gradient_is_that_of_the_solution(intervals: int, other_points: bool) -> None:
    x_out = X[1::3] if other_points else X
    u0, f, weights = problem(intervals, points_out=x_out.size)
    options = {**OPTIONS, "x_out": x_out}
    of_u0, of_f = pull_back(u0, f, weights, **options)
    rng = np.random.default_rng(1)
    for _ in range(3):
        du, df = rng.normal(size=u0.shape), rng.normal(size=f.shape)
        ends = [solve(u0 + h * du, f + h * df, **options) for h in (1e-5, -1e-5)]
        expected = (weights * (ends[0] - ends[1])).sum() / 2e-5
        found = (of_u0 * du).sum() + (of_f * df).sum()
        assert found == pytest.approx(expected, rel=1e-7)


def test_gradient_on_the_solvers_own_grid() -> None:
    """Without maps between grids, the last step's forcing has the weight of its length."""
    x = interior_grid(60)
    u0, f = np.zeros((1, 60)), np.zeros((1, 240, 60))
    weights = np.zeros((1, 9, 60))
    weights[0, -1] = np.arange(60)
    _, of_f = pull_back(u0, f, weights, **{**OPTIONS, "x": x})
    np.testing.assert_allclose(of_f[0, -1], np.arange(60) / 240, rtol=1e-9, atol=1e-12)


def test_initial_frame_counts() -> None:
    u0, f, weights = problem()
    weights[:, 1:] = 0
    of_u0, of_f = pull_back(u0, f, weights, **OPTIONS)
    np.testing.assert_array_equal(of_u0, weights[:, 0])
    assert not of_f.any()


def test_a_trajectory_is_differentiated_alone() -> None:
    u0, f, weights = problem(n=11)
    whole = pull_back(u0, f, weights, threads=2, **OPTIONS)
    alone = pull_back(u0[6:7], f[6:7], weights[6:7], **OPTIONS)
    for many, one in zip(whole, alone, strict=True):
        np.testing.assert_array_equal(many[6:7], one)


def test_pytorch_differentiates_through_it() -> None:
    u0, f, weights = problem()
    tensors = [torch.tensor(values, requires_grad=True) for values in (u0, f.astype(np.float32))]
    u = solve_differentiable(*tensors, **OPTIONS)
    np.testing.assert_array_equal(u.detach(), solve(u0, f.astype(np.float32), **OPTIONS))
    (u * torch.as_tensor(weights)).sum().backward()
    expected = pull_back(u0, f.astype(np.float32), weights, **OPTIONS)
    for tensor, gradient in zip(tensors, expected, strict=True):
        assert tensor.grad is not None and tensor.grad.dtype == tensor.dtype
        np.testing.assert_allclose(tensor.grad, gradient, rtol=1e-6)


def test_gradients_of_gradients_are_refused() -> None:
    u0, f, _ = problem()
    forcing = torch.tensor(f, requires_grad=True)
    u = solve_differentiable(torch.tensor(u0), forcing, **OPTIONS)
    (gradient,) = torch.autograd.grad(u.square().sum(), forcing, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_weights_of_another_shape_are_refused() -> None:
    u0, f, weights = problem()
    with pytest.raises(ValueError, match=r"\[3, 9, 24\], got \[3, 8, 24\]"):
        pull_back(u0, f, weights[:, 1:], **OPTIONS)
    with pytest.raises(ValueError, match="unstable"):
        pull_back(u0, f, weights, **{**OPTIONS, "steps": 24})
