"""Speed of the flow solver around the obstacles of the smoke system, against PhiFlow's own solve.

    python benchmarks/smoke_solver.py [--batch 16] [--steps 32] [--threads 2] [--phiflow 2]

prints milliseconds per step and trajectory, of wall clock and of processor time, which a busy
machine disturbs less, in the same run for: the compiled steps, the differentiable steps and their
gradient, whole generation with its draws, and one pressure solve by each path with the divergence
that it leaves.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch

from wdno.solvers import incompressible, phiflow_grids
from wdno.solvers.incompressible import Flow
from wdno.solvers.incompressible_compiled import simulate_compiled
from wdno.solvers.pressure import divergence, project, project_dense
from wdno.solvers.scene import WDNO_BUCKETS, WDNO_OBSTACLES, Drawing, Scene
from wdno.systems.smoke import Options, System

warnings.filterwarnings("ignore")


def measure(run: Callable[[], object], runs: int = 3) -> tuple[float, float]:
    """Least wall and processor milliseconds of the runs, after one to warm up."""
    run()
    times = []
    for _ in range(runs):
        start, start_processor = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - start, time.process_time() - start_processor))
    wall, processor = np.min(times, axis=0)
    return 1e3 * wall, 1e3 * processor


def line(name: str, times: tuple[float, float], per: int, note: str = "") -> None:
    """Print one line of the table."""
    print(f"{name:44s} {times[0] / per:9.3f} {times[1] / per:9.3f}  {note}", flush=True)


def steps(drawing: Drawing, batch: int, count: int, threads: int) -> None:
    """Time the steps of both paths and both dynamics."""
    n = drawing.cells
    rng = np.random.default_rng(0)
    start = (
        rng.uniform(size=(batch, n, n)),
        np.zeros((batch, n + 1, n)),
        np.zeros((batch, n, n + 1)),
    )
    control = rng.normal(size=(batch, 4, 2, n, n)) + 1.0
    options = {"steps": count, "frames": 4}
    tensors = [torch.as_tensor(part) for part in (*start, control)]
    for dynamics in ("projection", "navier_stokes"):
        flow = Flow(drawing, 128 / n, dynamics)

        def compiled(flow: Flow = flow) -> object:
            solve = simulate_compiled
            return solve(flow, *start, control, threads=threads, **options)

        @torch.no_grad()
        def forward(flow: Flow = flow) -> object:
            return incompressible.simulate(flow, *tensors, **options)

        def gradient(flow: Flow = flow) -> object:
            force = tensors[3].clone().requires_grad_()
            run = incompressible.simulate(flow, *tensors[:3], force, **options)
            return torch.autograd.grad(run.tallies.sum(), force)

        for name, run in (("compiled", compiled), ("differentiable", forward)):
            line(f"{name}, {dynamics}", measure(run), batch * count)
        line(f"with its gradient, {dynamics}", measure(gradient, 1), batch * count)


def pressure(drawing: Drawing, batch: int, few: int) -> None:
    """Time one projection by each path."""
    n, solid = drawing.cells, drawing.solid
    torch.manual_seed(0)
    v, u = (torch.randn(batch, *shape, dtype=torch.float64) for shape in ((n + 1, n), (n, n + 1)))
    paths = {
        "pressure, sparse factor": (project, batch),
        "pressure, dense products": (project_dense, batch),
        "pressure, PhiFlow's CG in float64, 1e-6": (
            lambda v, u, solid: phiflow_grids.project_by_phiflow(v, u, solid, 1e-6),
            few,
        ),
    }
    exact = project(v, u, solid)
    for name, (path, size) in paths.items():
        part = v[:size], u[:size]
        result = path(*part, solid)
        left = float(divergence(*result, solid, 1.0).abs().max())
        off = max(float((a - b[:size]).abs().max()) for a, b in zip(result, exact, strict=True))
        times = measure(lambda path=path, part=part: path(*part, solid), 3 if size == batch else 1)
        line(name, times, size, f"divergence {left:.0e}, difference {off:.0e}")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16, help="trajectories")
    parser.add_argument("--steps", type=int, default=32, help="steps that are timed")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--phiflow", type=int, default=2, help="batch of PhiFlow's solve")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    drawing = Scene(128, 16, WDNO_OBSTACLES, WDNO_BUCKETS).draw(arguments.cells)
    print(
        f"{arguments.cells} x {arguments.cells} cells, batches of {arguments.batch}, "
        f"{arguments.threads} threads, load {os.getloadavg()[0]:.1f}; "
        "milliseconds per step and trajectory"
    )
    print(f"{'':44s} {'wall':>9s} {'processor':>9s}")
    steps(drawing, arguments.batch, arguments.steps, arguments.threads)
    options = Options(cells=arguments.cells, grid={"cells": min(64, arguments.cells)})
    system = System(options)
    seeds = System.sample_seeds("train", range(arguments.batch))
    times = measure(lambda: system.generate(seeds, threads=arguments.threads), 1)
    line(f"generation, {options.steps} steps, with draws", times, arguments.batch * options.steps)
    pressure(drawing, arguments.batch, arguments.phiflow)


if __name__ == "__main__":
    main()
