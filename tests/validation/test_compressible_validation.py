"""The compressible solver at full resolution, and its data distribution."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import textbook_hllc
from exact_riemann import PROBLEMS

from wdno.solvers import finite_volume
from wdno.solvers.finite_volume import coarsen, to_conserved, to_primitive
from wdno.systems._compressible_draw import CompressibleDraw
from wdno.systems.compressible_ns import Options, System

pytestmark = pytest.mark.validation

FIELDS = ("density", "velocity", "pressure")


def centres(cells: int) -> np.ndarray:
    return (np.arange(cells) + 0.5) / cells


def errors(name: str, cells: int) -> np.ndarray:
    """L1 errors of density, velocity and pressure."""
    problem, x = PROBLEMS[name], centres(cells)
    solution = finite_volume.solve(
        to_conserved(problem.at(x, 0), problem.gamma)[None],
        dx=1 / cells,
        gamma=problem.gamma,
        t_end=problem.time,
        frames=1,
    )
    assert solution.floored[0] == 0, f"{name}: {solution.floored[0]} cells were floored"
    state = to_primitive(solution.states[0, -1], problem.gamma)
    result: np.ndarray = np.abs(state - problem.at(x)).mean(axis=1)
    return result


@pytest.mark.parametrize("name", PROBLEMS)
def test_as_accurate_as_a_textbook_scheme_on_1024_cells(name: str) -> None:
    problem, x = PROBLEMS[name], centres(1024)
    textbook = textbook_hllc.solve(problem.at(x, 0), 1 / 1024, problem.gamma, problem.time)
    bars = 1.1 * np.abs(textbook - problem.at(x)).mean(axis=1)
    ours = errors(name, 1024)
    if name == "contact":  # velocity and pressure are constant: their errors are rounding
        assert ours[1:].max() < 1e-12, f"a contact changes velocity and pressure by {ours[1:]}"
        ours, bars = ours[:1], bars[:1]
    for field, error, bar in zip(FIELDS, ours, bars, strict=False):
        assert error < bar, f"{name}: L1 error {error:.3e} of the {field}, bar {bar:.3e}"


@pytest.mark.parametrize(
    ("name", "expected"), [("Sod", 0.75), ("strong shock", 0.75), ("Lax", 0.7), ("contact", 0.6)]
)
def test_order_at_discontinuities(name: str, expected: float) -> None:
    """First order at shocks; 2/3 at contacts, which smear at second order (Harten)."""
    density = [errors(name, cells)[0] for cells in (256, 512, 1024, 2048)]
    order = math.log2(density[0] / density[-1]) / 3
    assert expected < order < 1.2, f"{name}: order {order:.2f} from L1 errors {density}"


def test_order_at_an_isolated_shock() -> None:
    """A shock of Mach 3 alone, without a contact behind it: order 1 in every field."""
    g, mach = 1.4, 3.0
    rho = (g + 1) * mach**2 / ((g - 1) * mach**2 + 2)
    p = 1 + 2 * g / (g + 1) * (mach**2 - 1)
    speed = mach * math.sqrt(g)
    t_end = 136 / 256 / speed  # at a face of every grid
    behind = np.array([rho, speed * (1 - 1 / rho), p])
    found = []
    for cells in (256, 512, 1024):
        x = centres(cells)

        def at(t: float, x: np.ndarray = x) -> np.ndarray:
            return np.where(
                x < 0.25 + speed * t, behind[:, None], np.ones((3, 1)) * [[1], [0], [1]]
            )

        end = finite_volume.solve(
            to_conserved(at(0), g)[None], dx=1 / cells, gamma=g, t_end=t_end, frames=1
        ).states[0, -1]
        found.append(np.abs(to_primitive(end, g) - at(t_end)).mean(axis=1))
    orders = np.log2(found[0] / found[2]) / 2
    assert orders.min() > 0.8, f"orders {orders} of {FIELDS} from L1 errors {found}"


def reference(seeds: list[int], cells: int) -> np.ndarray:
    """Density, velocity and pressure as stored on 120 cells, `[n, 80, 3, 120]`."""
    data = System(Options(cells=cells)).generate(seeds, threads=2)
    return np.stack([data[name][:, 1:] for name in ("rho", "v", "p")], axis=2)


def test_data_converge() -> None:
    """The stored fields on 256, 512 and 1024 cells against 4096."""
    seeds = System.sample_seeds("test", range(2))
    fine = reference(seeds, 4096)
    found = np.array(
        [np.abs(reference(seeds, n) - fine).mean(axis=(0, 1, 3)) for n in (256, 512, 1024)]
    )
    relative = found / np.abs(fine).mean(axis=(0, 1, 3))
    orders = np.log2(found[0] / found[2]) / 2
    assert orders.min() > 0.8, f"orders {orders} of {FIELDS} from L1 errors {found.tolist()}"
    assert relative[2].max() < 2e-3, f"relative L1 errors {relative[2]} of {FIELDS}, bar 2e-3"


def test_distribution_needs_no_floors_and_is_fast() -> None:
    """No floored cell; 2 trajectories of 1024 cells per second of a core."""
    system = System()
    seeds = System.sample_seeds("train", range(40))
    system.generate(seeds[:1])
    start = time.process_time()
    data = system.generate(seeds)
    rate = len(seeds) / (time.process_time() - start)
    assert not data["floored_cells"].any(), f"floored cells: {data['floored_cells']}"
    assert data["rho"].min() > 0.1 and data["p"].min() > 1, "emptier than expected"
    assert rate > 2, f"{rate:.2f} trajectories per second of processor time, bar 2"


def test_published_viscosity_is_below_that_of_the_cells() -> None:
    """eta = zeta = 1e-8 are resolved by no grid: the data are those of a gas without viscosity."""
    seeds = System.sample_seeds("test", range(2))
    a = System().generate(seeds)
    b = System(Options(shear_viscosity=0.0, bulk_viscosity=0.0)).generate(seeds)
    change = max(float(np.abs(a[n] / b[n] - 1).mean()) for n in ("rho", "p"))
    assert change < 1e-5, f"mean relative change {change:.2e}"


def test_viscous_shock_profile() -> None:
    """A steady shock that viscosity resolves keeps the profile of its differential equation.

    Constant fluxes of mass (1), momentum P and energy E without heat conduction leave
    nu v v' = (gamma + 1) / 2 (v - 1) (v - v_2) with nu = zeta + 4 eta / 3, v = 1 ahead and v_2
    behind, and p = (gamma - 1) (E / v - P + v / 2).
    """
    g, mach, eta, zeta = 1.4, 2.0, 0.03, 0.02
    nu, p_1 = zeta + 4 * eta / 3, 1 / (g * mach**2)
    momentum, energy = 1 + p_1, g / (g - 1) * p_1 + 0.5
    v_2 = ((g - 1) * mach**2 + 2) / ((g + 1) * mach**2)
    v = np.linspace(v_2, 1, 200_002)[1:-1]
    x_of_v = 2 * nu / (g + 1) * (np.log(1 - v) - v_2 * np.log(v - v_2)) / (1 - v_2)
    x_of_v -= np.interp((1 + v_2) / 2, v, x_of_v)
    found = []
    for cells in (64, 128, 256):
        profile = np.interp(2 * centres(cells) - 1, x_of_v[::-1], v[::-1])
        p = (g - 1) * (energy / profile - momentum + profile / 2)
        start = np.stack([1 / profile, profile, p])
        end = finite_volume.solve(
            to_conserved(start, g)[None], dx=2 / cells, gamma=g, t_end=1.0, frames=1,
            shear_viscosity=eta, bulk_viscosity=zeta,
        ).states[0, -1]  # fmt: skip
        found.append(np.abs(to_primitive(end, g) - start).mean(axis=1))
    orders = np.log2(found[0] / found[2]) / 2
    assert orders.min() > 1.7, f"orders {orders} of {FIELDS} from L1 errors {found}; expected 2"
    assert found[2].max() < 1e-3, f"L1 errors {found[2]} of {FIELDS} on 256 cells"


def test_coarse_frames_hold_the_exact_initial_means() -> None:
    seeds = System.sample_seeds("test", range(20))
    for seed in seeds:
        draw = CompressibleDraw.from_seed(seed)
        view = coarsen(draw.cell_means(1024, 5 / 3), 128)
        assert np.allclose(view, draw.cell_means(128, 5 / 3), rtol=1e-12)
