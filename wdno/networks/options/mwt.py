"""Options of the network `mwt`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PositiveInt

from wdno.networks.options.base import NetworkOptions
from wdno.options import shown


class MWTOptions(NetworkOptions):
    """Multiwavelet transform network (arXiv 2109.13459)."""

    name: Literal["mwt"] = Field(description="Multiwavelet transform network.")
    order: PositiveInt = Field(
        default=4, description="Legendre polynomials in a cell, along each axis that is halved."
    )
    width: PositiveInt = Field(
        default=4,
        description="Functions that are transformed. Each has order coefficients in a cell on one "
        "axis, order squared on two or three (of which time is not halved).",
    )
    modes: PositiveInt = Field(default=10, description="Fourier modes kept along each axis.")
    layers: PositiveInt = Field(default=3, description="Multiwavelet layers.")

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse axes that cannot be halved."""
        if min(grid[-2:]) > 1:
            return []
        return [
            f"name = 'mwt': an axis of 1 point of a grid of {shown(grid)} cannot be halved; use "
            "another network, or a larger grid"
        ]


Options = MWTOptions
