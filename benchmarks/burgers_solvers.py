"""Speed and accuracy of the Burgers solvers on the data distribution.

    python benchmarks/burgers_solvers.py [--cases 16] [--runs 5] [--threads 2] [--published]

prints one line per solver and resolution: trajectories per second (80 x 120, 1280 forcing
intervals, without drawing them; median of the runs), the same per second of processor time, which a
busy machine disturbs less, the mean squared error to a converged solution, without the initial
frame, and the speed relative to the first line.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from wdno.solvers import finite_difference, spectral
from wdno.solvers.grids import interior_grid
from wdno.systems.burgers import BurgersDraw, System

FRAMES, INTERVALS = 80, 1280
PROBLEM = {"viscosity": 0.01, "t_end": 8.0, "frames": FRAMES}
FINITE_DIFFERENCE = [(480, 38_400), (360, 25_600), (240, 10_240), (960, 153_600)]
PUBLISHED = (1920, 614_400)
SPECTRAL = [(240, 2560), (160, 2560), (360, 2560)]


def draw(seeds: list[int], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Initial states `[n, len(x)]` and forcing `[n, 1280, len(x)]`."""
    draws = [BurgersDraw.from_seed(seed) for seed in seeds]
    u0 = np.stack([one.initial_state(x) for one in draws])
    return u0, np.stack([one.forcing(x, INTERVALS) for one in draws])


def with_finite_differences(
    seeds: list[int], points: int, steps: int, threads: int
) -> Callable[[], np.ndarray]:
    """The computation to be timed, its inputs drawn."""
    x = interior_grid(points)
    u0, f = draw(seeds, x)
    x_out = System().x
    size = {"points": points, "steps": steps, "threads": threads}
    return lambda: finite_difference.solve(u0, f, x=x, x_out=x_out, **PROBLEM, **size)[:, 1:]


def with_sines(seeds: list[int], modes: int, steps: int) -> Callable[[], np.ndarray]:
    """The computation to be timed, its inputs drawn."""
    x = interior_grid(max(modes, 240))
    u0, f = (torch.as_tensor(part) for part in draw(seeds, x))
    x_out = System().x

    @torch.no_grad()
    def run() -> np.ndarray:
        solution = spectral.solve(u0, f, x=x, x_out=x_out, modes=modes, steps=steps, **PROBLEM)
        return solution[:, 1:].numpy()

    return run


def measure(run: Callable[[], np.ndarray], runs: int) -> tuple[np.ndarray, float, float]:
    """Result, median wall seconds and median processor seconds, after one run to warm up."""
    result = run()
    wall, processor = [], []
    for _ in range(runs):
        start, start_processor = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_processor)
    return result, statistics.median(wall), statistics.median(processor)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=16, help="trajectories in a batch")
    parser.add_argument("--runs", type=int, default=5, help="timed runs, of which the median")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--published", action="store_true", help="also the published 1920 points, 614400 steps"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    seeds = System.sample_seeds("test", range(arguments.cases))
    print(
        f"{arguments.cases} trajectories, {arguments.threads} threads, "
        f"load {os.getloadavg()[0]:.1f}, reference: 480 modes, 3840 steps"
    )
    reference = with_sines(seeds, 480, 3840)()
    sizes = FINITE_DIFFERENCE + [PUBLISHED] * arguments.published
    lines = [
        *(("finite difference", *size, with_finite_differences) for size in sizes),
        *(("sine basis", *size, with_sines) for size in SPECTRAL),
    ]
    print(f"{'solver':18s} {'size':>5s} {'steps':>7s} {'traj/s':>8s} {'/cpu-s':>8s} "
          f"{'MSE':>9s} {'largest':>9s} {'speed':>7s}")  # fmt: skip
    first = None
    for name, size, steps, build in lines:
        extra = (arguments.threads,) if build is with_finite_differences else ()
        run = build(seeds, size, steps, *extra)
        solution, wall, processor = measure(run, arguments.runs)
        errors = ((solution - reference) ** 2).mean(axis=(1, 2))
        rate = arguments.cases / wall
        first = first or rate
        print(
            f"{name:18s} {size:5d} {steps:7d} {rate:8.1f} {arguments.cases / processor:8.1f} "
            f"{errors.mean():9.1e} {errors.max():9.1e} {rate / first:6.2f}x",
            flush=True,
        )


if __name__ == "__main__":
    main()
