r"""Gradients of the compiled smoke simulation with respect to its controls, by the adjoint.

A step of `wdno.solvers.incompressible` with `dynamics: projection` imposes the control c in the
frame of the velocity, $w \to R w + c$, projects, $w \to P w$, and moves the smoke by it,
$s \to A(w) s$. R sets faces to zero and P is an orthogonal projection, so both are their own
adjoints, and P is computed by the same factorisation. With the bars of what J depends on,

$$ \bar s \to A(w)^T \bar s, \qquad \bar w \to P \big(\bar w + (\partial_w A(w) s)^T \bar s\big),
   \qquad \bar c = (1 - R) \bar w, \qquad \bar w \to R \bar w, $$

backwards in time. States are kept once in each frame and computed again from there, so a gradient
takes about three simulations. Where a trace stops at an obstacle the number of the part at which it
stops is taken as constant, as differentiating the program of `simulate` does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wdno.solvers._incompressible_adjoint_kernels import pull_back
from wdno.solvers.finite_difference import numba_threads
from wdno.solvers.incompressible import Flow, SmokeRun, schedule
from wdno.solvers.incompressible_compiled import Batch
from wdno.solvers.incompressible_kernels import LANES

Array = NDArray[np.float64]


class _Simulation(torch.autograd.Function):
    """The frames of a simulation as a node of PyTorch's graph."""

    @staticmethod
    def forward(
        context: Any, force: Tensor, start: tuple[Array, ...], options: dict[str, Any]
    ) -> tuple[Tensor, ...]:
        run = _Run(force.numpy(force=True), start, **options)
        context.run = run
        return tuple(torch.from_numpy(values).to(force.device) for values in run.frames())

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, *bars: Tensor) -> tuple[Tensor, None, None]:
        gradient = context.run.back(*(bar.numpy(force=True) for bar in bars))
        return torch.from_numpy(gradient).to(bars[0].device), None, None


class _Run:
    """A simulation whose states are kept in every segment."""

    def __init__(
        self,
        force: Array,
        start: tuple[Array, ...],
        flow: Flow,
        steps: int,
        frames: int,
        threads: int,
    ) -> None:
        self.force, self.threads = force, threads
        self.segments, self.per_control, self.per_frame = schedule(steps, force.shape[1], frames)
        self.steps = steps // self.segments
        self.batch = Batch(flow, *start, threads=threads)
        self.states = [self.batch.state()]
        for segment in range(self.segments):
            self._advance(segment, self.steps)
            self.states.append(self.batch.state())

    def _advance(self, segment: int, steps: int) -> None:
        k = segment // self.per_control
        overwrite = np.ones((self.batch.size, 1), dtype=bool)
        self.batch.advance(self.force[:, k : k + 1], overwrite, steps)

    def frames(self) -> tuple[Array, ...]:
        """Smoke, velocity at centres and tallies at the frames, `[B, frames + 1, ...]`."""
        found = []
        for state in self.states[:: self.per_frame]:
            self.batch.set_state(state)
            found.append((self.batch.smoke.copy(), self.batch.velocity, self.batch.tallies.copy()))
        smoke, velocity, tallies = (np.stack(part, axis=1) for part in zip(*found, strict=True))
        return smoke, velocity, tallies

    def back(self, *bars: Array) -> Array:
        """Return the gradient with respect to the force, `[B, K, F]`.

        Args:
            bars: Derivatives with respect to what :meth:`frames` returns.
        """
        whole = len(self.states[0][0])
        force, smoke, velocity, tallies = (_padded(part, whole) for part in (self.force, *bars))
        starts = [np.stack(part, axis=1) for part in zip(*self.states[:-1], strict=True)]
        gradient = np.zeros(force.shape)
        with numba_threads(self.threads) as threads:
            # Compiled code does not see an interrupt: parts keep the wait for it short.
            for first in range(0, whole, LANES * threads):
                part = slice(first, first + LANES * threads)
                pull_back(
                    (starts[0][part], starts[1][part], starts[2][part]),
                    force[part],
                    (smoke[part], velocity[part], tallies[part]),
                    self.steps,
                    self.per_control,
                    self.per_frame,
                    gradient[part],
                    *self.batch.constants,
                )
        found: Array = gradient[: self.batch.size]
        return found


def _padded(values: Array, whole: int) -> Array:
    """Copies values `[B, ...]`, with zeros up to whole groups."""
    padded = np.zeros((whole, *values.shape[1:]))
    padded[: len(values)] = values
    return padded


def simulate_differentiable(
    flow: Flow,
    smoke: Array,
    velocity_y: Array,
    velocity_x: Array,
    control: Tensor,
    *,
    steps: int,
    frames: int,
    threads: int = 1,
) -> SmokeRun:
    """Simulate as `simulate_compiled` does, with gradients with respect to the control, once.

    Args:
        flow: The scene, with `dynamics: projection`.
        smoke: Density at the start, `[B, N, N]`.
        velocity_y: Velocity through the faces of y at the start, `[B, N + 1, N]`.
        velocity_x: The same of x, `[B, N, N + 1]`.
        control: Velocity (y, x) imposed in the frame, `[B, K, 2, N, N]`, on any device; what is
            computed is computed on the CPU.
        steps: Steps in all, a multiple of K and of `frames`.
        frames: Equally spaced times after the start that are returned.
        threads: Processor threads.

    Returns:
        The run, float64; the faces at the end have no gradients.

    Raises:
        ValueError: If shapes or steps do not fit, a control is not finite, or the velocity is
            advected.
    """
    if flow.dynamics != "projection":
        raise ValueError(
            f"the adjoint is that of dynamics: projection, got {flow.dynamics}; use "
            "wdno.solvers.incompressible.simulate"
        )
    force = flow.control_on_faces(control.double())
    start = tuple(np.asarray(part, dtype=np.float64) for part in (smoke, velocity_y, velocity_x))
    options = {"flow": flow, "steps": steps, "frames": frames, "threads": threads}
    densities, velocity, tallies = _Simulation.apply(force, start, options)  # type: ignore[no-untyped-call]
    nothing = torch.zeros(0, dtype=torch.float64)
    return SmokeRun(densities, velocity, tallies, nothing, nothing)
