"""Options of the network `mgno`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from wdno.networks.levels import refusal
from wdno.networks.options.base import NetworkOptions


class MgNOOptions(NetworkOptions):
    """Multigrid neural operator (arXiv 2310.19809)."""

    name: Literal["mgno"] = Field(
        description="Multigrid neural operator: each layer is a V-cycle with learned stencils."
    )
    width: PositiveInt = Field(default=24, description="Hidden channels.")
    layers: PositiveInt = Field(default=4, description="V-cycles, one after another.")
    smoothings: Annotated[list[PositiveInt], Field(min_length=1)] = Field(
        default=[1, 1, 1, 1, 1, 2],
        description="Smoothing steps on each grid of a V-cycle, from fine to coarse: as many grids "
        "as numbers, each half as fine as the last.",
    )

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse more grids than there can be."""
        problem = refusal(f"smoothings = {self.smoothings}", grid, len(self.smoothings) - 1)
        return [] if problem is None else [problem]


Options = MgNOOptions
