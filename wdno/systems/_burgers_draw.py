r"""The distribution of initial states and forcing of the Burgers system (arXiv 2412.04833).

$$ u_0(x) = \sum_{i=1}^2 a_i \exp\!\Big(-\frac{(x - b_i)^2}{2 \sigma_i^2}\Big), \qquad
   f(x, t) = \sum_{i=1}^8 2 A_i \exp\!\Big(-\frac{(x - c_i)^2}{2 s_i^2}\Big)
                                  \exp\!\Big(-\frac{(t / t_{end} - \tau_i)^2}{2 r_i^2}\Big), $$

with $a$ in U(0, 2) and U(-2, 0), $b$ in U(0.2, 0.4) and U(0.6, 0.8), $\sigma$ in U(0.05, 0.15);
$A$ in U(-1.5, 1.5), for i > 1 zero with probability 1/2; $c, \tau$ in U(0, 1), $s, r$ in
U(0.1, 0.4). On interval k = 0..K-1 of K, f is its value at $t_{end} (k + 1) / (K + 1)$, as in the
reference program: within the interval, moving from its right end to its left one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def _gaussian(y: Array, centre: Array, width: Array) -> Array:
    """exp(-(y - centre)^2 / (2 width^2)), `[terms, len(y)]`."""
    scaled = (y - centre[:, None]) / width[:, None]
    result: Array = np.exp(-0.5 * scaled**2)
    return result


@dataclass(frozen=True)
class BurgersDraw:
    """The random numbers of one sample, from which u0 and f follow at any coordinates.

    Attributes:
        state: Amplitudes, centres and widths of the initial state's Gaussians, `[3, 2]`.
        force: Amplitudes, centres and widths in x, and in t / t_end, of the forcing's, `[5, 8]`.
    """

    state: Array
    force: Array

    @classmethod
    def from_seed(cls, seed: int) -> BurgersDraw:
        """Draw the numbers of a sample."""
        rng = np.random.default_rng(seed)
        amplitude = rng.uniform([0.0, -2.0], [2.0, 0.0])
        centre = rng.uniform([0.2, 0.6], [0.4, 0.8])
        width = rng.uniform(0.05, 0.15, 2)
        strength = rng.uniform(-1.5, 1.5, 8)
        strength[1:] *= rng.integers(0, 2, 7)
        places = rng.uniform(0.0, 1.0, (2, 8))
        extents = rng.uniform(0.1, 0.4, (2, 8))
        force = np.stack([strength, places[0], extents[0], places[1], extents[1]])
        return cls(np.stack([amplitude, centre, width]), force)

    def initial_state(self, x: Array) -> Array:
        """u0 at the coordinates, `[len(x)]`."""
        amplitude, centre, width = self.state
        u0: Array = amplitude @ _gaussian(x, centre, width)
        return u0

    def forcing(self, x: Array, intervals: int) -> Array:
        """The value of f on each of the intervals at the coordinates, `[intervals, len(x)]`."""
        strength, x_centre, x_width, t_centre, t_width = self.force[:, self.force[0] != 0]
        t = np.arange(1, intervals + 1) / (intervals + 1)
        in_time = np.ascontiguousarray((2 * strength[:, None] * _gaussian(t, t_centre, t_width)).T)
        # einsum, not BLAS, whose threads cost more than they give at these sizes.
        f: Array = np.einsum("ti,ix->tx", in_time, _gaussian(x, x_centre, x_width))
        return f
