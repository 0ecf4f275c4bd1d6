"""How far a prediction is from the equation of its system, on the grid that it is on.

| name | per case |
|---|---|
| `equation_residual` | root mean square of the residual, over all samples and values |
| `floor_equation_residual` | the same of the exact solution on that grid |

The residual is that of the system's own scheme, :meth:`wdno.equation.Equation.residual`, from the
known given frames and the known forcing. It vanishes with the spacing for the exact solution; on a
coarse grid the error of the scheme is most of it, which the floor tells. A prediction that is
smoother than the solution may lie below its floor, so lower is not better: to be near it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from wdno.evaluation.metric import Metric
from wdno.evaluation.scores.pointwise import Float, float64
from wdno.grids.maps import restrict

if TYPE_CHECKING:
    from wdno.equation import Equation
    from wdno.evaluation.scores.pointwise import Array
    from wdno.grids.levels import Grid

RESIDUAL = Metric(
    "equation_residual",
    "Residual",
    "field/time",
    better="neither",
    note="Residual: root mean square of what the equation, in finite differences of second order "
    "on the grid itself, is not fulfilled by. Floor: that of the exact solution, which such "
    "differences do not fulfil either where the grid is coarse; smoother predictions may lie below "
    "it.",
)
FLOOR_RESIDUAL = Metric(
    "floor_equation_residual", "Residual, floor", "field/time", better="neither"
)
METRICS = (RESIDUAL, FLOOR_RESIDUAL)


def residuals(
    equation: Equation, state: Array, forcing: Array, prediction: Array, finest: Grid, level: Grid
) -> dict[str, Float]:
    """Return the residual of a prediction and its floor.

    Args:
        equation: the system.
        state: all frames of the exact solution on the finest grid, `[N, F, g + T, *S]`.
        forcing: on that grid, `[N, C, T, *S]`; C may be 0.
        prediction: generated frames on the level's grid, `[N, M, F, t, *s]`.
        finest: the finest grid.
        level: the prediction's.

    Returns:
        By name, `[N]` each.

    Raises:
        GridError: shapes do not fit the grids, or a grid is too small for the scheme.
    """
    known = restrict(torch.from_numpy(float64(state)), finest.axes("state"), level.axes("state"))
    acting = restrict(
        torch.from_numpy(float64(forcing)), finest.axes("forcing"), level.axes("forcing")
    )
    first = known[:, :, : level.given].numpy()
    found, solution = {}, known[:, None, :, level.given :].numpy()
    for metric, drawn in ((RESIDUAL, float64(prediction)), (FLOOR_RESIDUAL, solution)):
        squares = [
            np.square(
                equation.residual(
                    np.concatenate([first, drawn[:, sample]], axis=2), acting.numpy(), level
                )
            )
            for sample in range(drawn.shape[1])
        ]
        of_case = tuple(range(1, squares[0].ndim))
        found[metric.name] = np.sqrt(np.mean([one.mean(axis=of_case) for one in squares], axis=0))
    return found
