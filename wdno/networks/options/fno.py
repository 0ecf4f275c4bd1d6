"""Options of the network `fno`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from wdno.networks.options._modes import refusal
from wdno.networks.options.base import NetworkOptions


class FNOOptions(NetworkOptions):
    """Fourier Neural Operator (arXiv 2010.08895), from the neuraloperator package."""

    name: Literal["fno"] = Field(description="Fourier Neural Operator.")
    modes: PositiveInt | list[PositiveInt] = Field(
        default=16,
        description="Fourier modes kept along each axis: one number, or a list with one for each, "
        "time first.",
    )
    width: PositiveInt = Field(default=64, description="Hidden channels.")
    layers: PositiveInt = Field(default=4, description="Fourier layers.")
    factorization: Literal["tucker", "cp", "tt"] | None = Field(
        default=None,
        description="Decomposition of each layer's coefficients: of Tucker (TFNO, arXiv "
        "2310.00120), CANDECOMP/PARAFAC, or a tensor train. Null: one tensor.",
    )
    rank: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.1,
        description="Parameters of a layer's decomposition, as a share of those of one tensor. "
        "Without a factorization: no effect.",
    )

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse modes for other axes than the grid's, and more of them than it has points."""
        problem = refusal(self.modes, grid)
        return [] if problem is None else [problem]


Options = FNOOptions
