"""The parts of PhiFlow that the flow solver uses: grids, sampling, advection, its pressure solve.

Tensors of torch in and out, `[B, ...]` in index units (cells of width 1), differentiable. Import it
inside functions: PhiFlow takes seconds to load.
"""

from __future__ import annotations

import torch
from phi import field, math
from phi.field import CenteredGrid, Field, StaggeredGrid, sample
from phi.geom import Box
from phi.math import batch, channel, dual, extrapolation, spatial
from phi.physics import advect, fluid
from phi.torch import TORCH
from torch import Tensor

from wdno.solvers.scene import Mask


def _wrap(values: Tensor) -> math.Tensor:
    return math.wrap(values, batch("sample"), spatial("y,x"))


def _native(values: math.Tensor) -> Tensor:
    native: Tensor = values.native("sample,y,x")
    return native


def _staggered(velocity_y: Tensor, velocity_x: Tensor) -> Field:
    """The velocity with outermost values continued outwards, so that all outer faces are stored."""
    rows, columns = velocity_x.shape[1], velocity_y.shape[2]
    values = math.stack({"y": _wrap(velocity_y), "x": _wrap(velocity_x)}, dual("vector"))
    return StaggeredGrid(values, extrapolation.ZERO_GRADIENT, Box(y=rows, x=columns))


def advect_velocity(velocity_y: Tensor, velocity_x: Tensor, ratio: float) -> tuple[Tensor, Tensor]:
    """Advect a velocity by itself, semi-Lagrangian, by PhiFlow.

    Args:
        velocity_y: Velocity through the faces of y, `[B, N + 1, M]`.
        velocity_x: The same of x, `[B, N, M + 1]`.
        ratio: dt / h.
    """
    with TORCH, math.precision(64):
        grid = _staggered(velocity_y, velocity_x)
        moved = advect.semi_lagrangian(grid, grid, ratio)
        return _native(moved.vector["y"].values), _native(moved.vector["x"].values)


def sample_velocity(
    velocity_y: Tensor, velocity_x: Tensor, dy: Tensor, dx: Tensor
) -> tuple[Tensor, Tensor]:
    """Sample a velocity at displaced cell centres, bilinearly, by PhiFlow.

    Args:
        velocity_y: Velocity through the faces of y, `[B, N + 1, M]`.
        velocity_x: The same of x, `[B, N, M + 1]`.
        dy: Displacement in cells, `[B, N, M]`.
        dx: The same of x.
    """
    with TORCH, math.precision(64):
        grid = _staggered(velocity_y, velocity_x)
        found = sample(grid, _points(dy, dx))
        return _native(found.vector["y"]), _native(found.vector["x"])


def _points(dy: Tensor, dx: Tensor) -> math.Tensor:
    """Displaced cell centres."""
    rows, columns = (torch.arange(n, device=dy.device, dtype=dy.dtype) for n in dy.shape[1:])
    y, x = _wrap(rows[:, None] + 0.5 + dy), _wrap(columns + 0.5 + dx)
    return math.stack([y, x], channel(vector="y,x"))


def sample_fluid(values: Tensor, dy: Tensor, dx: Tensor, solid: Mask) -> Tensor:
    """Sample a quantity of the fluid at displaced cell centres, bilinearly, by PhiFlow.

    Zero comes from outside the domain. Obstacles have no part in the interpolation.

    Args:
        values: The quantity, `[B, N, M]`, zero in obstacles.
        dy: Displacement in cells, `[B, N, M]`; of a fluid cell, to another one or to the outside.
        dx: The same of x.
        solid: Cells of obstacles, `[N, M]`.
    """
    with TORCH, math.precision(64):
        box = Box(y=solid.shape[0], x=solid.shape[1])
        grid = CenteredGrid(_wrap(values), extrapolation.ZERO, box)
        points = _points(dy, dx)
        found = _native(sample(grid, points))
        if not solid.any():
            return found
        fluid_cells = torch.as_tensor(~solid, dtype=values.dtype, device=values.device)
        mask = CenteredGrid(math.wrap(fluid_cells, spatial("y,x")), extrapolation.ONE, box)
        weight = _native(sample(mask, points))
        # In obstacles nothing is found, and nothing is divided.
        return torch.where(fluid_cells > 0, found, 0.0) / torch.where(fluid_cells > 0, weight, 1.0)


def project_by_phiflow(
    velocity_y: Tensor, velocity_x: Tensor, solid: Mask, tolerance: float = 1e-8
) -> tuple[Tensor, Tensor]:
    """Project by PhiFlow's own pressure solve, in float64: the reference on cases it converges on.

    It is `fluid.make_incompressible` with one change: that also slows the flow through faces near
    obstacles, by a soft mask, where here only the faces of obstacles are closed.

    Args:
        velocity_y: Velocity through the faces of y, `[B, N + 1, M]`.
        velocity_x: The same of x, `[B, N, M + 1]`.
        solid: Cells of obstacles, `[N, M]`.
        tolerance: Relative and absolute tolerance of its conjugate gradients.
    """
    with TORCH, math.precision(64):
        cells = torch.as_tensor(~solid, dtype=torch.float64)
        box = Box(y=solid.shape[0], x=solid.shape[1])
        free = CenteredGrid(math.wrap(cells, spatial("y,x")), extrapolation.ONE, box)
        velocity = _staggered(velocity_y.double(), velocity_x.double())
        faces = field.stagger(
            free,
            math.minimum,
            velocity.boundary,
            at=velocity.sampled_at,
            dims=velocity.vector.item_names,
        )
        active = free.with_extrapolation(extrapolation.NONE)
        velocity = velocity * faces
        start = CenteredGrid(0.0, extrapolation.ZERO, box, y=solid.shape[0], x=solid.shape[1])
        solve = math.Solve("CG", tolerance, tolerance, max_iterations=10_000, x0=start)
        pressure = math.solve_linear(
            fluid.masked_laplace,
            field.divergence(velocity) * active,
            solve,
            velocity.boundary,
            faces,
            active,
        )
        gradient = field.spatial_gradient(pressure, velocity.boundary, at=velocity.sampled_at)
        result = velocity - gradient * faces
        return _native(result.vector["y"].values), _native(result.vector["x"].values)
