"""Options of the network `codano`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PositiveInt

from wdno.networks.options._modes import refusal
from wdno.networks.options.base import NetworkOptions


class CoDANOOptions(NetworkOptions):
    """Codomain Attention Neural Operator (arXiv 2403.12553), from the neuraloperator package."""

    name: Literal["codano"] = Field(
        description="Codomain Attention Neural Operator: attention among the channels, each a "
        "function on the whole grid."
    )
    modes: PositiveInt | list[PositiveInt] = Field(
        default=16,
        description="Fourier modes kept along each axis: one number, or a list with one for each, "
        "time first.",
    )
    width: PositiveInt = Field(default=16, description="Hidden channels of each channel.")
    layers: PositiveInt = Field(default=4, description="Layers.")
    heads: PositiveInt = Field(default=2, description="Attention heads.")
    encoding: PositiveInt = Field(
        default=8, description="Learned functions beside each channel, which tell it from others."
    )
    encoding_modes: PositiveInt = Field(
        default=4, description="Cosines along each axis that ends which they are made of."
    )
    normalisation: Literal["instance", "none"] = Field(
        default="instance",
        description="Normalisation of each hidden channel over the grid, or none.",
    )

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse modes that the grid does not have, and what does not tell channels apart."""
        problems = [problem] if (problem := refusal(self.modes, grid)) else []
        if periodic and all(periodic) and self.normalisation == "instance":
            problems.append(
                "normalisation = 'instance': on a grid without an end what tells channels apart is "
                "constant, and normalisation takes constants away; use none"
            )
        return problems


Options = CoDANOOptions
