"""Problems whose conditional mean and spread are known, and a network that can learn them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from wdno.problem import Part, Problem

GRID = (8, 8)
ALL_SPANS = Problem(
    grid=GRID,
    boundaries=("periodic",),
    extent=(0.0, 1.0, 0.0, 1.0),
    given=(
        Part("forcing", ("f", "g")),
        Part("first", ("u0", "u1"), "space", like="state"),
        Part("share", ("c",), "time"),
        Part("level", ("p",), "number"),
    ),
    generated=(
        Part("state", ("u",), start="first"),
        Part("series", ("s",), "time"),
    ),
)
"""u = u1 + f - g / 3 + p + z and s = 4 - c + 0.2 z, with standard normal z; u1 is about 10."""

STEPS = Problem(
    grid=GRID,
    boundaries=("open",),
    extent=(0.0, 1.0, 0.0, 1.0),
    given=(
        Part("forcing", ("f",)),
        Part("first", ("u0",), "space", like="state"),
    ),
    generated=(Part("state", ("u",), start="first"),),
)
"""u' = 0.8 u + 0.5 f + 0.3 z, with standard normal z."""


class Samples:
    """Samples of one of the problems, in memory, as data sets of files give them."""

    def __init__(self, problem: Problem, count: int = 512, seed: int = 0) -> None:
        self.problem = problem
        self._draws = torch.Generator().manual_seed(seed)
        self.parts = self._all_spans(count) if problem is ALL_SPANS else self._steps(count)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._draws)

    def _all_spans(self, count: int) -> dict[str, Tensor]:
        given = {
            "forcing": self._normal(count, 2, *GRID) * torch.tensor([1.0, 3.0])[:, None, None],
            "first": 10 + self._normal(count, 2, GRID[1]),
            "share": self._normal(count, 1, GRID[0]),
            "level": self._normal(count, 1),
        }
        mean = self.mean(given)
        return given | {
            "state": mean["state"] + self._normal(count, 1, *GRID),
            "series": mean["series"] + 0.2 * self._normal(count, 1, GRID[0]),
        }

    def _steps(self, count: int) -> dict[str, Tensor]:
        given = {
            "forcing": self._normal(count, 1, *GRID),
            "first": self._normal(count, 1, GRID[1]),
        }
        return given | {"state": self._rollout(given, noise=0.3)}

    def _rollout(self, given: dict[str, Tensor], noise: float) -> Tensor:
        u, frames = given["first"], []
        for f in given["forcing"].unbind(2):
            u = 0.8 * u + 0.5 * f + noise * self._normal(*f.shape)
            frames.append(u)
        return torch.stack(frames, dim=2)

    def mean(self, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """The generated parts' means, given the others."""
        if self.problem is STEPS:
            return {"state": self._rollout(given, noise=0.0)}
        f, g = given["forcing"].split(1, dim=1)
        last = given["first"][:, 1:, None]
        level = given["level"][..., None, None]
        return {"state": last + f - g / 3 + level, "series": 4 - given["share"]}

    def __len__(self) -> int:
        return len(self.parts["state"])

    def block(self, most: int = 256) -> int:
        return most

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        chosen = torch.from_numpy(np.asarray(indices))
        return {name: part[chosen] for name, part in self.parts.items()} | {"index": chosen}

    def batches(
        self, size: int, count: int | None = None, group: int | None = None
    ) -> Iterator[dict[str, Tensor]]:
        stop = min(count or len(self), len(self))
        for first in range(0, stop, size):
            yield self.batch(np.arange(first, min(first + size, stop)))


class PointwiseLinear(nn.Module):
    """A matrix for the channels of each point, which depends smoothly on the diffusion time."""

    TIMES = 12

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dims: int,
        time_conditioned: bool,
        padding: list[str],
    ) -> None:
        super().__init__()
        self.count = self.TIMES if time_conditioned else 1
        self.matrix = nn.Parameter(torch.zeros(self.count, out_channels, in_channels + 1))

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        weights = x.new_ones(len(x), 1)
        if t is not None:
            centres = torch.linspace(0, 1, self.count)
            distance = (t[:, None] - centres) * (self.count - 1)
            weights = (1 - distance.abs()).clamp(min=0)
        x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
        return torch.einsum("bk,koi,bi...->bo...", weights, self.matrix, x)
