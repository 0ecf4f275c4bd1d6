r"""Burgers as a system that is controlled: the forcing steers the state to a target.

$$ J = \frac{1}{X} \sum_x \big(u(T, x) - u^*(x)\big)^2
     + \alpha \int_0^{t_{end}} \frac{1}{X} \sum_x f(t, x)^2 \, dt, $$

with the means over the stored points. On 80 intervals and 120 points $\alpha = 0.024$ is the
weight 2e-5 of the sum of all f^2 in arXiv 2412.04833, and J is what its program computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from wdno.controlled import Controlled

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.problem import Batch
    from wdno.systems._burgers_world import BurgersWorld
    from wdno.systems.burgers import Burgers, BurgersOptions

Array = NDArray[np.float64]


class BurgersControl(Controlled):
    """What the Burgers system offers to controllers."""

    options: BurgersOptions
    x: Array
    has_target: ClassVar[bool] = True

    @property
    def term_weights(self) -> Mapping[str, float]:
        """Those of the options."""
        return self.options.term_weights

    def control_mask(self) -> NDArray[np.bool_]:
        """Return ones ``[1, X]``: the forcing acts everywhere."""
        return np.ones((1, self.x.size), dtype=bool)

    def run(self, first: Tensor, control: Tensor, *, threads: int = 1) -> dict[str, Tensor]:
        """Solve; see :meth:`wdno.controlled.Controlled.run`."""
        import torch

        u0, f = self._one_field(first, control)
        solution = self._burgers().solve(u0.numpy(force=True), f.numpy(force=True), threads=threads)
        return _outcome(torch.from_numpy(solution))

    def sampled(
        self, first: Tensor, control: Tensor, *, threads: int = 1
    ) -> dict[str, NDArray[np.float32]]:
        """Solve to samples; see :meth:`wdno.controlled.Controlled.sampled`."""
        u0, f = (part.numpy(force=True) for part in self._one_field(first, control))
        solution = self._burgers().solve(u0, f, threads=threads)
        return {"u": solution.astype(np.float32), "f": f.astype(np.float32)}

    def run_differentiable(
        self, first: Tensor, control: Tensor, *, threads: int = 1
    ) -> dict[str, Tensor]:
        """Solve with gradients; see :meth:`wdno.controlled.Controlled.run_differentiable`."""
        u0, f = self._one_field(first, control)
        return _outcome(self._burgers().solve_differentiable(u0, f, threads=threads))

    def begin(self, first: Tensor, *, threads: int = 1) -> BurgersWorld:
        """Start a world; with finite differences alone.

        Raises:
            ValueError: the solver of the options is another.
        """
        if self.options.solver != "finite_difference":
            raise ValueError(
                "system 'burgers': a world that is stepped needs solver: finite_difference, got "
                f"solver: {self.options.solver}"
            )
        from wdno.systems._burgers_world import BurgersWorld

        return BurgersWorld(self._burgers(), first, threads)

    def terms(
        self, outcome: Batch, control: Tensor, target: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return `deviation` from the target at the end and `energy`, the integral of f^2, ``[n]``.

        Raises:
            ValueError: there is no target.
        """
        if target is None:
            raise ValueError("system 'burgers': J needs a target state, but there is none")
        step = self.options.t_end / control.shape[2]
        deviation = (outcome["state"][:, 0, -1] - target[:, 0]).square().mean(-1)
        energy = control[:, 0].square().mean(-1).sum(-1) * step
        return {"deviation": deviation, "energy": energy}

    def for_gradients(self) -> Controlled:
        """Return the system with half of the points and a quarter of the steps, from 240 points on.

        An eighth of the time; the optima differ by less than 1e-4 of J.
        """
        fine = self.options.finite_difference
        if self.options.solver != "finite_difference" or fine.points < 480:
            return self
        half = fine.model_copy(update={"points": fine.points // 2, "steps": fine.steps // 4})
        return type(self._burgers())(self.options.model_copy(update={"finite_difference": half}))

    def _burgers(self) -> Burgers:
        """Return the same system, as what it is beside this."""
        from wdno.systems.burgers import Burgers

        assert isinstance(self, Burgers)
        return self

    def _one_field(self, first: Tensor, control: Tensor) -> tuple[Tensor, Tensor]:
        shapes = tuple(first.shape[1:]), tuple(control.shape[1:])
        expected = (1, self.x.size), (1, *self.options.grid_shape())
        if shapes != expected or len(first) != len(control):
            raise ValueError(
                f"system 'burgers': expected initial states [n, {', '.join(map(str, expected[0]))}]"
                f" and controls [n, {', '.join(map(str, expected[1]))}], got shapes "
                f"{tuple(first.shape)} and {tuple(control.shape)}"
            )
        return first[:, 0], control[:, 0]


def _outcome(solution: Tensor) -> dict[str, Tensor]:
    """The frames after the first of a solution ``[n, T + 1, X]``."""
    frames = solution[:, None, 1:]
    return {"state": frames, "series": frames.new_zeros(len(frames), 0, frames.shape[2])}
