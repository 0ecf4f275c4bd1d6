"""A network evaluated tile by tile, so that memory does not grow with the grid.

Where every output depends on inputs within a fixed distance alone, the tiles with a margin of that
distance make up the very output of the whole grid: of networks without attention and without
normalisation over the grid, see ``reach`` of a network. Edges of the grid are padded as without
tiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Protocol, cast

import torch
from torch import Tensor, nn


class Local(Protocol):
    """A network whose outputs depend on inputs nearby."""

    def reach(self) -> tuple[int, ...] | None:
        """Most points between an output and an input that it depends on, along each axis.

        A multiple of the distance after which tiles repeat. None: it depends on all.
        """
        ...


class Tiled(nn.Module):
    """A network that is evaluated tile by tile.

    Args:
        network: The network.
        tile: Points of a tile along each axis, without its margin; rounded up to a multiple of what
            the network coarsens by.
        periodic: Whether each axis of the grid wraps around.

    Raises:
        ValueError: If the network depends on the whole grid.
    """

    def __init__(self, network: nn.Module, tile: int, periodic: Sequence[bool]) -> None:
        super().__init__()
        find = getattr(network, "reach", None)
        margin = None if find is None else cast(Local, network).reach()
        if margin is None:
            raise ValueError(
                f"tiles: the network {type(network).__name__} depends on the whole grid; use one "
                "that does not, such as a U-Net with attention = none and normalisation = point"
            )
        self.network, self.periodic = network, tuple(periodic)
        self.margin = margin
        self.coarsest = int(getattr(network, "coarsest", 1))
        self.tile = -(-tile // self.coarsest) * self.coarsest

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """Map channels on a grid; see the network's own ``forward``."""
        grid = tuple(x.shape[2:])
        if all(n <= self.tile for n in grid):
            return cast(Tensor, self.network(x, t))
        output: Tensor | None = None
        for tiles in product(*(self._tiles(axis, n) for axis, n in enumerate(grid))):
            part = x
            for axis, (indices, _, _) in enumerate(tiles, 2):
                if len(indices) < x.shape[axis]:
                    part = part.index_select(axis, indices.to(x.device))
            y = self.network(part, t)
            place: list[slice] = [slice(None), slice(None)]
            for axis, (_, inner, outer) in enumerate(tiles, 2):
                y = y.narrow(axis, inner, outer.stop - outer.start)
                place.append(outer)
            if output is None:
                output = y.new_empty(x.shape[0], y.shape[1], *grid)
            output[tuple(place)] = y
        assert output is not None
        return output

    def _tiles(self, axis: int, size: int) -> Iterator[tuple[Tensor, int, slice]]:
        """Tiles of an axis: points with the margin, where the tile begins in them, its place."""
        # Where the network coarsens across the seam of a ring, tiles would be laid out otherwise.
        ragged = self.periodic[axis] and size % self.coarsest
        if size <= self.tile or ragged:
            yield torch.arange(size), 0, slice(0, size)
            return
        margin, wraps = self.margin[axis], self.periodic[axis]
        for start in range(0, size, self.tile):
            stop = min(start + self.tile, size)
            first, last = start - margin, stop + margin
            if wraps:
                # No point twice: a ring that is all there needs no margin.
                if last - first >= size:
                    yield torch.arange(size), start, slice(start, stop)
                    continue
                points = torch.arange(first, last) % size
            else:
                first, last = max(first, 0), min(last, size)
                points = torch.arange(first, last)
            yield points, start - first, slice(start, stop)
