"""What every network has among its options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from wdno.options import Section

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions


class NetworkOptions(Section):
    """Options of a network."""

    name: str = Field(description="Network.")

    def check(self, grid: tuple[int, ...], periodic: Sequence[bool] = ()) -> list[str]:
        """Return what is wrong with the options on a grid.

        Args:
            grid: what the network sees: time first, or space alone where it goes from frame to
                frame.
            periodic: whether each of its axes wraps around; empty: none does.

        Returns:
            Problems, each a sentence that begins with the option.
        """
        return []

    def check_model(self, model: ModelOptions) -> list[str]:
        """Return what of a model with it cannot work, each a sentence."""
        return []

    @property
    def local(self) -> bool:
        """Whether outputs depend on inputs nearby alone, so that it can go tile by tile."""
        return False
