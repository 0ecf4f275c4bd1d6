r"""Projection onto divergence-free velocity around obstacles, by one factorisation for all steps.

On a staggered grid let D be the outflow of each fluid cell and C set the faces that touch an
obstacle to zero. With the pressure zero beyond the open outer boundary the projection is
$$ P = C - C D^T A^{-1} D C, \qquad A = D C D^T, $$
where A is the five-point matrix of the fluid cells without couplings through obstacles. P is
orthogonal, hence symmetric: its adjoint, for gradients, is P itself. Lengths drop out.

A never changes while the obstacles stay, so it is factorised once:

* on a CPU as $A = L D L^T$ by a sparse factorisation with a minimum-degree ordering, solved by
  compiled substitutions for several right-hand sides side by side;
* on other devices by dense products: without obstacles A is diagonal in sines, and obstacles change
  only the rows of the cells at them, which a small dense matrix corrects (capacitance matrix;
  Buzbee, Dorr, George & Golub 1971, SIAM J. Numer. Anal. 8, 722-736).

Both solve to rounding in float64.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sparse
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import splu
from torch import Tensor

from wdno.solvers.incompressible_kernels import LANES, project_batch
from wdno.solvers.scene import Mask, closed_pockets

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


class Factor(NamedTuple):
    """The factorised pressure matrix of n fluid cells, in the order of elimination.

    Attributes:
        row: Row of each cell, `[n]`.
        column: Column of each cell, `[n]`.
        pointers: Start of each column of L in the next two, `[n + 1]`.
        below: Rows of the entries of L under its unit diagonal.
        entries: Their values.
        pivots: The diagonal matrix D, `[n]`.
        open_y: Whether no obstacle touches the face, `[N + 1, N]`.
        open_x: The same in x, `[N, N + 1]`.
    """

    row: Indices
    column: Indices
    pointers: Indices
    below: Indices
    entries: Array
    pivots: Array
    open_y: Mask
    open_x: Mask


def pressure_matrix(solid: Mask) -> sparse.csc_matrix:
    """Return A, `[n, n]`, over the fluid cells in row-major order.

    Args:
        solid: Cells of obstacles, `[N, M]`.
    """
    fluid = ~solid
    number = np.full(solid.shape, -1)
    number[fluid] = np.arange(fluid.sum())
    around = np.pad(solid, 1)
    index = np.pad(number, 1, constant_values=-1)
    cells = np.argwhere(fluid) + 1
    diagonal = np.zeros(len(cells))
    rows, columns = [np.arange(len(cells))], [np.arange(len(cells))]
    for step in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        beside = tuple((cells + step).T)
        diagonal += ~around[beside]
        coupled = np.flatnonzero(index[beside] >= 0)
        rows.append(coupled)
        columns.append(index[beside][coupled])
    values = np.concatenate([diagonal, -np.ones(sum(map(len, rows[1:])))])
    return sparse.csc_matrix((values, (np.concatenate(rows), np.concatenate(columns))))


@lru_cache(maxsize=8)
def _factorise(shape: tuple[int, int], packed: bytes) -> Factor:
    solid = np.frombuffer(packed, dtype=bool).reshape(shape)
    pocket = closed_pockets(solid)
    if pocket.any():
        raise ValueError(
            f"the obstacles close off {int(pocket.sum())} fluid cells (first: "
            f"{np.argwhere(pocket)[0].tolist()}), where the pressure has no solution"
        )
    # Threshold 0 keeps the pivots on the diagonal, so that U = D L^T.
    decomposed = splu(
        pressure_matrix(solid),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    lower = decomposed.L.tocsc()
    lower.sort_indices()
    order = np.argsort(decomposed.perm_c)
    if not np.array_equal(decomposed.perm_r, decomposed.perm_c):
        raise ArithmeticError("the factorisation of the pressure matrix left its diagonal")
    keep = np.ones(lower.nnz, dtype=bool)
    keep[lower.indptr[:-1]] = False  # the unit diagonal
    size = len(order)
    row, column = np.argwhere(~solid)[order].T
    padded = np.pad(~solid, 1, constant_values=True)
    return Factor(
        row=np.ascontiguousarray(row),
        column=np.ascontiguousarray(column),
        pointers=lower.indptr.astype(np.int64) - np.arange(size + 1),
        below=lower.indices[keep].astype(np.int64),
        entries=lower.data[keep],
        pivots=decomposed.U.diagonal(),
        open_y=padded[:-1, 1:-1] & padded[1:, 1:-1],
        open_x=padded[1:-1, :-1] & padded[1:-1, 1:],
    )


def factorise(solid: Mask) -> Factor:
    """Factorise the pressure matrix; the last few results are kept.

    Args:
        solid: Cells of obstacles, `[N, M]`.

    Raises:
        ValueError: If obstacles close off a pocket of fluid.
    """
    return _factorise((solid.shape[0], solid.shape[1]), np.ascontiguousarray(solid).tobytes())


class _Dense(NamedTuple):
    """Sine transforms of both axes, and what obstacles change."""

    sines_y: Tensor  # [N, N], orthogonal and symmetric
    sines_x: Tensor  # [M, M]
    inverse: Tensor  # [N, M], reciprocal eigenvalues without obstacles
    changed: Tensor  # [m], flat indices of the cells with other rows
    capacitance: Tensor  # [m, m], C (I + B C)^-1
    open_y: Tensor
    open_x: Tensor

    def without_obstacles(self, b: Tensor) -> Tensor:
        """Solve for the pressure `[B, N, M]` as if there were no obstacles."""
        return self.sines_y @ ((self.sines_y @ b @ self.sines_x) * self.inverse) @ self.sines_x

    def solve(self, b: Tensor) -> Tensor:
        """Solve for the pressure, `[B, N, M]`; b is zero in obstacles."""
        p = self.without_obstacles(b)
        correction = torch.zeros_like(p).flatten(1)
        correction[:, self.changed] = p.flatten(1)[:, self.changed] @ self.capacitance.T
        return p - self.without_obstacles(correction.reshape(p.shape))


@lru_cache(maxsize=4)
def _dense(shape: tuple[int, int], packed: bytes, device: torch.device) -> _Dense:
    solid = np.frombuffer(packed, dtype=bool).reshape(shape)
    factor = _factorise(shape, packed)
    sines, values = [], []
    for n in shape:
        k = np.arange(1, n + 1)
        sines.append(np.sqrt(2 / (n + 1)) * np.sin(np.pi * np.outer(k, k) / (n + 1)))
        values.append(2 - 2 * np.cos(np.pi * k / (n + 1)))
    inverse = 1 / (values[0][:, None] + values[1])
    # Obstacle cells get the row of the unit matrix; they and their neighbours are the changed ones.
    free = pressure_matrix(np.zeros(shape, dtype=bool))
    fluid = np.flatnonzero(~solid)
    spread = sparse.csc_matrix((np.ones(len(fluid)), (fluid, np.arange(len(fluid)))))
    spread.resize(solid.size, len(fluid))
    actual = spread @ pressure_matrix(solid) @ spread.T + sparse.diags(solid.ravel().astype(float))
    difference = (actual - free).tocsr()
    changed = np.flatnonzero(np.abs(difference).sum(axis=1))
    c = difference[changed][:, changed].toarray()
    y, x, eigen = (torch.as_tensor(part, device=device) for part in (*sines, inverse))
    rows, columns = (torch.as_tensor(k, device=device) for k in np.divmod(changed, shape[1]))
    # B: the pressure without obstacles at the changed cells, from a unit source at each of them.
    b = torch.empty(len(changed), len(changed), dtype=torch.float64, device=device)
    for first in range(0, len(changed), 128):
        part = slice(first, first + 128)
        source = y[rows[part], :, None] * x[columns[part], None] * eigen
        b[part] = (y @ source @ x)[:, rows, columns]
    matrix = torch.as_tensor(c, device=device)
    unit = torch.eye(len(changed), dtype=torch.float64, device=device)
    capacitance = matrix @ torch.linalg.inv(unit + b @ matrix)
    parts = (*sines, inverse, changed, capacitance, factor.open_y, factor.open_x)
    return _Dense(*(torch.as_tensor(part, device=device) for part in parts))


def project_dense(velocity_y: Tensor, velocity_x: Tensor, solid: Mask) -> tuple[Tensor, Tensor]:
    """Project by dense products, on the device of the velocity; see `project`."""
    packed = np.ascontiguousarray(solid).tobytes()
    dense = _dense((solid.shape[0], solid.shape[1]), packed, velocity_y.device)
    v, u = velocity_y.double() * dense.open_y, velocity_x.double() * dense.open_x
    p = dense.solve(-(v.diff(dim=1) + u.diff(dim=2)))
    padded = torch.nn.functional.pad(p, (1, 1, 1, 1))
    v = v - padded[:, :, 1:-1].diff(dim=1) * dense.open_y
    u = u - padded[:, 1:-1].diff(dim=2) * dense.open_x
    return v.to(velocity_y.dtype), u.to(velocity_x.dtype)


def project_sparse(velocity_y: Tensor, velocity_x: Tensor, solid: Mask) -> tuple[Tensor, Tensor]:
    """Project by the sparse factorisation, on the CPU; see `project`."""
    batch = velocity_y.shape[0]
    whole = -(-batch // LANES) * LANES
    arrays = []
    for part in (velocity_y, velocity_x):
        array = np.zeros((whole, *part.shape[1:]))
        array[:batch] = part.detach().cpu().numpy()
        arrays.append(array)
    project_batch(arrays[0], arrays[1], factorise(solid))
    v, u = (torch.from_numpy(array[:batch]) for array in arrays)
    return v.to(velocity_y), u.to(velocity_x)


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, x: Tensor, solid: Mask) -> tuple[Tensor, Tensor]:
        ctx.solid = solid
        method = project_sparse if y.device.type == "cpu" else project_dense
        return method(y.detach(), x.detach(), solid)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        y, x = _Project.apply(*gradients, ctx.solid)  # type: ignore[no-untyped-call]
        return y, x, None


def project(velocity_y: Tensor, velocity_x: Tensor, solid: Mask) -> tuple[Tensor, Tensor]:
    """Make a velocity divergence-free in every fluid cell, with no flow through obstacle faces.

    Differentiable; computed in float64, by the sparse factorisation on a CPU and by dense products
    elsewhere, with the same result.

    Args:
        velocity_y: Velocity through the faces of y, `[B, N + 1, M]`.
        velocity_x: Velocity through the faces of x, `[B, N, M + 1]`.
        solid: Cells of obstacles, `[N, M]`.

    Returns:
        Both components, of the same shapes and types.

    Raises:
        ValueError: If shapes do not fit, or obstacles close off a pocket of fluid.
    """
    n, m = solid.shape
    shapes = tuple(velocity_y.shape[1:]), tuple(velocity_x.shape[1:])
    if shapes != ((n + 1, m), (n, m + 1)) or len(velocity_y) != len(velocity_x):
        raise ValueError(
            f"velocity on the faces of {n} x {m} cells must have shapes [B, {n + 1}, {m}] and "
            f"[B, {n}, {m + 1}], got {tuple(velocity_y.shape)} and {tuple(velocity_x.shape)}"
        )
    y, x = _Project.apply(velocity_y, velocity_x, solid)  # type: ignore[no-untyped-call]
    return y, x


def divergence(velocity_y: Tensor, velocity_x: Tensor, solid: Mask, spacing: float) -> Tensor:
    """Return the divergence of each cell, zero in obstacles, `[B, N, M]`; faces as in `project`."""
    outflow = velocity_y.diff(dim=-2) + velocity_x.diff(dim=-1)
    return outflow * torch.as_tensor(~solid, device=outflow.device) / spacing
