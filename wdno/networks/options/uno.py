"""Options of the network `uno`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PositiveInt

from wdno.networks import levels
from wdno.networks.options import _modes
from wdno.networks.options.base import NetworkOptions


class UNOOptions(NetworkOptions):
    """U-shaped Neural Operator (arXiv 2204.11127), from the neuraloperator package."""

    name: Literal["uno"] = Field(description="U-shaped Neural Operator: Fourier layers in a U-Net.")
    modes: PositiveInt | list[PositiveInt] = Field(
        default=16,
        description="Fourier modes kept along each axis of the finest grid, of others in "
        "proportion: one number, or a list with one for each, time first.",
    )
    width: PositiveInt = Field(
        default=32, description="Channels of the finest grid, twice as many for each halving."
    )
    levels: PositiveInt = Field(
        default=1, description="Times that the grid is halved; it has 2 levels + 3 Fourier layers."
    )

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse modes that the grid does not have, and more levels than it can be halved for."""
        found = (
            _modes.refusal(self.modes, grid),
            levels.refusal(f"levels = {self.levels}", grid, self.levels),
        )
        return [problem for problem in found if problem is not None]


Options = UNOOptions
