"""Options of the network `transolver`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from wdno.networks.options.base import NetworkOptions


class TransolverOptions(NetworkOptions):
    """Transolver: attention among learned slices of the grid (arXiv 2402.02366)."""

    name: Literal["transolver"] = Field(
        description="Transolver: attention among learned slices of the grid."
    )
    width: PositiveInt = Field(default=128, description="Hidden channels, a multiple of the heads.")
    heads: PositiveInt = Field(default=8, description="Attention heads.")
    layers: PositiveInt = Field(default=8, description="Layers.")
    slices: PositiveInt = Field(default=64, description="Slices that each head has.")
    expansion: PositiveInt = Field(
        default=1, description="Channels inside each feed-forward part, as a multiple of the width."
    )
    references: Annotated[int, Field(ge=2)] = Field(
        default=8,
        description="Reference points along each axis that is not periodic; a point knows its "
        "position by the distances to all of them.",
    )

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> TransolverOptions:
        if self.width % self.heads:
            raise ValueError(
                f"width = {self.width} is no multiple of heads = {self.heads}; each head has as "
                "many channels"
            )
        return self


Options = TransolverOptions
