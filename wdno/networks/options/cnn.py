"""Options of the network `cnn`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveInt

from wdno.networks.options.base import NetworkOptions
from wdno.options import shown

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions


class CNNOptions(NetworkOptions):
    """Convolutional auto-encoders with a transition of their codes (arXiv 2111.04941)."""

    name: Literal["cnn"] = Field(
        description="Convolutional auto-encoders of a frame and of what acts on it, and a "
        "transition of their codes: from a frame to the next."
    )
    grid: Annotated[list[PositiveInt], Field(min_length=1)] = Field(
        description="Grid of a frame that it is built for, whose weights fit no other."
    )
    width: PositiveInt = Field(
        default=8, description="Channels of a code, which has a quarter of the points of an axis."
    )

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Refuse another grid than its own, and periodic axes too short for its kernels."""
        if list(grid) != self.grid:
            return [f"grid = {self.grid}: the network would see {list(grid)}; write that"]
        if any(wraps and n < 5 for n, wraps in zip(grid, periodic, strict=False)):
            return [
                f"grid = {self.grid}: a periodic axis of a grid of {shown(grid)} is too short for "
                "kernels of 5 on a quarter of it; expected at least 5 points"
            ]
        return []

    def check_model(self, model: ModelOptions) -> list[str]:
        """Refuse an objective that does not go from a frame to the next, or gives its change."""
        objective, stepping = model.objective, model.objective.stepping
        if objective.auxiliary and stepping is not None and not stepping.residual:
            return []
        found = "null" if stepping is None else f"{{residual: {str(stepping.residual).lower()}}}"
        return [
            "it goes from a frame to the next, and learns codes of both; expected an objective "
            "such as {name: regression, stepping: {residual: false}}, got "
            f"{objective.name!r} with stepping: {found}"
        ]


Options = CNNOptions
