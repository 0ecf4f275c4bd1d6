"""Dense layers from all values to all values.

The policies of the baselines of arXiv 2412.04833 are of this kind: two hidden layers of 1024.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from wdno.networks.arguments import GridNetwork, check_own_grid


class MLP(GridNetwork):
    """A perceptron of all channels at all points."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dims: int,
        grid: Sequence[int],
        padding: Sequence[str],
        time_conditioned: bool = False,
        width: int = 1024,
        layers: int = 2,
    ) -> None:
        """Draw the weights.

        Args:
            in_channels: given channels.
            out_channels: predicted channels.
            dims: axes of the grid.
            time_conditioned: whether it is told a diffusion time.
            padding: not looked at: every value sees every other.
            grid: the only grid that it takes.
            width: values of a hidden layer.
            layers: hidden layers.

        Raises:
            ValueError: the grid has another number of axes.
        """
        super().__init__("mlp", in_channels, dims, padding, time_conditioned=time_conditioned)
        if len(grid) != dims:
            raise ValueError(f"mlp: expected a grid of {dims} axes, got {list(grid)}")
        self.grid, self.out_channels = tuple(grid), out_channels
        points = math.prod(grid)
        sizes = [in_channels * points + time_conditioned, *[width] * layers]
        hidden = [
            layer
            for size, following in pairwise(sizes)
            for layer in (nn.Linear(size, following), nn.ReLU())
        ]
        self.layers = nn.Sequential(*hidden, nn.Linear(sizes[-1], out_channels * points))

    def check_grid(self, grid: Sequence[int]) -> None:
        """Refuse another grid than that which it was built for.

        Raises:
            ValueError: naming both.
        """
        check_own_grid(self.name, self.grid, grid)

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        flat = x.flatten(1)
        if t is not None:
            flat = torch.cat([flat, t[:, None].to(flat)], dim=1)
        result: Tensor = self.layers(flat)
        return result.view(len(x), self.out_channels, *self.grid)


Network = MLP
