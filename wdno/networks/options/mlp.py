"""Options of the network `mlp`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from wdno.networks.options.base import NetworkOptions


class MLPOptions(NetworkOptions):
    """Dense layers from all values to all values: for small grids, as of one frame."""

    name: Literal["mlp"] = Field(description="Dense layers from all values to all values.")
    grid: Annotated[list[PositiveInt], Field(min_length=1)] = Field(
        description="Grid that it is built for, whose weights fit no other."
    )
    width: PositiveInt = Field(default=1024, description="Values of a hidden layer.")
    layers: PositiveInt = Field(default=2, description="Hidden layers.")

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse another grid than that which it is built for."""
        if list(grid) == self.grid:
            return []
        return [f"grid = {self.grid}: the network would see {list(grid)}; write that"]


Options = MLPOptions
