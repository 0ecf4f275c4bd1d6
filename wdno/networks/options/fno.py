"""Options of the network `fno`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PositiveInt

from wdno.networks.options.base import NetworkOptions
from wdno.options import shown


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
        modes = self.modes if isinstance(self.modes, list) else [self.modes] * len(grid)
        if len(modes) != len(grid):
            return [
                f"modes = {self.modes}: {len(modes)} numbers for the {len(grid)} axes of a grid of "
                f"{shown(grid)}; give one, or one for each axis"
            ]
        if any(kept > size for kept, size in zip(modes, grid, strict=True)):
            return [
                f"modes = {self.modes}: a grid of {shown(grid)} has fewer; allowed: 1 to "
                f"{min(grid)}, or a list with one for each axis"
            ]
        return []


Options = FNOOptions
