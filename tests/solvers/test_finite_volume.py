from __future__ import annotations

import math

import numpy as np
import pytest
import textbook_hllc
from exact_riemann import PROBLEMS

from wdno.solvers import finite_volume
from wdno.solvers.finite_volume import coarsen, to_conserved, to_primitive
from wdno.solvers.grids import DivergedError

GAMMA = 5 / 3
COARSE = {"dx": 1 / 64, "gamma": GAMMA, "t_end": 0.1, "frames": 4}


def centres(n: int) -> np.ndarray:
    return (np.arange(n) + 0.5) / n


def tubes(n: int = 6, cells: int = 64) -> np.ndarray:
    """Shock tubes of different speeds: conserved variables `[n, 3, cells]`."""
    rng = np.random.default_rng(0)
    x, shape = centres(cells), (n, 3, 1)
    right = x > rng.uniform(0.3, 0.7, shape)
    low, high = np.array([1.0, -1.0, 1.0]), np.array([4.0, 1.0, 20.0])
    sides = rng.uniform(low[:, None], high[:, None], (2, n, 3, 1))
    return to_conserved(np.where(right, sides[1], sides[0]), GAMMA)


def smooth(n: int = 1, cells: int = 64, seed: int = 0) -> np.ndarray:
    """Smooth periodic states, steep enough to form shocks."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 1, (n, 3, 1))
    wave = np.sin(2 * np.pi * (centres(cells) + phase))
    return to_conserved(np.array([2.0, 0.5, 5.0])[:, None] + wave * [[1.0], [1.0], [3.0]], GAMMA)


def riemann_errors(name: str, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """L1 errors of density, velocity and pressure, ours and of the textbook scheme."""
    problem, x = PROBLEMS[name], centres(cells)
    start, exact, gamma = problem.at(x, 0), problem.at(x), problem.gamma
    solution = finite_volume.solve(
        to_conserved(start, gamma)[None], dx=1 / cells, gamma=gamma, t_end=problem.time, frames=1
    )
    assert solution.floored[0] == 0, f"{name}: {solution.floored[0]} cells were floored"
    ours = to_primitive(solution.states[0, -1], gamma)
    textbook = textbook_hllc.solve(start, 1 / cells, gamma, problem.time)
    return tuple(np.abs(numeric - exact).mean(axis=1) for numeric in (ours, textbook))


def test_exact_riemann_solutions() -> None:
    """Pressure and velocity between the waves, from Toro's book, table 4.2 (and Sod, Lax)."""
    known = {"Sod": (0.30313, 0.92745), "123": (0.00189, 0), "strong shock": (460.894, 19.5975)}
    for name, values in known.items():
        assert np.allclose(PROBLEMS[name].star(), values, atol=6e-6, rtol=3e-6), name


@pytest.mark.parametrize("name", PROBLEMS)
def test_riemann_problems(name: str) -> None:
    """As accurate as a textbook scheme of second order; an isolated contact moves pure."""
    ours, textbook = riemann_errors(name, 256)
    if name == "contact":
        assert ours[1:].max() < 1e-12, f"a contact changes velocity and pressure by {ours[1:]}"
        ours, textbook = ours[:1], textbook[:1]
    assert (ours < 1.1 * textbook).all(), f"{name}: L1 errors {ours}, textbook scheme {textbook}"


def entropy_wave(cells: int, t: float) -> np.ndarray:
    """Cell means of a density wave that moves at speed 1; velocity and pressure are constant."""
    mean = np.sinc(1 / cells) * np.sin(2 * np.pi * (centres(cells) - t))
    return to_conserved(np.stack([1 + 0.2 * mean, np.ones(cells), np.ones(cells)]), GAMMA)


def simple_wave(cells: int, t: float) -> np.ndarray:
    """Cell means of a sound wave that steepens, gamma = 3: v + c obeys Burgers, v - c = -1.

    With p = rho^3 / 3 the speed of sound is c = rho.
    """
    nodes, weights = np.polynomial.legendre.leggauss(5)
    x = centres(cells)[:, None] + nodes / (2 * cells)
    w = 1 + 0.2 * np.sin(2 * np.pi * x)
    for _ in range(50):
        phase = 2 * np.pi * (x - w * t)
        w -= (w - 1 - 0.2 * np.sin(phase)) / (1 + 0.4 * np.pi * t * np.cos(phase))
    c = (w + 1) / 2
    conserved = to_conserved(np.stack([c, c - 1, c**3 / 3]).reshape(3, -1), 3.0)
    return conserved.reshape(3, cells, 5) @ (weights / 2)


@pytest.mark.parametrize(
    ("wave", "gamma", "time", "bar"),
    [(entropy_wave, GAMMA, 1.0, 1.85), (simple_wave, 3.0, 0.4, 1.8)],
)
def test_order_of_smooth_waves(wave: object, gamma: float, time: float, bar: float) -> None:
    errors = []
    for cells in (64, 128, 256):
        end = finite_volume.solve(
            wave(cells, 0)[None], dx=1 / cells, gamma=gamma, t_end=time, frames=1,
            boundary="periodic",
        ).states[0, -1]  # fmt: skip
        errors.append(np.abs(end - wave(cells, time)).mean())
    orders = [math.log2(errors[i] / errors[i + 1]) for i in (0, 1)]
    assert min(orders) > bar, f"orders {orders} from L1 errors {errors}; expected 2"


@pytest.mark.parametrize("viscosity", [0.0, 0.02])
def test_periodic_box_conserves(viscosity: float) -> None:
    start = smooth(3)
    end = finite_volume.solve(
        start, **COARSE, boundary="periodic", shear_viscosity=viscosity, bulk_viscosity=viscosity
    ).states[:, -1]
    change = np.abs(end.sum(axis=2) / start.sum(axis=2) - 1).max(axis=0)
    assert change.max() < 1e-13, f"mass, momentum and energy change by {change}"
    assert np.abs(end - start).max() > 0.1, "nothing moved"


@pytest.mark.parametrize("viscosity", [0.0, 0.02])
def test_walls_conserve_mass_and_energy(viscosity: float) -> None:
    start = smooth(3)
    states = finite_volume.solve(
        start, **COARSE, boundary="reflecting", shear_viscosity=viscosity
    ).states
    change = np.abs(states[:, -1].sum(axis=2) / start.sum(axis=2) - 1).max(axis=0)[[0, 2]]
    assert change.max() < 1e-13, f"mass and energy change by {change}"
    assert np.ptp(states[:, :, 1].sum(axis=2), axis=1).min() > 0.1, "walls did not push"


def test_wall_is_a_plane_of_symmetry() -> None:
    half = tubes(3, 32)
    mirror = half[..., ::-1] * [[1], [-1], [1]]
    whole = np.concatenate([mirror, half], axis=2)
    walls = finite_volume.solve(half, **COARSE, boundary="reflecting").states
    both = finite_volume.solve(whole, **COARSE, boundary="reflecting").states[..., 32:]
    difference = np.abs(walls - both).max()
    assert difference < 1e-12, f"difference {difference:.2e} to the doubled domain"


def test_sound_leaves_at_the_ends() -> None:
    x = centres(256)
    pulse = 1e-3 * np.exp(-(((x - 0.5) / 0.05) ** 2))
    start = np.stack([1 + pulse, 0 * x, (1 + pulse) ** GAMMA])
    end = finite_volume.solve(
        to_conserved(start, GAMMA)[None], dx=1 / 256, gamma=GAMMA, t_end=1.0, frames=1
    ).states[0, -1]
    left = np.abs(to_primitive(end, GAMMA) - [[1], [0], [1]]).max()
    assert left < 1e-5, f"{left / 1e-3:.1%} of a pulse is left after it has reached the ends"


@pytest.mark.parametrize(("eta", "zeta"), [(0.0045, 0.0), (0.0, 0.006), (0.003, 0.002)])
def test_decay_of_sound(eta: float, zeta: float) -> None:
    r"""A sound wave decays at the rate k^2 (4/3 eta + zeta) / (2 rho) of the linear theory.

    rho = c = 1: omega^2 + i nu k^2 omega = k^2 for exp(i (k x - omega t)).
    """
    nu, k, cells, t = zeta + 4 * eta / 3, 2 * np.pi, 256, 2.0
    rate = nu * k**2 / 2
    omega = math.sqrt(k**2 - rate**2) - 1j * rate
    mode = 1e-4 * np.exp(1j * k * centres(cells))
    rho = 1 + (k / omega * mode).real
    start = np.stack([rho, mode.real, 1 / GAMMA + rho - 1])
    end = finite_volume.solve(
        to_conserved(start, GAMMA)[None], dx=1 / cells, gamma=GAMMA, t_end=t, frames=1,
        boundary="periodic", shear_viscosity=eta, bulk_viscosity=zeta,
    ).states[0, -1]  # fmt: skip
    v = [np.abs(np.mean(w[1] * mode.conj())) for w in (start, to_primitive(end, GAMMA))]
    measured = math.log(v[0] / v[1]) / t
    assert abs(measured / rate - 1) < 0.005, f"rate {measured:.5f}, linear theory {rate:.5f}"


def test_independent_of_batch_order_and_threads() -> None:
    start = tubes(11)
    whole = finite_volume.solve(start, **COARSE, threads=1)
    assert len(set(whole.steps.tolist())) > 5, "the trajectories have the same steps"
    threaded = finite_volume.solve(start, **COARSE, threads=2)
    assert np.array_equal(whole.states, threaded.states), "one and two threads differ"
    back = finite_volume.solve(start[::-1], **COARSE, threads=2).states[::-1]
    assert np.array_equal(whole.states, back), "the order of the batch changes its trajectories"
    single = finite_volume.solve(start[7:8], **COARSE).states
    assert np.array_equal(whole.states[7:8], single), "a trajectory depends on its batch"


@pytest.mark.parametrize("boundary", ["outgoing", "periodic", "reflecting"])
def test_mirror_symmetry(boundary: str) -> None:
    start, sign = tubes(), [[1], [-1], [1]]
    end = finite_volume.solve(start, **COARSE, boundary=boundary).states
    mirrored = finite_volume.solve(start[..., ::-1] * sign, **COARSE, boundary=boundary).states
    difference = np.abs(end - mirrored[..., ::-1] * sign).max()
    assert difference < 1e-12, f"difference {difference:.2e} to the mirrored problem"


def test_units_do_not_matter() -> None:
    """Densities a million times smaller and speeds a thousand times larger scale through."""
    start = tubes()
    scale = np.array([1e-6, 1e-3, 1.0])[:, None]
    a = finite_volume.solve(start, **COARSE)
    b = finite_volume.solve(start * scale, **(COARSE | {"t_end": COARSE["t_end"] / 1e3}))
    difference = np.abs(b.states / scale - a.states).max()
    assert difference < 1e-9, f"difference {difference:.2e} in other units"


def test_frames_are_views_of_one_solution() -> None:
    start = tubes()
    fine = finite_volume.solve(start, **(COARSE | {"frames": 32})).states
    coarse = finite_volume.solve(start, **(COARSE | {"frames": 8}), landings=4).states
    assert np.array_equal(fine[:, ::4], coarse)
    assert np.array_equal(fine[:, 0], start), "frame 0 is not the initial state"


def test_input_is_not_changed_and_may_be_float32() -> None:
    start = tubes().astype(np.float32)
    kept = start.copy()
    states = finite_volume.solve(start, **COARSE).states
    assert np.array_equal(start, kept) and states.dtype == np.float64


def test_floors_hold_and_are_counted() -> None:
    """Gas torn apart: what would be a vacuum stays at the floors, and that is said."""
    x = centres(64)
    state = np.stack([np.ones(64), np.where(x < 0.5, -20.0, 20.0), np.full(64, 0.4)])
    start = np.stack([to_conserved(state, GAMMA), tubes(1)[0]])
    solution = finite_volume.solve(start, **(COARSE | {"t_end": 0.02}), floor=1e-2)
    assert solution.floored[0] > 0 and solution.floored[1] == 0, f"floored {solution.floored}"
    rho, _, p = np.moveaxis(to_primitive(solution.states[0], GAMMA), 1, 0)
    assert rho.min() > 0.99e-2 and p.min() > 0.99 * 0.4e-2, f"least {rho.min()}, {p.min()}"


def test_diverged_samples_are_named() -> None:
    start = tubes(4)
    with pytest.raises(DivergedError, match=r"more than 5 time steps.*batch: 0, 1, 2, 3; take few"):
        finite_volume.solve(start, **COARSE, max_steps=5)
    # Squares of these overflow.
    x = centres(64)
    state = np.stack([np.ones(64), np.zeros(64), np.where(x < 0.5, 1e300, 1e280)])
    batch = np.stack([tubes(1)[0], *[to_conserved(state, GAMMA)] * 2])
    with pytest.raises(DivergedError, match=r"not finite.*batch: 1, 2; take a lower cfl") as info:
        finite_volume.solve(batch, **(COARSE | {"t_end": 1e-151}))
    assert info.value.samples == [1, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"initial": np.ones((2, 64))}, r"initial must have shape \[batch, 3, cells\]"),
        ({"initial": np.ones((1, 3, 3))}, "at least 4 cells"),
        ({"initial": -tubes(3)}, "positive density and pressure.*batch: 0, 1, 2; give density"),
        ({"initial": np.nan * tubes(1)}, "must be finite"),
        ({"gamma": 1.0}, "gamma must be above 1, got 1.0"),
        ({"cfl": 0.8}, r"cfl must be in \(0, 0.5\]"),
        ({"boundary": "open"}, "boundary must be one of outgoing, periodic, reflecting"),
        ({"shear_viscosity": -1.0}, "viscosities must not be negative"),
        ({"frames": 0}, "frames must be positive, got 0"),
        ({"dx": math.nan}, "dx must be positive, got nan"),
    ],
)
def test_wrong_input_is_refused(change: dict, message: str) -> None:
    arguments = {"initial": tubes()} | COARSE | change
    with pytest.raises(ValueError, match=message):
        finite_volume.solve(arguments.pop("initial"), **arguments)


def test_variables_go_there_and_back() -> None:
    state = tubes()
    back = to_conserved(to_primitive(state, GAMMA), GAMMA)
    assert np.allclose(state, back, rtol=1e-14)


def test_coarse_means() -> None:
    """Any number of cells holds the same integral; a cut cell counts by its part."""
    assert np.allclose(coarsen(np.array([1.0, 2.0, 6.0]), 2), [4 / 3, 14 / 3], rtol=1e-15)
    means = np.random.default_rng(0).normal(size=(2, 5, 1024))
    for cells in (1, 7, 120, 512, 1023, 1024):
        coarse = coarsen(means, cells)
        assert coarse.shape == (2, 5, cells)
        assert np.allclose(coarse.mean(axis=-1), means.mean(axis=-1), atol=1e-14), cells
    assert np.allclose(coarsen(means, 256), means.reshape(2, 5, 256, 4).mean(axis=-1), atol=1e-12)
    assert np.allclose(coarsen(coarsen(means, 240), 120), coarsen(means, 120), atol=1e-12)
    with pytest.raises(ValueError, match=r"over 2048 cells were asked for.*on 1024 cells"):
        coarsen(means, 2048)
