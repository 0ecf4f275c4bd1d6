"""Options of the network `fno`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PositiveInt

from wdno.networks.options._modes import refusal
from wdno.networks.options.base import NetworkOptions


class FNOOptions(NetworkOptions):
    """Fourier Neural Operator (arXiv 2010.08895), from the neuraloperator package."""

    name: Literal["fno"] = Field(description="Fourier Neural Operator.")
    modes: PositiveInt | list[PositiveInt] = Field(
        default=16,
        description="Fourier modes kept along each axis: one number, or a list with one for each, "
        "time first.",
    )
    width: PositiveInt = Field(default=64, description="Hidden channels.")
    layers: PositiveInt = Field(default=4, description="Fourier layers.")

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse modes for other axes than the grid's, and more of them than it has points."""
        problem = refusal(self.modes, grid)
        return [] if problem is None else [problem]


Options = FNOOptions
