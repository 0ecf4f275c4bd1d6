"""Burgers' equation, held against stored values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdno.equation import Equation, Values, derivative, trapezoidal_residual

if TYPE_CHECKING:
    from wdno.grids.levels import Grid
    from wdno.systems.burgers import BurgersOptions


class BurgersEquation(Equation):
    """The part of the Burgers system that is its equation."""

    options: BurgersOptions

    def residual(self, state: Values, forcing: Values, grid: Grid) -> Values:
        r"""Return the residual of $u_t = -(u^2 / 2)_x + \nu u_{xx} + f$; see the base class.

        The time average of the operator over an interval is the mean of its two frames; space has
        central differences on three points, with the zeros at x = 0 and 1 among them, and on four
        beside x = 0, where spacings are uneven. Second order in time and space. A first point that
        crowds the end x = 0 is left out: an error of it alone would be divided by the distance.

        With `storage: left_sample` the stored forcing is no mean, and the order is the first.
        """
        u, f, (axis,) = state[:, 0], forcing[:, 0], grid.space
        flux, points = derivative(u**2 / 2, axis, 1)
        diffusion, _ = derivative(u, axis, 2)
        change = self.options.viscosity * diffusion - flux
        return trapezoidal_residual(u[..., points], change, f[..., points], grid)[:, None]
