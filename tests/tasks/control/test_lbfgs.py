"""Descent of many cases at once: as good as SciPy's, each case by itself, and as counted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize, rosen, rosen_der
from torch import Tensor

from wdno.tasks.control.lbfgs import minimise


def rosenbrock(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    x = points.numpy()
    values = torch.tensor([rosen(one) for one in x])
    return values, torch.tensor(np.stack([rosen_der(one) for one in x]))


STARTS = torch.tensor([[-1.2, 1.0, 0.5], [2.0, 2.0, -1.0], [0.0, 0.0, 0.0]], dtype=torch.float64)


def test_finds_the_minimum_of_rosenbrock_about_as_fast_as_scipy() -> None:
    found = minimise(rosenbrock, STARTS, 80)
    assert found.value.max() < 1e-8
    torch.testing.assert_close(found.x, torch.ones_like(STARTS), atol=1e-3, rtol=0)
    for case, start in enumerate(STARTS.numpy()):
        scipy = minimize(rosen, start, jac=rosen_der, method="L-BFGS-B", options={"ftol": 1e-14})
        needed = int((found.history[case] > 1e-6).sum())
        assert needed < 2 * scipy.nfev


def test_many_scales_take_as_long_as_scipy() -> None:
    scales = torch.logspace(-2, 2, 12, dtype=torch.float64)
    start = torch.ones(2, 12, dtype=torch.float64)

    def evaluate(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return 0.5 * (scales * points.square()).sum(1), scales * points

    values: list[float] = []

    def recorded(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        values.append(float(0.5 * (scales.numpy() * x**2).sum()))
        return values[-1], scales.numpy() * x

    options = {"ftol": 0.0, "gtol": 0.0, "maxcor": 10, "maxfun": 60}
    minimize(recorded, start[0].numpy(), jac=True, method="L-BFGS-B", options=options)
    found = minimise(evaluate, start, 60, memory=10)
    assert found.value.max() < 3 * min(values[:60])


def test_a_case_does_not_depend_on_the_others() -> None:
    together = minimise(rosenbrock, STARTS, 25)
    for case in range(len(STARTS)):
        alone = minimise(rosenbrock, STARTS[case : case + 1], 25)
        torch.testing.assert_close(alone.history[0], together.history[case], rtol=1e-10, atol=0)


def test_asks_for_as_many_gradients_as_it_may_and_never_rises() -> None:
    asked = []

    def evaluate(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        asked.append(len(points))
        return rosenbrock(points, rows)

    found = minimise(evaluate, STARTS, 13)
    assert asked == [3] * 13 and found.history.shape == (3, 13)
    assert (found.history.diff(dim=1) <= 0).all()
    torch.testing.assert_close(found.value, rosenbrock(found.x, torch.arange(3))[0])


def test_at_a_minimum_it_stays() -> None:
    found = minimise(rosenbrock, torch.ones(1, 3, dtype=torch.float64), 5)
    assert torch.equal(found.x, torch.ones(1, 3, dtype=torch.float64)) and found.value == 0


def test_a_step_that_is_not_finite_is_too_long() -> None:
    def evaluate(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        value = points.square().sum(1)
        return torch.where(value > 1.5, torch.nan, value + 1e3), 2 * points

    found = minimise(evaluate, torch.ones(1, 1, dtype=torch.float64), 30)
    assert found.value.isfinite().all() and found.x.abs().max() < 0.1


@pytest.mark.parametrize(
    ("gradients", "start", "said"),
    [(0, STARTS, "at least 1 gradient"), (3, STARTS * torch.nan, "not finite at the start")],
)
def test_refuses(gradients: int, start: Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        minimise(rosenbrock, start, gradients)


def test_where_j_is_flat_the_first_step_is_no_longer_than_the_start() -> None:
    asked = []

    def evaluate(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        asked.append(points.clone())
        flat = points.new_tensor([1e-170, 1e-9, 1.0])[:, None]
        return points.new_full((3,), 1.0), -flat * torch.ones_like(points)

    start = torch.full((3, 4), 2.0, dtype=torch.float64)
    minimise(evaluate, start, 2)
    steps = (asked[1] - start).norm(dim=1)
    # Half of J over the gradient is 2.5e169, 2.5e8 and 0.25; the start is 4 from zero.
    torch.testing.assert_close(steps, torch.tensor([4.0, 4.0, 0.25], dtype=torch.float64))
    asked.clear()
    minimise(evaluate, torch.zeros_like(start), 2)
    assert (asked[1][0] == 0).all() and (asked[1][1] > 1e7).all()
