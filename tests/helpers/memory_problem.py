"""Generates a data set, or reads it as training does, and prints the megabytes that this took."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from waves import Waves, make_data

from wdno.data import generate
from wdno.data.dataset import Trajectories
from wdno.data.statistics import measure_statistics
from wdno.model import Model
from wdno.tasks.simulation.problem import data as simulation
from wdno.training.batches import Batches, BatchOrder


class Flat(Waves):
    """Samples of 2.1 MB that are cheap to draw, and no smaller than others once they are read."""

    def __init__(self) -> None:
        super().__init__(frames=16, points=16384)

    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, np.ndarray]:
        scale = np.float32([[[1 + seed % 7]] for seed in seeds])
        x = np.sin(2 * np.pi * self.coordinates()["x"]).round(1).astype(np.float32)
        frames = np.ones((1, self.frames + 1, 1), np.float32)
        return {"u": scale * frames * x, "f": scale * frames[:, 1:] * x}


def peak() -> float:
    """Largest memory of this process so far, in MB, of no process that it came from."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def generates(path: Path, count: int) -> None:
    generate.PART_BYTES = 16 * 1024**2
    make_data(path, system=Flat(), count=count)


def reads(path: Path, count: int) -> None:
    data = simulation(Trajectories(path, in_memory=False))
    batches = Batches(data, BatchOrder(len(data), 4, 0), count // 4, 0, 1)
    for step in range(count // 4):
        batches.get(step)
    batches.close()


def fits_scales(path: Path, count: int) -> None:
    network: dict[str, Any] = {"name": "fno", "modes": 4, "width": 4, "layers": 1}
    axes = {"representation": {"name": "identity"}, "objective": {"name": "regression"}}
    data = simulation(Trajectories(path, in_memory=False))
    Model({**axes, "network": network}, data.problem).fit_scales(data)


def measures(path: Path, count: int) -> None:
    measure_statistics(path)


if __name__ == "__main__":
    before = peak()
    globals()[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
    print(peak() - before)
