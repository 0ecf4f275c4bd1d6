"""Options of the network `oformer`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from wdno.networks.options.base import NetworkOptions
from wdno.options import shown


class OFormerOptions(NetworkOptions):
    """Operator transformer, with linear attention (arXiv 2205.13671)."""

    name: Literal["oformer"] = Field(description="Operator transformer, with linear attention.")
    width: PositiveInt = Field(default=96, description="Channels of a token, and of a head.")
    latent: PositiveInt = Field(
        default=256, description="Channels of a token of the decoder, and of a head; even."
    )
    heads: PositiveInt = Field(default=4, description="Attention heads.")
    layers: PositiveInt = Field(default=6, description="Layers of the encoder.")
    resolution: PositiveInt = Field(
        default=64,
        description="Points along an axis that positions are told apart by: attention turns by up "
        "to as many radians across it, in the first two layers by more.",
    )
    frequency: PositiveFloat = Field(
        default=8.0,
        description="Standard deviation of the frequencies of the decoder's positions, in turns "
        "across an axis.",
    )

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse heads too small for the positions along all axes, and an odd latent."""
        least = 2 * len(grid)
        for name in ("width", "latent"):
            if getattr(self, name) < least:
                return [
                    f"{name} = {getattr(self, name)}: the {len(grid)} axes of a grid of "
                    f"{shown(grid)} need 2 channels each; use at least {least}"
                ]
        if self.latent % 2:
            return [f"latent = {self.latent}: sines and cosines need an even number"]
        return []


Options = OFormerOptions
