r"""What a system offers whose equation can be held against stored values: the residual.

With an equation $u_t = L(u) + f$, frames $u_k$ at the ends of intervals of length $\Delta t$ and
the mean $f_k$ of the forcing over the interval between frames k and k + 1, integration over the
interval gives

$$ r_k = \frac{u_{k+1} - u_k}{\Delta t} - \frac{L(u_k) + L(u_{k+1})}{2} - f_k, $$

zero for the exact solution but for the trapezoidal rule and the differences in L, both of second
order: $r = O(\Delta t^2 + \Delta x^2)$ where the solution is smooth. On a coarse grid, at a front
that it does not resolve, and in the first interval after a state that does not fit the ends, that
is no small number, and the residual of the exact solution belongs beside that of a prediction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from wdno import systems
from wdno.grids.weights import derivative_weights

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.grids.axis import GridAxis
    from wdno.grids.levels import Grid
    from wdno.systems.base import SystemOptions

Array = NDArray[np.float64]
Values = TypeVar("Values", NDArray[np.float64], "Tensor")
"""Arrays, or tensors, of which a residual is differentiable."""


class Equation(ABC):
    """A system with an equation in closed form on the grids that its state is stored on."""

    @abstractmethod
    def residual(self, state: Values, forcing: Values, grid: Grid) -> Values:
        """Return what the two sides of the equation differ by.

        It goes to zero with second order or faster for the exact solution, as its grid is refined
        in time and space.

        Args:
            state: all frames, ``[n, F, g + T, *S]``, g of them given.
            forcing: means over the intervals, ``[n, C, T, *S]``; C is 0 without forcing.
            grid: where the values are; any grid of the system's domain, not only that of its
                options.

        Returns:
            For each of E equations, over the T intervals, at the points where the scheme is
            defined, ``[n, E, T, *R]``, in units of the state over those of time.
        """


def trapezoidal_residual(
    state: Values, change: Values, forcing: Values | float, grid: Grid
) -> Values:
    """Return the residual of the module's docstring.

    Args:
        state: all frames, ``[..., g + T, X]``.
        change: the operator L of them, likewise.
        forcing: means over the intervals, ``[..., T, X]``.
        grid: of the state.
    """
    before, after = slice(grid.given - 1, -1), slice(grid.given, None)
    rate = (state[..., after, :] - state[..., before, :]) / grid.frames.spacing
    found: Values = rate - (change[..., before, :] + change[..., after, :]) / 2 - forcing
    return found


def derivative(values: Values, axis: GridAxis, degree: int) -> tuple[Values, list[int]]:
    """Differentiate along the last dimension; see :func:`wdno.grids.weights.derivative_weights`.

    Args:
        values: at the points of the axis, ``[..., X]``.
        axis: where they are.
        degree: 1 or 2.

    Returns:
        The derivatives ``[..., R]``, and the indices ``[R]`` of the points where they are.
    """
    matrix, points = derivative_weights(axis, degree)
    if isinstance(values, np.ndarray):
        return values @ matrix.T, points.tolist()
    return values @ values.new_tensor(matrix.T), points.tolist()


def equation_of(system: str, options: SystemOptions) -> Equation | None:
    """Return a system as its equation; None: it has none in closed form.

    Raises:
        UnknownPieceError: there is no such system.
    """
    piece = systems.REGISTRY.load(system)
    return piece(options) if issubclass(piece, Equation) else None
