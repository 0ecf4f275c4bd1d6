"""Options of the network `cno`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from wdno.networks.levels import refusal
from wdno.networks.options.base import NetworkOptions


class CNOOptions(NetworkOptions):
    """Convolutional Neural Operator (arXiv 2302.01178)."""

    name: Literal["cno"] = Field(
        description="Convolutional Neural Operator: a U-Net whose activations make no frequencies "
        "that the grid cannot hold."
    )
    width: PositiveInt = Field(
        default=16,
        description="Channels of the first coarser level, doubled on each of the next ones; the "
        "finest has half as many.",
    )
    levels: PositiveInt = Field(default=4, description="Times that the grid is halved.")
    blocks: Annotated[int, Field(ge=0)] = Field(
        default=4, description="Residual blocks of each level between encoder and decoder."
    )
    middle_blocks: Annotated[int, Field(ge=0)] = Field(
        default=4, description="Residual blocks of the coarsest level."
    )
    latent: PositiveInt = Field(
        default=64, description="Channels inside the first and the last part of the network."
    )

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse more levels than the grid can be halved for."""
        problem = refusal(f"levels = {self.levels}", grid, self.levels)
        return [] if problem is None else [problem]


Options = CNOOptions
