"""Options of the network `wno`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Annotated, Literal

import pywt
from pydantic import Field, PositiveInt, field_validator

from wdno.networks import coarsening
from wdno.networks.options.base import NetworkOptions
from wdno.options import shown


class WNOOptions(NetworkOptions):
    """Wavelet Neural Operator (arXiv 2205.02191): its weights belong to positions of one grid."""

    name: Literal["wno"] = Field(description="Wavelet Neural Operator.")
    grid: Annotated[list[PositiveInt], Field(min_length=1)] = Field(
        description="Grid that it is built for, time first; of others it takes that grid with axes "
        "doubled."
    )
    time: Literal["axis", "channels"] = Field(
        default="axis",
        description="What becomes of the first axis: one of the transform, or, as published in 1D, "
        "its points become channels; of a network that goes from frame to frame that would be y.",
    )
    family: str = Field(
        default="sym4", description="Wavelet: any discrete family that PyWavelets knows."
    )
    mode: Literal["symmetric", "zero", "periodization"] = Field(
        default="symmetric",
        description="Signal extension at the ends of each axis that is not periodic; periodic axes "
        "wrap around.",
    )
    levels: PositiveInt | list[PositiveInt] = Field(
        default=5,
        description="Levels of the transform: one number, or a list with one for each axis that is "
        "transformed. Only the coarsest level has weights.",
    )
    width: PositiveInt = Field(default=40, description="Hidden channels.")
    layers: PositiveInt = Field(default=4, description="Wavelet layers.")

    @field_validator("family")
    @classmethod
    def _family_exists(cls, family: str) -> str:
        discrete = pywt.wavelist(kind="discrete")
        if family not in discrete:
            close = difflib.get_close_matches(family, discrete, n=3)
            hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else "."
            raise ValueError(
                f"family = {family!r}: not a discrete wavelet of PyWavelets{hint} Families: "
                f"{', '.join(pywt.families())}"
            )
        return family

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse a grid that is not its own with axes doubled, and too many levels."""
        if len(self.grid) != len(grid):
            return [f"grid = {self.grid}: the network would see {shown(grid)}; write that"]
        folded = self.time == "channels"
        if folded and len(grid) < 2:
            return ["time = 'channels': the network would see one axis alone; use `axis`"]
        if folded and grid[0] != self.grid[0]:
            return [
                f"grid = {self.grid}: the network would see {grid[0]} times, which are its "
                "channels; write the grid that it sees"
            ]
        wraps = [*periodic] or [False] * len(grid)
        axes = list(zip(grid, self.grid, wraps, strict=True))[folded:]
        levels = self.levels if isinstance(self.levels, list) else [self.levels] * len(axes)
        if len(levels) != len(axes):
            return [
                f"levels = {self.levels}: {len(levels)} numbers for {len(axes)} axes that are "
                "transformed; give one, or one for each"
            ]
        for (size, built, wrap), count in zip(axes, levels, strict=True):
            mode = "periodization" if wrap else self.mode
            if problem := coarsening.too_many(built, self.family, mode, count):
                return [problem]
            if coarsening.refined(size, built, self.family, mode, count) is None:
                return [
                    f"grid = {self.grid}: the network would see {shown(grid)}, and {size} points "
                    f"have no {coarsening.sizes(built, self.family, mode, count)[-1]} coefficients "
                    f"at the coarsest level, as {built} have; write the grid that it sees, or its "
                    "axes halved"
                ]
        return []


Options = WNOOptions
