"""Options of the network `unet`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from wdno.networks.levels import refusal
from wdno.networks.options.base import NetworkOptions


class UNetOptions(NetworkOptions):
    """U-Net of residual blocks with normalised channels."""

    name: Literal["unet"] = Field(description="Residual convolutional U-Net.")
    width: PositiveInt = Field(default=128, description="Channels of the first level.")
    multipliers: Annotated[list[PositiveInt], Field(min_length=1)] = Field(
        default=[1, 2, 4, 8], description="Channels of each level, as multiples of the width."
    )
    blocks: PositiveInt | list[Annotated[int, Field(ge=0)]] = Field(
        default=2,
        description="Residual blocks of each level, one number or a list with one for each; 0 "
        "leaves out the encoder's, which saves most at the finest level.",
    )
    attention: Literal["none", "middle", "linear", "all"] = Field(
        default="middle",
        description="Self-attention: nowhere, in full at the coarsest grid, linear at every level "
        "and in full at the coarsest, as the published program has it, or in full everywhere, "
        "whose time grows with the square of the points.",
    )
    heads: PositiveInt = Field(default=4, description="Attention heads.")
    head_dim: PositiveInt = Field(default=32, description="Channels of one attention head.")
    groups: PositiveInt = Field(default=8, description="Most groups of the group normalisation.")
    normalisation: Literal["group", "point", "none"] = Field(
        default="group",
        description="Normalisation of channels: in groups over the whole grid, or at each point; "
        "with point or none and no attention a large grid can be evaluated tile by tile.",
    )

    @model_validator(mode="after")
    def _one_count_per_level(self) -> UNetOptions:
        if isinstance(self.blocks, list) and len(self.blocks) != len(self.multipliers):
            raise ValueError(
                f"blocks = {self.blocks} has {len(self.blocks)} entries, multipliers = "
                f"{self.multipliers} has {len(self.multipliers)}; give one number for each level"
            )
        return self

    @property
    def local(self) -> bool:
        """Without attention and normalisation over the grid."""
        return self.attention == "none" and self.normalisation != "group"

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse more levels than the grid can be halved for."""
        problem = refusal(f"multipliers = {self.multipliers}", grid, len(self.multipliers) - 1)
        return [] if problem is None else [problem]


Options = UNetOptions
