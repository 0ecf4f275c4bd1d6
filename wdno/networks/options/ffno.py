"""Options of the network `ffno`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PositiveInt

from wdno.networks.options._modes import refusal
from wdno.networks.options.base import NetworkOptions


class FFNOOptions(NetworkOptions):
    """Factorized Fourier Neural Operator (arXiv 2111.13802)."""

    name: Literal["ffno"] = Field(description="Factorized Fourier Neural Operator.")
    modes: PositiveInt | list[PositiveInt] = Field(
        default=16,
        description="Lowest frequencies kept along each axis, of n // 2 + 1: one number, or a list "
        "with one for each, time first.",
    )
    width: PositiveInt = Field(default=64, description="Hidden channels.")
    layers: PositiveInt = Field(default=24, description="Fourier layers.")
    expansion: PositiveInt = Field(
        default=4, description="Channels inside each feed-forward part, as a multiple of the width."
    )
    shared: bool = Field(
        default=True, description="One set of Fourier weights for all layers; else one for each."
    )

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse modes for other axes than the grid's, and more of them than it has."""
        problem = refusal(self.modes, grid, [size // 2 + 1 for size in grid])
        return [] if problem is None else [problem]


Options = FFNOOptions
