"""Networks that learn more than their output: auxiliary losses of what they compute on the way."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Supervised(Protocol):
    """A network with losses of its own, which an objective adds to that of the output.

    Options of such an objective say `auxiliary = True`.
    """

    def supervised(self, x: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output for an input, and the auxiliary loss of each sample.

        Args:
            x: Input, [B, in_channels, *grid].
            wanted: What the output should be, [B, out_channels, *grid].

        Returns:
            Output, [B, out_channels, *grid], and losses, [B], beside 1 for the mean squared error
            of the output.
        """
        ...
