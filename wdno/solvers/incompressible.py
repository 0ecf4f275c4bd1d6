r"""Incompressible flow around obstacles that carries smoke, steered by the velocity of a frame.

$$ u_t + u \cdot \nabla u = -\nabla p + \nu \Delta u, \quad \nabla \cdot u = 0, \qquad
   d_t + u \cdot \nabla d = 0, $$

on a square of staggered cells that is open on all sides (p = 0 beyond), with no flow through
obstacles. In the frame along the border the velocity is imposed. A step of length dt

1. advects the velocity and diffuses it explicitly, with `dynamics: navier_stokes`; with
   `projection`, as in the program of WDNO (arXiv 2412.04833, its section on smoke), the velocity is
   neither advected nor viscous, so it is a linear function of the controls;
2. imposes the control on the faces of the frame;
3. projects onto divergence-free velocity (`wdno.solvers.pressure`);
4. advects the smoke, adds what is in a bucket to the bucket's tally, and removes it.

Advection is semi-Lagrangian with bilinear interpolation. Velocity is traced back at first order,
smoke by the midpoint rule, which halves what it gains or loses at corners. The trace of smoke stops
at obstacles, and interpolation leaves them out, so that smoke never passes a wall, however thin,
nor gets lost in it.

`simulate` here is differentiable and runs where its input is; it samples by PhiFlow (Holl & Thuerey
2024), of whose schemes advection and boundaries are. `wdno.solvers.incompressible_compiled` gives
the same numbers, faster, on a CPU and without gradients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from wdno.solvers.grids import DivergedError
from wdno.solvers.pressure import project
from wdno.solvers.scene import Drawing

Dynamics = Literal["projection", "navier_stokes"]


@dataclass(frozen=True)
class Flow:
    """A scene on a grid, and what moves in it how.

    Attributes:
        drawing: Obstacles, buckets and frame.
        step: Time step dt.
        dynamics: Whether the velocity is advected and viscous (`navier_stokes`) or not.
        viscosity: Viscosity, in squared cells of the scene per time.
    """

    drawing: Drawing
    step: float
    dynamics: Dynamics = "projection"
    viscosity: float = 0.0

    def __post_init__(self) -> None:
        if self.viscosity and self.dynamics == "projection":
            raise ValueError(
                f"viscosity = {self.viscosity} has no effect with dynamics = projection; "
                "set it to 0, or take navier_stokes"
            )
        if not 0 <= self.diffusion <= 0.25:
            raise ValueError(
                f"viscosity dt / h^2 must lie in [0, 0.25] for the explicit diffusion, got "
                f"{self.diffusion:.3g} with viscosity {self.viscosity}, dt = {self.step} and "
                f"h = {self.drawing.spacing}; take more steps"
            )

    @property
    def ratio(self) -> float:
        """Cells passed in a step at unit speed, dt / h."""
        return self.step / self.drawing.spacing

    @property
    def diffusion(self) -> float:
        """Viscosity dt / h^2."""
        return self.viscosity * self.ratio / self.drawing.spacing

    @cached_property
    def distance(self) -> NDArray[np.float64]:
        """Cells to the nearest obstacle along the farther axis, 0 in one, `[N, N]`."""
        solid = self.drawing.solid
        if not solid.any():
            return np.full(solid.shape, 1e9)
        return np.asarray(distance_transform_cdt(~solid, metric="chessboard"), dtype=np.float64)

    def control_on_faces(self, control: Tensor) -> Tensor:
        """Return the control of cells `[B, K, 2, N, N]` (y, x) on the control faces, `[B, K, F]`.

        A face takes the mean of the frame cells beside it. Those of y come first, each axis in
        row-major order.

        Raises:
            ValueError: If the shape does not fit.
            DivergedError: If a value in the frame is not finite, or a speed passes the whole domain
                in one step; it names the trajectories.
        """
        n = self.drawing.cells
        if control.ndim != 5 or control.shape[2:] != (2, n, n):
            raise ValueError(
                f"a control on {n} x {n} cells must have shape [B, K, 2, {n}, {n}], got "
                f"{list(control.shape)}"
            )
        frame = torch.as_tensor(self.drawing.frame, device=control.device)
        inside = torch.where(frame, control, 0.0)
        fast = ~(inside.detach().abs() * self.ratio < n)
        if bool(fast.any()):
            b, k, c, i, j = (int(v) for v in fast.nonzero()[0])
            value = float(control.detach()[b, k, c, i, j])
            reason = "passes the whole domain in one step" if math.isfinite(value) else "not finite"
            raise DivergedError(
                fast.flatten(1).any(1).nonzero()[:, 0].tolist(),
                f"control {'yx'[c]} of trajectory {b} is {value} at interval {k}, row {i}, "
                f"column {j}: {reason}; such controls are",
                "use slower ones",
            )
        sides = []
        for axis, mask in zip((3, 4), self.drawing.control_faces(), strict=True):
            values = continued(inside[:, :, axis - 3], axis - 1)
            low, high = values.narrow(axis - 1, 0, n + 1), values.narrow(axis - 1, 1, n + 1)
            sides.append(((low + high) / 2)[:, :, torch.as_tensor(mask, device=control.device)])
        return torch.cat(sides, dim=2)


class SmokeRun(NamedTuple):
    """What a simulation returns; frame 0 is the start.

    Attributes:
        smoke: Density of smoke, `[B, frames + 1, N, N]`.
        velocity: Velocity (y, x) at cell centres, `[B, frames + 1, 2, N, N]`.
        tallies: Smoke caught by each bucket so far, `[B, frames + 1, buckets]`.
        faces_y: Velocity through the faces of y at the end, `[B, N + 1, N]`.
        faces_x: The same of x, `[B, N, N + 1]`.
    """

    smoke: Any
    velocity: Any
    tallies: Any
    faces_y: Any
    faces_x: Any


def at_centres(velocity_y: Any, velocity_x: Any) -> tuple[Any, Any]:
    """Return the velocity at cell centres, the mean of opposite faces, `[..., N, N]` each."""
    return (
        (velocity_y[..., 1:, :] + velocity_y[..., :-1, :]) / 2,
        (velocity_x[..., 1:] + velocity_x[..., :-1]) / 2,
    )


def schedule(steps: int, controls: int, frames: int) -> tuple[int, int, int]:
    """Return the number of segments, and how many make a control and a frame.

    Raises:
        ValueError: If the steps are no multiple of both.
    """
    segments = math.lcm(controls, frames)
    if steps < 1 or steps % segments:
        raise ValueError(
            f"{steps} steps cannot hold {controls} controls and {frames} frames for whole numbers "
            f"of steps; take a multiple of {segments}"
        )
    return segments, segments // controls, segments // frames


def simulate(
    flow: Flow,
    smoke: Tensor,
    velocity_y: Tensor,
    velocity_x: Tensor,
    control: Tensor,
    *,
    steps: int,
    frames: int,
    remove: bool = True,
) -> SmokeRun:
    """Simulate a batch of trajectories, differentiably, on the device of `smoke`, in float64.

    Args:
        flow: The scene, and how the velocity moves.
        smoke: Density at the start, `[B, N, N]`; in obstacles it is not looked at.
        velocity_y: Velocity through the faces of y at the start, `[B, N + 1, N]`.
        velocity_x: The same of x, `[B, N, N + 1]`.
        control: Velocity (y, x) imposed in the frame, on each of K equal intervals,
            `[B, K, 2, N, N]`; outside the frame it is not looked at.
        steps: Steps in all, a multiple of K and of `frames`.
        frames: Equally spaced times after the start that are returned.
        remove: Whether smoke is removed where it was tallied. If not, it is tallied again at every
            step that it stays in a bucket.

    Raises:
        ValueError: If shapes or steps do not fit, or a control is not finite.
    """
    segments, per_control, per_frame = schedule(steps, control.shape[1], frames)
    force = flow.control_on_faces(control.double())
    fluid = torch.as_tensor(~flow.drawing.solid, device=smoke.device)
    state = (
        smoke.double() * fluid,
        velocity_y.double(),
        velocity_x.double(),
        smoke.new_zeros(len(smoke), flow.drawing.bucket.max() + 1, dtype=torch.float64),
    )
    kept = [state]
    gradients = torch.is_grad_enabled() and any(t.requires_grad for t in (force, *state))
    for segment in range(segments):
        arguments = (flow, *state, force[:, segment // per_control], steps // segments, remove)
        state = (
            checkpoint(_steps, *arguments, use_reentrant=False) if gradients else _steps(*arguments)
        )
        if (segment + 1) % per_frame == 0:
            kept.append(state)
    centred = [torch.stack(at_centres(v, u), dim=1) for _, v, u, _ in kept]
    return SmokeRun(
        smoke=torch.stack([s[0] for s in kept], dim=1),
        velocity=torch.stack(centred, dim=1),
        tallies=torch.stack([s[3] for s in kept], dim=1),
        faces_y=state[1],
        faces_x=state[2],
    )


State = tuple[Tensor, Tensor, Tensor, Tensor]


def _steps(
    flow: Flow,
    s: Tensor,
    v: Tensor,
    u: Tensor,
    tallies: Tensor,
    force: Tensor,
    n: int,
    remove: bool,
) -> State:
    """Takes n steps under one control, `[B, F]`."""
    from wdno.solvers import phiflow_grids as phi

    drawing, device = flow.drawing, s.device
    faces = [torch.as_tensor(m, device=device) for m in drawing.control_faces()]
    split = int(faces[0].sum())
    force_y, force_x = force[:, :split], force[:, split:]
    where = torch.as_tensor(drawing.bucket.ravel(), device=device)
    caught = torch.nn.functional.one_hot(where + 1)[:, 1:].double()
    outside = (where < 0).double().reshape(drawing.bucket.shape)
    for _ in range(n):
        if flow.dynamics == "navier_stokes":
            v, u = phi.advect_velocity(v, u, flow.ratio)
            if flow.diffusion:
                v, u = (w + flow.diffusion * _laplacian(w) for w in (v, u))
        v = v.masked_scatter(faces[0], force_y)
        u = u.masked_scatter(faces[1], force_x)
        v, u = project(v, u, drawing.solid)
        dy, dx = phi.trace(v, u, flow.ratio, flow.distance)
        s = phi.sample_fluid(s, dy, dx, drawing.solid)
        tallies = tallies + drawing.spacing**2 * (s.flatten(1) @ caught)
        if remove:
            s = s * outside
    return s, v, u, tallies


def continued(w: Tensor, dim: int) -> Tensor:
    """Continue outermost values by one along a dimension (faster than padding does)."""
    last = w.shape[dim] - 1
    return torch.cat([w.narrow(dim, 0, 1), w, w.narrow(dim, last, 1)], dim=dim)


def _laplacian(w: Tensor) -> Tensor:
    """Five-point Laplacian times h^2, outermost values continued outwards."""
    y, x = continued(w, 1), continued(w, 2)
    return y[:, 2:] + y[:, :-2] + x[:, :, 2:] + x[:, :, :-2] - 4 * w
