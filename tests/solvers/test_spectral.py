from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from wdno.solvers import spectral
from wdno.solvers.grids import DivergedError, interior_grid

X = interior_grid(240)


def cole_hopf(x: np.ndarray, t: float, viscosity: float, a: float) -> np.ndarray:
    """u = -2 nu phi_x / phi with phi = a + exp(-nu pi^2 t) cos(pi x).

    phi solves phi_t = nu phi_xx and has phi_x = 0 at both ends, where u therefore vanishes.
    """
    decay = np.exp(-viscosity * np.pi**2 * t)
    return 2 * viscosity * np.pi * decay * np.sin(np.pi * x) / (a + decay * np.cos(np.pi * x))


def smooth_case(intervals: int, x: np.ndarray = X) -> tuple[torch.Tensor, torch.Tensor]:
    """Two states and forcings that differ between intervals and do not vanish at the ends."""
    rng = np.random.default_rng(0)
    centre, strength = rng.uniform(0, 1, (2, intervals, 1)), rng.uniform(-1, 1, (2, intervals, 1))
    u0 = np.stack([np.sin(np.pi * x), 0.5 * np.sin(3 * np.pi * x)])
    f = strength * np.exp(-0.5 * ((x - centre) / 0.3) ** 2)
    return torch.tensor(u0), torch.tensor(f)


def relative(a: np.ndarray | torch.Tensor, b: np.ndarray | torch.Tensor) -> float:
    a, b = np.asarray(a), np.asarray(b)
    return float(np.sqrt(((a - b) ** 2).mean() / (b**2).mean()))


@pytest.mark.parametrize("a", [1.1, 2.0])
def test_exact_solution(a: float) -> None:
    out = np.linspace(0, 1, 33)
    u0 = torch.tensor(cole_hopf(X, 0, 0.05, a))[None]
    u = spectral.solve(
        u0, torch.zeros(1, 1, X.size), x=X, x_out=out, viscosity=0.05, t_end=3, frames=3,
        modes=64, steps=300,
    )  # fmt: skip
    exact = np.stack([cole_hopf(out, t, 0.05, a) for t in range(4)])
    error = relative(u[0, 1:], exact[1:])
    assert error < 1e-7, f"relative error {error:.2e} to the Cole-Hopf solution with a = {a}"
    ends = u[0, 1:, [0, -1]].abs().max()
    assert ends < 1e-14, f"the solution is {ends:.2e} at the ends, which must vanish"


def test_steady_state_under_forcing() -> None:
    """f = u u_x - nu u_xx keeps u = sin(pi x) where it is."""
    u = np.sin(np.pi * X)
    f = np.pi * np.sin(np.pi * X) * np.cos(np.pi * X) + 0.02 * np.pi**2 * u
    end = spectral.solve(
        torch.tensor(u)[None], torch.tensor(f)[None, None], x=X, viscosity=0.02, t_end=4, frames=1,
        modes=96, steps=400,
    )[0, -1]  # fmt: skip
    error = relative(end, u)
    assert error < 1e-7, f"relative error {error:.2e} after 4 time units at the steady state"


def test_order_in_time() -> None:
    u0, f = smooth_case(intervals=4)

    def end(steps: int) -> torch.Tensor:
        return spectral.solve(
            u0, f, x=X, viscosity=0.02, t_end=1, frames=1, modes=64, steps=steps
        )[:, -1]  # fmt: skip

    reference = end(2560)
    errors = [relative(end(steps), reference) for steps in (80, 160, 320)]
    orders = [math.log2(errors[i] / errors[i + 1]) for i in (0, 1)]
    assert min(orders) > 3.7, f"orders {orders} from errors {errors}; expected 4"


def test_spectral_convergence_in_space() -> None:
    """Each 8 modes more divide the error to an analytic solution by a constant factor."""
    u0 = torch.tensor(cole_hopf(X, 0, 0.05, 1.1))[None]
    exact = cole_hopf(X, 0.2, 0.05, 1.1)
    errors = [
        relative(
            spectral.solve(
                u0, torch.zeros(1, 1, X.size), x=X, viscosity=0.05, t_end=0.2, frames=1,
                modes=modes, steps=200,
            )[0, -1],
            exact,
        )
        for modes in (8, 16, 24)
    ]  # fmt: skip
    ratios = [errors[i] / errors[i + 1] for i in range(2)]
    assert min(ratios) > 50, f"ratios {ratios} of errors {errors}; expected above 50 per 8 modes"


def test_forcing_intervals_are_coordinates_of_time() -> None:
    """The same forcing told on 3, 6 or 12 intervals gives the same solution at the same times."""
    u0, f = smooth_case(intervals=3)
    solutions = [
        spectral.solve(
            u0, f.repeat_interleave(n, dim=1), x=X, viscosity=0.05, t_end=1, frames=4,
            modes=48, steps=240,
        )
        for n in (1, 2, 4)
    ]  # fmt: skip
    error = max(relative(other, solutions[0]) for other in solutions[1:])
    assert error < 1e-13, f"relative difference {error:.2e} between 3, 6 and 12 intervals"


def test_frames_and_points_are_views_of_one_solution() -> None:
    u0, f = smooth_case(intervals=4)
    common = {"x": X, "viscosity": 0.05, "t_end": 1, "modes": 48, "steps": 240}
    fine = spectral.solve(u0, f, frames=24, **common)
    coarse = spectral.solve(u0, f, frames=8, x_out=X[::5], **common)
    error = relative(fine[:, ::3, ::5], coarse)
    assert error < 1e-13, f"relative difference {error:.2e} between two views"


def test_mirror_symmetry() -> None:
    """If u(x) solves the equation for f(x), so does -u(1 - x) for -f(1 - x)."""
    u0, f = smooth_case(intervals=4)
    common = {"x": X, "viscosity": 0.02, "t_end": 1, "frames": 4, "modes": 48, "steps": 240}
    u = spectral.solve(u0, f, **common)
    mirrored = spectral.solve(-u0.flip(-1), -f.flip(-1), **common)
    error = relative(-mirrored.flip(-1), u)
    assert error < 1e-12, f"relative difference {error:.2e} to the mirrored problem"


@pytest.mark.parametrize("save_memory", [False, True])
def test_gradient_equals_difference_quotient(save_memory: bool) -> None:
    x = interior_grid(40)
    u0, f = smooth_case(intervals=4, x=x)
    weight = torch.tensor(np.random.default_rng(1).normal(size=(2, 9, 40)))

    def loss(u0: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
        u = spectral.solve(
            u0, f, x=x, viscosity=0.02, t_end=1, frames=8, modes=32, steps=120,
            save_memory=save_memory,
        )  # fmt: skip
        return (weight * u**2).sum()

    leaves = [u0.requires_grad_(), f.requires_grad_()]
    gradients = torch.autograd.grad(loss(*leaves), leaves)
    for which in (0, 1):
        direction = torch.tensor(np.random.default_rng(2).normal(size=leaves[which].shape))
        values = []
        for sign in (1, -1):
            moved = [leaf.detach().clone() for leaf in leaves]
            moved[which] += sign * 1e-5 * direction
            values.append(float(loss(*moved)))
        quotient = (values[0] - values[1]) / 2e-5
        slope = float((gradients[which] * direction).sum())
        assert slope == pytest.approx(quotient, rel=1e-6), (
            f"derivative by {('u0', 'f')[which]}: autograd {slope:.9g}, quotient {quotient:.9g}"
        )


def test_saving_memory_changes_no_gradient() -> None:
    u0, f = smooth_case(intervals=4)
    f.requires_grad_()
    gradients = []
    for save_memory in (False, True):
        u = spectral.solve(
            u0, f, x=X, viscosity=0.02, t_end=1, frames=3, modes=32, steps=120,
            save_memory=save_memory,
        )  # fmt: skip
        gradients.append(torch.autograd.grad((u**2).sum(), f)[0])
    error = relative(*gradients)
    assert error < 1e-13, f"gradients with and without recomputation differ by {error:.2e}"


def test_float32_input_and_initial_frame() -> None:
    u0, f = (part.float() for part in smooth_case(intervals=4))
    u = spectral.solve(u0, f, x=X, viscosity=0.05, t_end=1, frames=2, modes=48, steps=80)
    assert u.dtype == torch.float64, f"the solution is {u.dtype}, expected float64"
    assert torch.equal(u[:, 0], u0.double()), "frame 0 is not u0"


def test_diverged_samples_are_named() -> None:
    u0, f = smooth_case(intervals=4)
    u0 = torch.cat([u0, 1e4 * u0, u0])
    f = torch.cat([f, f, f])
    with pytest.raises(DivergedError, match=r"indices of the batch: 2, 3; take more steps") as info:
        spectral.solve(u0, f, x=X, viscosity=0.02, t_end=1, frames=1, modes=48, steps=40)
    assert info.value.samples == [2, 3]


@pytest.mark.parametrize(("factor", "stable"), [(0.995, True), (1.005, False)])
def test_stability_limit_is_that_of_the_scheme(factor: float, stable: bool) -> None:
    """ETDRK4 on a' = (L - i k u) a, for all wave numbers k, with the scheme's own coefficients."""
    viscosity, modes = 0.01, 2000
    step = 0.001
    speed = math.sqrt(factor * spectral.STABILITY_LIMIT * viscosity / step)
    scheme = spectral._scheme(modes, viscosity, step, torch.device("cpu"))
    decay, half, q, f1, f2, f3 = (part.numpy() for part in scheme[2:])
    w = 1j * np.pi * np.arange(1, modes + 1) * speed
    b = half + q * w
    c = half + q * w * b
    d = half * b + q * w * (2 * c - 1)
    growth = np.abs(decay + w * (f1 + f2 * (b + c) + f3 * d)).max()
    assert (growth <= 1) == stable, f"growth {growth:.4f} a step at {factor} of the limit"


def test_finite_but_unstable_solutions_are_refused() -> None:
    """Under a strong steady push |u| settles near 6; with few steps the solution is only wrong."""
    f = torch.full((1, 1, X.size), 20.0)
    problem = {"x": X, "viscosity": 0.02, "t_end": 1, "frames": 1, "modes": 128}
    u = spectral.solve(torch.zeros(1, X.size), f, steps=1600, **problem)
    peak = float(u.abs().max())
    steps = int(0.8 * peak**2 / 0.02 / spectral.STABILITY_LIMIT)
    with pytest.raises(DivergedError, match=rf"{steps} steps: \|u\| reaches .*is stable up to"):
        spectral.solve(torch.zeros(1, X.size), f, steps=steps, **problem)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"u0": torch.zeros(2, 7)}, r"u0 must have shape \[batch, 240\]"),
        ({"f": torch.zeros(3, 4, 240)}, r"f must have shape \[2, intervals, 240\]"),
        ({"x": np.linspace(0, 2, 240)}, r"must lie in \[0, 1\]"),
        ({"x": X[::-1]}, "strictly increasing"),
        ({"frames": 7, "steps": 10}, "steps=28"),
        ({"viscosity": 0.0}, "must be positive"),
    ],
)
def test_wrong_input_is_refused(change: dict, message: str) -> None:
    u0, f = smooth_case(intervals=4)
    arguments = {"u0": u0, "f": f, "x": X, "viscosity": 0.05, "t_end": 1, "frames": 4, "steps": 40}
    arguments |= change
    with pytest.raises(ValueError, match=message):
        spectral.solve(arguments.pop("u0"), arguments.pop("f"), **arguments)
