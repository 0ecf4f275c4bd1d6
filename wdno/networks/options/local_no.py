"""Options of the network `local_no`."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PositiveInt

from wdno.networks.options._modes import refusal
from wdno.networks.options.base import NetworkOptions
from wdno.options import shown


def missing() -> str | None:
    """Say that the package torch-harmonics is needed; None if a version that works is there."""
    try:
        found = importlib.metadata.version("torch-harmonics")
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found.startswith("0.7."):
        return None
    return (
        "it needs the package torch-harmonics, of which neuraloperator 2.0.0 works with version "
        f"0.7, got {found}; install it: pip install torch-harmonics==0.7.4"
    )


class LocalNOOptions(NetworkOptions):
    """Local Neural Operator (arXiv 2402.16845), from the neuraloperator package."""

    name: Literal["local_no"] = Field(
        description="Local Neural Operator: Fourier layers beside local integrals and differences; "
        "on two axes, with the package torch-harmonics."
    )
    modes: PositiveInt | list[PositiveInt] = Field(
        default=16,
        description="Fourier modes kept along each axis: one number, or a list with one for each, "
        "time first.",
    )
    width: PositiveInt = Field(default=64, description="Hidden channels.")
    layers: PositiveInt = Field(default=4, description="Layers.")
    radius: PositiveInt = Field(
        default=1, description="Reach of the local integrals, in points of the grid."
    )

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse grids that have not two axes, more modes than points, and a missing package."""
        if len(grid) != 2:
            return [
                f"name = 'local_no': a grid of {shown(grid)} has {len(grid)} axes, the local "
                "integrals are on two; use another network"
            ]
        problems = [problem] if (problem := refusal(self.modes, grid)) else []
        if any(wraps and n < self.radius for n, wraps in zip(grid, periodic, strict=False)):
            problems.append(
                f"radius = {self.radius}: a periodic axis of a grid of {shown(grid)} is shorter; "
                "use a smaller one"
            )
        if problem := missing():
            problems.append(f"name = 'local_no': {problem}")
        return problems


Options = LocalNOOptions
