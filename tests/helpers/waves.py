"""A system that is quick to draw, and data files of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from wdno.data.generate import generate
from wdno.systems import base
from wdno.systems.base import Axis, Field


class Waves(base.EquationSystem):
    """Damped standing waves with a forcing that moves them; exact, and quick to draw."""

    name = "waves"
    title = "Waves"
    fields: ClassVar = (
        Field("u", "state", "m", "height"),
        Field("f", "forcing", "m s-1", "forcing"),
    )
    axes: ClassVar = (Axis("x", "periodic", "m", "position"),)
    time_units = "s"
    given_frames = 1

    def __init__(self, frames: int = 16, points: int = 24) -> None:
        self.frames, self.points = frames, points

    def coordinates(self) -> dict[str, np.ndarray]:
        edges = np.linspace(0.0, 1.0, self.frames + 1)
        return {
            "time": edges,
            "interval": (edges[1:] + edges[:-1]) / 2,
            "interval_bounds": np.stack([edges[:-1], edges[1:]], axis=1),
            "x": np.arange(self.points) / self.points,
        }

    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, np.ndarray]:
        u, f = [], []
        x = self.coordinates()["x"]
        for seed in seeds:
            rng = np.random.default_rng(seed)
            start = rng.normal() * np.sin(2 * np.pi * (x + rng.uniform()))
            forcing = rng.normal(size=(self.frames, 1)) * np.cos(2 * np.pi * x)
            frames = [start]
            for push in forcing:
                frames.append(0.95 * frames[-1] + push / self.frames)
            u.append(frames)
            f.append(forcing)
        return {"u": np.float32(u), "f": np.float32(f)}


def make_data(path: Path, *, system: base.System | None = None, count: int = 20) -> Path:
    """Write a data file of waves."""
    generate(
        system or Waves(),
        split="train",
        count=count,
        seed=0,
        settings={},
        output=path,
        state=path.with_suffix(".parts"),
        threads=1,
    )
    return path
