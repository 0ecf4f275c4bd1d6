"""A small system with latitudes, longitudes and a calendar, whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from wdno.systems import base
from wdno.systems.base import Axis, Field, PerSample

START = 24 * 365 * 40 + 5
"""Hours since 1970, not at midnight."""


class Days(base.System):
    """Windows of 3 given and some further hours: a daily cycle, and an anomaly of each point."""

    name: ClassVar[str] = "days"
    title = "Days"
    fields = (Field("t", "state", "K", "temperature"),)
    axes = (
        Axis("latitude", "open", "degrees_north", "latitude"),
        Axis("longitude", "open", "degrees_east", "longitude"),
    )
    per_sample = (
        PerSample(
            "reference_time",
            "hours since 1970-01-01 00:00:00",
            "time of the last given frame",
            "forecast_reference_time",
        ),
    )
    time_units = "h"
    given_frames = 3

    def __init__(
        self, stride: int = 1, noise: float = 0.0, grid: tuple[int, int, int] = (5, 3, 4)
    ) -> None:
        self.stride, self.noise, self.horizon = stride, noise, grid[0]
        self.latitude = np.linspace(0.0, 60.0, grid[1])
        self.longitude = np.linspace(-2.0, 4.0, grid[2])

    def coordinates(self) -> dict[str, NDArray[np.float64]]:
        return {
            "time": np.arange(-2.0, self.horizon + 1.0),
            "latitude": self.latitude,
            "longitude": self.longitude,
        }

    def temperature(self, hours: NDArray[np.int64]) -> NDArray[np.float64]:
        """At hours [...], on the grid: [..., *grid]."""
        cycle = np.cos(2 * np.pi * hours / 24)[..., None, None]
        mean = 280.0 + 0.1 * self.latitude[:, None] + self.longitude
        days = (hours // 24)[..., None, None]
        weather = self.noise * np.sin(days * 1.7 + self.longitude)
        return mean + (1 + 0.1 * self.longitude) * cycle + weather

    def draw(
        self, split: str, indices: Sequence[int], seed: int, *, threads: int = 1
    ) -> dict[str, NDArray[np.generic]]:
        first = {"train": 0, "validation": 2000, "test": 4000}[split]
        reference = START + first + self.stride * np.asarray(indices)
        hours = reference[:, None] + np.arange(-2, self.horizon + 1)
        return {"t": np.float32(self.temperature(hours)), "reference_time": reference}

    def available(self, split: str) -> int:
        return 240
