r"""Smoke as a system that is controlled: the frame's velocity steers smoke into the target.

The share that the target catches of all smoke that is caught or still in the domain, which is what
arXiv 2412.04833 has as its J, is lowered by any strong wind: smoke that it blows out of the domain
is in no count. So the problem that tables rank by counts the smoke at the start, and what the
control costs:

$$ J = 1 - \min\Big(\frac{m_{target}(T)}{m(0)}, 1\Big)
     + \frac12 \frac{1}{2 K |F|} \sum_{k, F} |c_k|^2, $$

with $m_{target}$ the smoke that the target has caught, m(0) that at the start, and the mean over
the K intervals, both components and the stored cells F of the frame. The published J, and the same
as its evaluator counts it, are reported beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from wdno.controlled import Controlled

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.problem import Batch
    from wdno.systems._smoke_world import SmokeWorld
    from wdno.systems.smoke import Smoke

Array = NDArray[np.float64]
STATE = 3
"""Fields of the state: density, and velocity in y and x."""


class SmokeControl(Controlled):
    """What the smoke system offers to controllers."""

    has_target: ClassVar[bool] = False

    @property
    def term_weights(self) -> Mapping[str, float]:
        """Those of the options."""
        return self._smoke().options.term_weights

    def control_mask(self) -> NDArray[np.bool_]:
        """Return ones in the stored cells that lie in the frame, wholly or in part, ``[2, Y, X]``.

        A cell's value is held over all its cells of the solver, and acts on those in the frame.
        """
        mask: NDArray[np.bool_] = self._acting.numpy()
        return np.stack([mask, mask])

    @cached_property
    def _acting(self) -> Tensor:
        """The stored cells that lie in the frame, ``[Y, X]``; :meth:`estimated` asks each step."""
        import torch

        smoke = self._smoke()
        return torch.from_numpy(smoke.stored(smoke.drawing.frame.astype(np.float64)) > 0)

    def run(self, first: Tensor, control: Tensor, *, threads: int = 1) -> dict[str, Tensor]:
        """Solve from the density at the start; the velocity there is the system's.

        See :meth:`wdno.controlled.Controlled.run`. `caught` ``[n]`` is the smoke that the target
        has caught in the end, over that at the start.
        """
        import torch

        self._require(first, control)
        smoke = self._smoke()
        force = control.transpose(1, 2).numpy(force=True)
        run = smoke.simulate(first[:, 0].numpy(force=True), force, threads, remove=True)
        return self._outcome(type(run)(*(torch.from_numpy(np.asarray(part)) for part in run)))

    def sampled(
        self, first: Tensor, control: Tensor, *, threads: int = 1
    ) -> dict[str, NDArray[np.float32]]:
        """Solve to samples; see :meth:`wdno.controlled.Controlled.sampled`."""
        from wdno.systems._smoke_samples import amount, empty_samples, store_end, store_frame

        self._require(first, control)
        smoke = self._smoke()
        steps, frames = smoke.options.steps, smoke.options.grid.time
        arrays = empty_samples(smoke, len(first))
        batch = smoke.batch(first[:, 0].numpy(force=True), threads)
        start = amount(smoke, batch)
        asked = control.double().numpy(force=True) * self.control_mask()[:, None]
        force = smoke.force(asked.swapaxes(1, 2))
        overwrite = np.ones((batch.size, 1), dtype=bool)
        store_frame(smoke, batch, 0, arrays)
        for frame in range(1, frames + 1):
            batch.advance(force[:, frame - 1 : frame], overwrite, steps // frames)
            store_frame(smoke, batch, frame, arrays)
        store_end(smoke, batch, start, arrays)
        arrays["control_y"][:], arrays["control_x"][:] = asked.swapaxes(0, 1)
        return arrays

    def run_differentiable(
        self, first: Tensor, control: Tensor, *, threads: int = 1
    ) -> dict[str, Tensor]:
        """Solve with gradients: by the adjoint, or with an advected velocity by PyTorch's graph."""
        self._require(first, control)
        run = self._smoke().simulate_differentiable(first[:, 0], control.transpose(1, 2), threads)
        return self._outcome(run)

    def begin(self, first: Tensor, *, threads: int = 1) -> SmokeWorld:
        """Start a world; see :meth:`wdno.controlled.Controlled.begin`."""
        from wdno.systems._smoke_world import SmokeWorld

        self._require_first(first)
        return SmokeWorld(self._smoke(), first, threads)

    def terms(
        self, outcome: Batch, control: Tensor, target: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return `missed`, of the smoke at the start, and `energy`, the mean square, ``[n]``."""
        return {
            "missed": 1 - outcome["caught"].clamp(max=1.0),
            "energy": self._mean_square(control),
        }

    def estimated(
        self, parts: Batch, control: Tensor, target: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the terms of what a model predicts: `missed` by its share at the end.

        The share is taken as one in [0, 1]. A rise above 1 is not rewarded; below 0 the slope stays
        that of the share, so that a rise from there is.
        """
        share = parts["series"][:, 0, -1].clamp(max=1.0)
        share = share - share.detach().clamp(max=0.0)
        return {"missed": 1 - share, "energy": self._mean_square(control)}

    def reported(
        self, first: Tensor, outcome: Batch, control: Tensor, *, threads: int = 1
    ) -> dict[str, Tensor]:
        """Return both published counts, the mean square of the control, and smoke that is lost."""
        import torch

        density, force = (part.numpy(force=True) for part in (first[:, 0], control.transpose(1, 2)))
        twice = self._smoke().share_counted_every_step(density, force, threads=threads)
        return {
            "missed_share": 1 - outcome["series"][:, 0, -1],
            "missed_twice": 1 - torch.from_numpy(twice[:, -1]),
            "control_energy": self._mean_square(control),
            "smoke_lost": outcome["lost"],
        }

    def _mean_square(self, control: Tensor) -> Tensor:
        acting = self._acting.to(control.device)
        total: Tensor = control.masked_fill(~acting, 0.0).square().flatten(1).sum(1)
        return total / (acting.sum() * control.shape[1] * control.shape[2])

    def _outcome(self, run: object) -> dict[str, Tensor]:
        """What :meth:`run` returns, of a run whose parts are tensors."""
        import torch

        from wdno.solvers.incompressible import SmokeRun

        assert isinstance(run, SmokeRun)
        smoke = self._smoke()
        state = torch.cat([smoke.stored(run.smoke)[:, :, None], smoke.stored(run.velocity)], dim=2)
        share = smoke.shares(run.smoke, run.tallies)[..., smoke.options.scene.target]
        area = smoke.drawing.spacing**2
        start = run.smoke[:, 0].sum(-1).sum(-1) * area
        end = run.smoke[:, -1].sum(-1).sum(-1) * area + run.tallies[:, -1].sum(1)
        return {
            "state": state[:, 1:].transpose(1, 2),
            "series": share[:, None, 1:],
            "caught": run.tallies[:, -1, smoke.options.scene.target] / start,
            "lost": 1 - end / start,
        }

    def _smoke(self) -> Smoke:
        """Return the same system, as what it is beside this."""
        from wdno.systems.smoke import Smoke

        assert isinstance(self, Smoke)
        return self

    def _require_first(self, first: Tensor) -> None:
        """Refuses what are no initial states; of their fields the density alone is looked at."""
        expected = [STATE, *self._smoke().options.grid_shape()[1:]]
        if list(first.shape[1:]) != expected:
            raise ValueError(
                f"system 'smoke': expected initial states [n, {', '.join(map(str, expected))}], "
                f"got shape {tuple(first.shape)}"
            )
        finite = first[:, 0].isfinite().flatten(1).all(1)
        if not finite.all():
            raise ValueError(
                "system 'smoke': the density at the start is not finite in trajectory "
                f"{finite.tolist().index(False)}"
            )

    def _require(self, first: Tensor, control: Tensor) -> None:
        self._require_first(first)
        expected = [len(first), 2, *self._smoke().options.grid_shape()]
        if list(control.shape) != expected:
            raise ValueError(
                f"system 'smoke': expected controls of shape {expected} for {len(first)} initial "
                f"states, got {list(control.shape)}"
            )
