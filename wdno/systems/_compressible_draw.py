r"""The distribution of shock tubes of the compressible system (PDEBench, arXiv 2210.07182).

Density, velocity and pressure each take one value left and one right of a jump, with a place of its
own for each of the three, so up to three discontinuities start apart and meet:
$\rho = 10^{U(0, 1)}$, $v = e^{U(-0.5, 0.5)}$, $p = 10^{U(1, 2)}$ on either side, and the jumps at
U(0.25, 0.75) of the domain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DENSITY = (1.0, 10.0)
"""Range of the density, uniform in its logarithm."""
VELOCITY = (math.exp(-0.5), math.exp(0.5))
"""Range of the velocity, uniform in its logarithm."""
PRESSURE = (10.0, 100.0)
"""Range of the pressure, uniform in its logarithm."""
JUMP = (0.25, 0.75)
"""Range of the places of the jumps, as parts of the domain."""


@dataclass(frozen=True)
class CompressibleDraw:
    """The random numbers of one sample, from which its initial state follows on any cells.

    Attributes:
        sides: Density, velocity and pressure, left and right of their jumps, `[3, 2]`.
        jumps: Where each of the three jumps, as parts of the domain, `[3]`.
    """

    sides: Array
    jumps: Array

    @classmethod
    def from_seed(cls, seed: int) -> CompressibleDraw:
        """Draw the numbers of a sample."""
        rng = np.random.default_rng(seed)
        low, high = np.log([DENSITY, VELOCITY, PRESSURE]).T[..., None]
        return cls(np.exp(rng.uniform(low, high, (3, 2))), rng.uniform(*JUMP, 3))

    def cell_means(self, cells: int, gamma: float) -> Array:
        """Means of density, momentum and energy over each of the cells, exact, `[3, cells]`.

        Args:
            cells: Equal cells of the domain.
            gamma: Ratio of specific heats.
        """
        # In units of cells: those without a jump get their value to the last bit.
        ends = np.concatenate([[0.0], np.sort(self.jumps) * cells, [float(cells)]])
        centres = (ends[:-1] + ends[1:]) / 2
        right = centres > self.jumps[:, None] * cells
        rho, v, p = np.where(right, self.sides[:, 1:], self.sides[:, :1])
        pieces = np.stack([rho, rho * v, p / (gamma - 1) + 0.5 * rho * v**2])
        cell = np.arange(cells)
        overlap = np.minimum(cell + 1, ends[1:, None]) - np.maximum(cell, ends[:-1, None])
        means: Array = (pieces[..., None] * np.maximum(overlap, 0.0)).sum(axis=1)
        return means
