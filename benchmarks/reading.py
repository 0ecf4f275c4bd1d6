"""Memory of generation, and speed of reading batches, at the size of the smoke data.

    python benchmarks/reading.py [--samples 600] [--batch 6 16] [--processes 0 1 2] [--folder /tmp]

writes samples of the smoke system's shape, 2.7 MB each, that are cheap to draw and compress about
as well as solved ones (to half), and prints: the seconds and the peak memory of generation with the
bytes that it wrote; then, for batches in the random order of training, milliseconds per batch and
MB/s when the samples are in memory, when they are read where they are needed, and when other
processes read them; and the peak memory of the process that asks for them. Files that were just
written come from the system's cache: a slow disk is not part of it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from wdno.data.dataset import Trajectories
from wdno.data.generate import generate, part_size
from wdno.systems import base
from wdno.systems.base import Axis, Field
from wdno.training.batches import Batches, BatchOrder

FRAMES, CELLS = 32, 64


class Cheap(base.EquationSystem):
    """Noise at full precision in a part of each field, zeros elsewhere."""

    name = "cheap"
    title = "Cheap"
    axes: ClassVar = (Axis("y", "open", "1", "y"), Axis("x", "open", "1", "x"))
    fields: ClassVar = (
        Field("density", "state", "1", "density"),
        Field("velocity_y", "state", "1", "velocity in y"),
        Field("velocity_x", "state", "1", "velocity in x"),
        Field("control_y", "forcing", "1", "control in y"),
        Field("control_x", "forcing", "1", "control in x"),
        Field("share", "series", "1", "share"),
    )
    filled: ClassVar = {"density": 0.3, "control_y": 0.45, "control_x": 0.45}

    def __init__(self, cells: int = CELLS) -> None:
        """Set up for a grid."""
        self.cells = cells
        rng = np.random.default_rng(0)
        x = np.arange(cells)
        waves = np.sin(x[:, None] / 9) + np.cos(x / 7) + np.arange(FRAMES + 1)[:, None, None] / 8
        noise = rng.normal(size=(FRAMES + 1, cells, cells))
        self.pattern = (waves + 1e-3 * noise).astype(np.float32)

    def coordinates(self) -> dict[str, np.ndarray]:
        """Return the axes."""
        time = np.arange(FRAMES + 1.0)
        bounds = np.stack([time[:-1], time[1:]], axis=1)
        x = np.arange(float(self.cells))
        return {
            "time": time,
            "interval": bounds.mean(axis=1),
            "interval_bounds": bounds,
            "y": x,
            "x": x,
        }

    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, np.ndarray]:
        """Scale the pattern by a number of each sample."""
        factor = np.random.default_rng(seeds[0]).uniform(0.5, 2, size=(len(seeds), 1, 1, 1))
        arrays: dict[str, np.ndarray] = {}
        for field in self.fields:
            if field.role == "series":
                arrays[field.name] = np.zeros((len(seeds), FRAMES + 1), np.float32)
                continue
            frames = FRAMES + (field.role == "state")
            values = self.pattern[:frames] * factor.astype(np.float32)
            values[:, :, :, int(self.cells * self.filled.get(field.name, 1.0)) :] = 0
            arrays[field.name] = values
        return arrays


def peak_megabytes() -> float:
    """Largest memory that this process has held so far."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def write(path: Path, samples: int) -> tuple[float, float, float]:
    """Generate the file; return seconds, and peak megabytes before and after."""
    system = Cheap()
    before, start = peak_megabytes(), time.perf_counter()
    generate(
        system,
        split="train",
        count=samples,
        seed=0,
        settings={},
        output=path,
        state=path.with_suffix(".parts"),
        threads=1,
    )
    return time.perf_counter() - start, before, peak_megabytes()


def read(path: Path, batch: int, processes: int, in_memory: bool, steps: int) -> dict[str, float]:
    """Read batches as training does; return milliseconds, bytes and peak megabytes."""
    data = Trajectories(path, in_memory=in_memory)
    warm = 2 + 4 * processes
    batches = Batches(
        data, BatchOrder(len(data), batch, 0), warm + steps, 0, 1, processes=processes
    )
    start, size = 0.0, 0
    for step in range(warm + steps):
        if step == warm:
            start = time.perf_counter()
        # Not by the thread that reads ahead: nothing is computed here meanwhile.
        values = batches.get(step) if processes else batches._read(step)
        size = sum(tensor.nbytes for tensor in values.values())
    elapsed = time.perf_counter() - start
    batches.close()
    return {"ms": 1e3 * elapsed / steps, "bytes": size, "peak": peak_megabytes()}


def alone(function: Any, *arguments: Any) -> Any:
    """Call in a process of its own, so that its memory is what it took."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=600)
    parser.add_argument("--batch", type=int, nargs="+", default=[6, 16])
    parser.add_argument("--processes", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=40, help="batches that are timed")
    parser.add_argument("--most-in-memory", type=float, default=4.0, help="GB to hold in memory")
    parser.add_argument("--folder", type=Path, default=None, help="for the file; default a new one")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        path = Path(folder) / "train.nc"
        seconds, before, after = alone(write, path, chosen.samples)
        raw = Trajectories(path, in_memory=False).dataset.nbytes
        print(
            f"{chosen.samples} samples, {raw / 1e6:.0f} MB, {path.stat().st_size / 1e6:.0f} MB on "
            f"disk; generated in parts of {part_size(Cheap())} in {seconds:.1f} s, peak memory "
            f"{after:.0f} MB, {before:.0f} MB of it before"
        )
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
        print(f"{'':28s} {'batch':>6s} {'ms':>8s} {'MB/s':>8s} {'peak MB':>8s}")
        ways = [("in memory", 0, True)] if raw < 1e9 * chosen.most_in_memory else []
        for processes in chosen.processes:
            name = f"read by {processes} processes" if processes else "read where needed"
            ways.append((name, processes, False))
        for batch in chosen.batch:
            for name, processes, in_memory in ways:
                found = alone(read, path, batch, processes, in_memory, chosen.steps)
                rate = found["bytes"] / found["ms"] / 1e3
                print(
                    f"{name:28s} {batch:6d} {found['ms']:8.1f} {rate:8.0f} {found['peak']:8.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
