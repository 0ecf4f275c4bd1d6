"""The parts of PhiFlow that the flow solver uses, and its own steps as references.

Tensors of torch in and out, `[B, ...]` in index units (cells of width 1), differentiable. Sampling
is by PhiFlow's tensors and extrapolations; to build its fields at every step takes ten times longer
than the step, so that is left to the references. Import this inside functions: PhiFlow takes
seconds to load.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from phi import field, math
from phi.field import CenteredGrid, Field, StaggeredGrid
from phi.geom import Box
from phi.math import batch, channel, dual, extrapolation, spatial
from phi.physics import fluid
from phi.torch import TORCH
from torch import Tensor

from wdno.solvers.incompressible import at_centres, continued
from wdno.solvers.scene import Mask


def _wrap(values: Tensor) -> math.Tensor:
    return math.wrap(values, batch("sample"), spatial("y,x"))


def _native(values: math.Tensor) -> Tensor:
    native: Tensor = values.native("sample,y,x")
    return native


def advect_velocity(velocity_y: Tensor, velocity_x: Tensor, ratio: float) -> tuple[Tensor, Tensor]:
    """Advect a velocity by itself, semi-Lagrangian, as PhiFlow does.

    Args:
        velocity_y: Velocity through the faces of y, `[B, N + 1, M]`.
        velocity_x: The same of x, `[B, N, M + 1]`.
        ratio: dt / h.
    """
    rows, columns = continued(velocity_x, 1), continued(velocity_y, 2)
    x_at_y, y_at_x = (
        (w[:, :-1, :-1] + w[:, 1:, :-1] + w[:, :-1, 1:] + w[:, 1:, 1:]) / 4 for w in (rows, columns)
    )
    here, outside = (0.0, 0.0), extrapolation.ZERO_GRADIENT
    return (
        _sample(velocity_y, -ratio * velocity_y, -ratio * x_at_y, here, outside),
        _sample(velocity_x, -ratio * y_at_x, -ratio * velocity_x, here, outside),
    )


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
    return (
        _sample(velocity_y, dy, dx, (0.5, 0.0), extrapolation.ZERO_GRADIENT),
        _sample(velocity_x, dy, dx, (0.0, 0.5), extrapolation.ZERO_GRADIENT),
    )


def sample_fluid(values: Tensor, dy: Tensor, dx: Tensor, solid: Mask) -> Tensor:
    """Sample a quantity of the fluid at displaced cell centres, bilinearly, by PhiFlow.

    Zero comes from outside the domain. Obstacles have no part in the interpolation.

    Args:
        values: The quantity, `[B, N, M]`, zero in obstacles.
        dy: Displacement in cells, `[B, N, M]`; of a fluid cell, to another one or to the outside.
        dx: The same of x.
        solid: Cells of obstacles, `[N, M]`.
    """
    found = _sample(values, dy, dx, (0.0, 0.0), extrapolation.ZERO)
    if not solid.any():
        return found
    fluid_cells = torch.as_tensor(~solid, dtype=values.dtype, device=values.device)
    weight = _sample(fluid_cells[None], dy, dx, (0.0, 0.0), extrapolation.ONE)
    # In obstacles nothing is found, and nothing is divided.
    inside = fluid_cells > 0
    return torch.where(inside, found, 0.0) / torch.where(inside, weight, 1.0)


def _sample(
    values: Tensor,
    dy: Tensor,
    dx: Tensor,
    offset: tuple[float, float],
    outside: extrapolation.Extrapolation,
) -> Tensor:
    """Samples `[B, ...]` at cell centres displaced by (dy, dx) and an offset, in cells."""
    rows, columns = (torch.arange(n, device=dy.device, dtype=dy.dtype) for n in dy.shape[1:])
    points = torch.stack([rows[:, None] + offset[0] + dy, columns + offset[1] + dx], dim=-1)
    with TORCH, math.precision(64):
        where = math.wrap(points, batch("sample"), spatial("y,x"), channel(vector="y,x"))
        grid = _wrap(values) if len(values) > 1 else math.wrap(values[0], spatial("y,x"))
        return _native(math.grid_sample(grid, where, outside))


def trace(
    velocity_y: Tensor, velocity_x: Tensor, ratio: float, distance: NDArray[np.float64]
) -> tuple[Tensor, Tensor]:
    """Return where the smoke of each cell comes from, relative to the cell, in cells.

    The velocity is that half a step back. The straight way is looked at every quarter of a cell at
    least; the last point before the first one in an obstacle is taken. That choice is not
    differentiated.

    Args:
        velocity_y: Velocity through the faces of y, `[B, N + 1, M]`.
        velocity_x: The same of x, `[B, N, M + 1]`.
        ratio: dt / h.
        distance: Cells to the nearest obstacle along the farther axis, 0 in one, `[N, M]`.
    """
    half = [-0.5 * ratio * w for w in at_centres(velocity_y, velocity_x)]
    dy, dx = (-ratio * w for w in sample_velocity(velocity_y, velocity_x, *half))
    away = torch.as_tensor(distance, device=dy.device)
    n, m = away.shape
    reach = torch.maximum(dy.detach().abs(), dx.detach().abs())
    near = ((away > 0) & (away <= reach + 1)).nonzero(as_tuple=True)
    count = (4 * reach[near]).ceil().clamp(max=4 * (n + m))
    step_y, step_x = dy.detach()[near], dx.detach()[near]
    part, going = torch.zeros_like(count), count > 0
    for k in range(int(count.max()) if len(count) else 0):
        y = (near[1] + step_y * ((k + 1) / count) + 0.5).floor().long()
        x = (near[2] + step_x * ((k + 1) / count) + 0.5).floor().long()
        inside = (y >= 0) & (y < n) & (x >= 0) & (x < m)
        hit = inside & (away[y.clamp(0, n - 1), x.clamp(0, m - 1)] == 0)
        going = going & (k < count) & ~hit
        part = part + going
    fraction = torch.ones_like(dy, requires_grad=False)
    fraction[near] = torch.where(count > 0, part / count.clamp(min=1), 1.0)
    return dy * fraction, dx * fraction


def staggered(velocity_y: Tensor, velocity_x: Tensor) -> Field:
    """Return the velocity as PhiFlow's field, in a box of cells of width 1.

    Its outermost values continue outwards, so that all outer faces are stored.

    Args:
        velocity_y: Velocity through the faces of y, `[B, N + 1, M]`.
        velocity_x: The same of x, `[B, N, M + 1]`.
    """
    rows, columns = velocity_x.shape[1], velocity_y.shape[2]
    values = math.stack({"y": _wrap(velocity_y), "x": _wrap(velocity_x)}, dual("vector"))
    return StaggeredGrid(values, extrapolation.ZERO_GRADIENT, Box(y=rows, x=columns))


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
        velocity = staggered(velocity_y.double(), velocity_x.double())
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
