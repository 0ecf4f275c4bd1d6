r"""Exponential moving average of the weights.

The update after $n$ earlier ones is

$$ \bar\theta \leftarrow d_n \bar\theta + (1 - d_n) \theta, \qquad
   d_n = \min\Big(d, \frac{1 + n}{10 + n}\Big). $$

While the second argument is the smaller one, the share of the initial weights after $N$ updates is
$9!\, N! / (N + 9)!$ (below 1e-8 from $N = 30$ on), and the average weighs the weights at a
fraction $x$ of the run so far by $9 x^8$: it is a power-law average (arXiv 2312.02696, section
3.1, $\gamma = 8$) over about the last ninth, however short the run. A fixed decay of 0.999 would
after 400 steps still be made of initial weights for two thirds.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def ema_decay(updates: int, largest: float) -> float:
    """Decay $d_n$ of an update.

    Args:
        updates: Updates so far, n.
        largest: Largest decay, d, in [0, 1).

    Returns:
        The decay, in [0, 1).
    """
    return min(largest, (1 + updates) / (10 + updates))


class WeightAverage:
    """The moving average of parameters.

    Attributes:
        tensors: The average, in the order, shapes, dtypes and memory formats of the parameters.
        updates: Updates so far.
    """

    def __init__(self, parameters: Sequence[Tensor], decay: float) -> None:
        """Begin with the parameters as they are.

        Args:
            parameters: What is averaged; read at every update.
            decay: Largest decay; 0 makes the average the latest weights.
        """
        self._parameters = [parameter.detach() for parameter in parameters]
        self._decay = decay
        self.tensors = [parameter.clone() for parameter in self._parameters]
        self.updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Draw the average towards the parameters."""
        weight = 1.0 - ema_decay(self.updates, self._decay)
        torch._foreach_lerp_(self.tensors, self._parameters, weight)
        self.updates += 1

    @torch.no_grad()
    def restore(self, tensors: Sequence[Tensor], updates: int) -> None:
        """Go on with an average that was stored, after its number of updates."""
        torch._foreach_copy_(self.tensors, list(tensors))
        self.updates = updates

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange parameters and average, bit for bit; a second call undoes the first."""
        kept = [parameter.clone() for parameter in self._parameters]
        torch._foreach_copy_(self._parameters, self.tensors)
        torch._foreach_copy_(self.tensors, kept)
