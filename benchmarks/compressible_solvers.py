"""Speed and accuracy of the finite volumes and of PyClaw on the compressible data distribution.

    python benchmarks/compressible_solvers.py [--cases 8] [--runs 5] [--threads 2]
        [--pyclaw-python PYTHON]

prints one line per solver: trajectories per second on 1024 cells, with 80 output times up to
t = 0.4, without drawing them (median of the runs); the same per second of processor time, which a
busy machine disturbs less, and that relative to the first line; and the relative L1 error of
density, velocity and pressure over all output times to the same solver on four times the cells, and
to the finite volumes on those. The last line of the finite volumes has as many cells as they need
for about the accuracy of PyClaw on 1024. `ratio` lines compare the two on the same cells.

PyClaw (https://www.clawpack.org, BSD) is no dependency of this project: install it into an
environment of its own and name its interpreter. It needs a Fortran compiler:

    python3 -m venv pyclaw && pyclaw/bin/pip install clawpack scipy
    python benchmarks/compressible_solvers.py --pyclaw-python pyclaw/bin/python

Two busy cores of an Intel Xeon, PyClaw 5.14, trajectories per second of wall time and of processor
time, and relative L1 errors of rho, v, p to the finite volumes on 4096 cells (`--cases 8`):

    finite volumes 1024 cells, cfl 0.3     7.0   10.9   1.3e-3 5.0e-4 3.0e-4
    finite volumes 1536 cells, cfl 0.5     5.3    8.1   8.2e-4 3.1e-4 1.8e-4
    PyClaw, Roe,   1024 cells, cfl 0.9     4.6    4.8   9.6e-4 3.2e-4 1.9e-4
    PyClaw, HLLE,  1024 cells, cfl 0.9     4.9    5.2   7.7e-3 7.3e-4 4.2e-4

On the same cells the finite volumes are 2.3 times as fast as PyClaw's Roe solver and their errors
1.4 to 1.6 times as large; at its accuracy, on 1536 cells, they are 1.7 times as fast.

It runs as many processes as there are threads, with its classic solver of second order, the
monotonised central limiter, and the Courant number that it wants, 0.9.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

# Nothing of this project here: PyClaw's interpreter runs this file too, and does not have it.

CELLS, FINE, FRAMES, T_END, GAMMA = 1024, 4096, 80, 0.4, 5 / 3
FINITE_VOLUMES = ((CELLS, 0.3), (CELLS, 0.5), (1536, 0.5))
PYCLAW = ("euler_with_efix_1D", "euler_hlle_1D")
HINT = (
    "PyClaw is not installed for {python}; to compare with it:\n"
    "    python3 -m venv pyclaw && pyclaw/bin/pip install clawpack scipy\n"
    "    python benchmarks/compressible_solvers.py --pyclaw-python pyclaw/bin/python\n"
    "(it needs a Fortran compiler, such as gfortran)"
)
Result = tuple[np.ndarray, float, float]


def with_pyclaw(job: tuple[str, np.ndarray]) -> tuple[np.ndarray, float]:
    """Conserved variables `[80, 3, n]` of one case, and the processor seconds it took."""
    from clawpack import pyclaw, riemann

    logging.disable(logging.CRITICAL)
    name, initial = job
    start = time.process_time()
    solver = pyclaw.ClawSolver1D(getattr(riemann, name))
    solver.order, solver.limiters = 2, pyclaw.limiters.tvd.MC
    solver.bc_lower[0] = solver.bc_upper[0] = pyclaw.BC.extrap
    solver.max_steps = 1_000_000
    domain = pyclaw.Domain([pyclaw.Dimension(-1.0, 1.0, initial.shape[-1], name="x")])
    state = pyclaw.State(domain, 3)
    state.problem_data.update(gamma=GAMMA, gamma1=GAMMA - 1, efix=True)
    state.q[:] = initial
    controller = pyclaw.Controller()
    controller.solution, controller.solver = pyclaw.Solution(state, domain), solver
    controller.tfinal, controller.num_output_times = T_END, FRAMES
    controller.output_format, controller.keep_copy, controller.verbosity = None, True, 0
    controller.run()
    solution = np.stack([frame.q for frame in controller.frames[1:]])
    return solution, time.process_time() - start


def pyclaw_worker(folder: Path, name: str, runs: int, threads: int) -> None:
    """What runs in PyClaw's interpreter: both grids of all cases, the coarse one timed."""
    initial = np.load(folder / "initial.npz")
    with multiprocessing.Pool(threads) as pool:

        def solve(cells: str) -> tuple[np.ndarray, float]:
            found = pool.map(with_pyclaw, [(name, one) for one in initial[cells]], chunksize=1)
            return np.stack([one for one, _ in found]), sum(seconds for _, seconds in found)

        coarse, _ = solve("coarse")
        wall, processor = [], []
        for _ in range(runs):
            start = time.perf_counter()
            processor.append(solve("coarse")[1])
            wall.append(time.perf_counter() - start)
        fine, _ = solve("fine")
    times = [statistics.median(wall), statistics.median(processor)]
    np.savez(folder / f"{name}.npz", coarse=coarse, fine=fine, times=times)


def measure_pyclaw(
    python: str, name: str, initial: dict[int, np.ndarray], runs: int, threads: int
) -> tuple[Result, np.ndarray]:
    """Result and times on 1024 cells, and the result on 4096."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "initial.npz", coarse=initial[CELLS], fine=initial[FINE])
        command = [python, __file__, "--worker", folder, name]
        command += ["--runs", str(runs), "--threads", str(threads)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = np.load(Path(folder) / f"{name}.npz")
        wall, processor = found["times"].tolist()
        return (found["coarse"], wall, processor), found["fine"]


def with_finite_volumes(initial: np.ndarray, cfl: float, threads: int) -> np.ndarray:
    """Conserved variables `[n, 80, 3, cells]`, as the data are made."""
    from wdno.solvers import finite_volume
    from wdno.systems.compressible_ns import TIMES

    return finite_volume.solve(
        initial,
        dx=2 / initial.shape[-1],
        gamma=GAMMA,
        t_end=T_END,
        frames=FRAMES,
        landings=TIMES // FRAMES,
        shear_viscosity=1e-8,
        bulk_viscosity=1e-8,
        cfl=cfl,
        threads=threads,
    ).states[:, 1:]


def measure_finite_volumes(initial: np.ndarray, cfl: float, runs: int, threads: int) -> Result:
    """Result, median wall seconds and median processor seconds, after one run to warm up."""
    result = with_finite_volumes(initial, cfl, threads)
    wall, processor = [], []
    for _ in range(runs):
        start, start_processor = time.perf_counter(), time.process_time()
        with_finite_volumes(initial, cfl, threads)
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_processor)
    return result, statistics.median(wall), statistics.median(processor)


def errors(coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """Relative L1 errors of density, velocity and pressure to the means of a finer solution."""
    from wdno.solvers.finite_volume import coarsen, to_primitive

    exact = to_primitive(coarsen(fine, CELLS), GAMMA)
    difference = np.abs(to_primitive(coarsen(coarse, CELLS), GAMMA) - exact)
    return difference.mean(axis=(0, 1, 3)) / np.abs(exact).mean(axis=(0, 1, 3))


def has_pyclaw(python: str) -> bool:
    """Whether an interpreter has PyClaw."""
    if python == sys.executable:
        return importlib.util.find_spec("clawpack") is not None
    code = "import clawpack.pyclaw, clawpack.riemann"
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=8, help="trajectories in a batch")
    parser.add_argument("--runs", type=int, default=5, help="timed runs, of which the median")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--pyclaw-python", default=sys.executable, help="interpreter that has PyClaw"
    )
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    runs, threads = arguments.runs, arguments.threads
    if arguments.worker:
        folder, name = arguments.worker
        return pyclaw_worker(Path(folder), name, runs, threads)

    from wdno.systems._compressible_draw import CompressibleDraw
    from wdno.systems.compressible_ns import System

    draws = [
        CompressibleDraw.from_seed(s) for s in System.sample_seeds("test", range(arguments.cases))
    ]
    initial = {
        cells: np.stack([draw.cell_means(cells, GAMMA) for draw in draws])
        for cells in {FINE, *(cells for cells, _ in FINITE_VOLUMES)}
    }
    print(
        f"{arguments.cases} trajectories, {CELLS} cells, {threads} threads, median of {runs} runs, "
        f"load {os.getloadavg()[0]:.1f}; relative L1 errors of rho, v, p on {CELLS} cells"
    )
    print(f"{'solver':32s} {'traj/s':>7s} {'/cpu-s':>7s} {'speed':>6s} "
          f"{'to itself on 4096':>26s} {'to finite volumes on 4096':>26s}")  # fmt: skip
    reference = with_finite_volumes(initial[FINE], 0.3, threads)
    first: float | None = None

    def line(label: str, result: Result, fine: np.ndarray) -> tuple[float, list[np.ndarray]]:
        nonlocal first
        solution, wall, processor = result
        rate = arguments.cases / processor
        first = first or rate
        found = [errors(solution, to) for to in (fine, reference)]
        columns = " ".join(f"{' '.join(f'{e:8.1e}' for e in column):>26s}" for column in found)
        print(
            f"{label:32s} {arguments.cases / wall:7.2f} {rate:7.2f} {rate / first:5.2f}x {columns}",
            flush=True,
        )
        return rate, found

    table = {}
    for cells, cfl in FINITE_VOLUMES:
        result = measure_finite_volumes(initial[cells], cfl, runs, threads)
        fine = reference if cfl == 0.3 else with_finite_volumes(initial[FINE], cfl, threads)
        table[cells, cfl] = line(f"finite volumes {cells} cfl {cfl}", result, fine)
    if not has_pyclaw(arguments.pyclaw_python):
        return print(HINT.format(python=arguments.pyclaw_python))
    for name in PYCLAW:
        result, fine = measure_pyclaw(arguments.pyclaw_python, name, initial, runs, threads)
        rate, found = line(f"PyClaw {name} {CELLS}", result, fine)
        our_rate, our_found = table[FINITE_VOLUMES[0]]
        ratios = [
            " ".join(f"{e:.2f}" for e in a / b) for a, b in zip(our_found, found, strict=True)
        ]
        print(
            f"    ratio, ours on the same cells to it: speed {our_rate / rate:.2f}, "
            f"errors {ratios[0]} (to itself), {ratios[1]} (to finite volumes)"
        )
    return None


if __name__ == "__main__":
    main()
