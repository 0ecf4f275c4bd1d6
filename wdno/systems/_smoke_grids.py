"""From the stored grid of the smoke system to the solver's and back, for arrays and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def means(values: Any, cells: int) -> Any:
    """Return means of `[..., N, N]` over `cells` x `cells` blocks, which keep the amount."""
    ratio = values.shape[-1] // cells
    blocks = values.reshape(*values.shape[:-2], cells, ratio, cells, ratio)
    return blocks.mean(-1).mean(-2)


def repeated(values: Any, cells: int) -> Any:
    """Repeat values `[..., Y, X]` over `cells` x `cells` cells of the solver.

    Raises:
        ValueError: If the given grid does not divide that one.
    """
    given = tuple(values.shape[-2:])
    if len(given) < 2 or given[0] != given[1] or cells % given[0]:
        raise ValueError(
            f"density and control must be on a square grid that divides {cells} x {cells}, "
            f"got shape {tuple(values.shape)}"
        )
    ratio = cells // given[0]
    if isinstance(values, np.ndarray):
        return values.repeat(ratio, axis=-1).repeat(ratio, axis=-2)
    return values.repeat_interleave(ratio, dim=-1).repeat_interleave(ratio, dim=-2)


def spread(density: Any, solid: NDArray[np.bool_]) -> Any:
    """Spread smoke `[..., Y, X]` evenly over the fluid cells of each given cell, all of it.

    Args:
        density: On a grid that divides the solver's.
        solid: Cells of obstacles on the solver's grid, `[N, N]`.

    Returns:
        Density `[..., N, N]`; smoke of a given cell that is all obstacle is left out.
    """
    whole = repeated(density, len(solid))
    fluid = repeated(means((~solid).astype(np.float64), density.shape[-1]), len(solid))
    scale = np.divide(1.0, fluid, out=np.zeros_like(fluid), where=~solid)
    return whole * (scale if isinstance(whole, np.ndarray) else whole.new_tensor(scale))
