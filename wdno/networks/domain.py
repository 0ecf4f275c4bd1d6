"""Ends of a grid, for networks whose layers know none: coordinates, and room beyond the ends."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Bounds:
    """The axes of a grid that end, and what a network is given for it.

    Args:
        network: Name of the network, for messages.
        padding: "zeros" or "circular" for each axis; a circular one has no ends.
        coordinates: Append the coordinate of each axis that ends to the input.
        margin: Zeros put before and after each axis that ends, as a share of its points.

    Raises:
        ValueError: If the margin is out of range.
    """

    def __init__(
        self, network: str, padding: Sequence[str], *, coordinates: bool, margin: float = 0.0
    ) -> None:
        if not 0.0 <= margin <= 1.0:
            raise ValueError(f"{network}: expected a domain_padding from 0 to 1, got {margin}")
        ends = tuple(axis for axis, kind in enumerate(padding) if kind != "circular")
        self.located = ends if coordinates else ()
        self._shares = tuple(margin if axis in ends else 0.0 for axis in range(len(padding)))

    def locate(self, x: Tensor) -> Tensor:
        """Append to ``x`` [B, C, *grid] a channel for each coordinate, k / n at point k of n."""
        coordinates = []
        for axis in self.located:
            n = x.shape[axis + 2]
            shape = [1] * x.ndim
            shape[axis + 2] = n
            coordinate = torch.arange(n, device=x.device, dtype=x.dtype) / n
            coordinates.append(coordinate.view(shape).expand(len(x), 1, *x.shape[2:]))
        return torch.cat((x, *coordinates), dim=1)

    def widen(self, h: Tensor) -> Tensor:
        """Put zeros around ``h`` [B, C, *grid]."""
        margins = self._margins(h.shape[2:])
        return nn.functional.pad(h, [margin for margin in reversed(margins) for _ in range(2)])

    def crop(self, h: Tensor, grid: Sequence[int]) -> Tensor:
        """Take the zeros around [B, C, *grid] away again."""
        for axis, (margin, n) in enumerate(zip(self._margins(grid), grid, strict=True), start=2):
            h = h.narrow(axis, margin, n)
        return h.contiguous()

    def _margins(self, grid: Sequence[int]) -> list[int]:
        return [round(share * n) for share, n in zip(self._shares, grid, strict=True)]
