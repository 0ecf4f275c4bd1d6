r"""Stepping: an objective on one frame after another; a prediction is a rollout.

With frames $x_k$ of a trajectory and the condition $c_k$ of the interval that leads to frame k, the
objective generates $x_{k+1}$ given $(x_k, c_{k+1})$, or its departure from $x_k$; its network has
no axis of time. Of a deterministic one, with $\hat x_{k+1} = x_k + f_\theta(x_k, c_{k+1})$, the
loss is

$$ L = E_k \sum_{j=1}^{n} \frac1n \| \hat x_{k+j} - x_{k+j} \|^2, $$

where the $n$ steps of `unroll` start at a frame of the data and go on from their own predictions.
This is how the baselines of arXiv 2412.04833 see smoke: one frame of all fields and the control in,
the next frame out. White noise on the frame that a training step starts from makes a rollout less
sensitive to its own errors (arXiv 2002.09405).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from wdno.draws import integers, normal
from wdno.objectives.base import Loss, Objective, Request, without_denoiser

if TYPE_CHECKING:
    from wdno.diffusion.samplers.base import Denoise


class Stepping(nn.Module):
    """An objective that goes from frame to frame; is used as an objective is.

    Attributes:
        inner: the objective of a step, on grids without time.
    """

    def __init__(
        self,
        inner: Objective,
        *,
        unroll: int = 1,
        windows: int = 1,
        noise: float = 0.0,
        residual: bool = True,
    ) -> None:
        """Set up.

        Args:
            inner: the objective of a step, to whose condition the C channels of a frame belong,
                before those D that act on it.
            unroll: steps from each starting frame in training, at most those that there are.
            windows: starting frames of each trajectory of a batch.
            noise: standard deviation of what is added to starting frames, whose channels have
                unit scale.
            residual: whether the change of the frame is generated, or else the frame.

        Raises:
            ValueError: several steps are to follow each other in training, but the objective
                predicts nothing that a step could go on from.
        """
        super().__init__()
        if unroll > 1 and not inner.deterministic:
            raise ValueError(
                f"stepping: unroll = {unroll} trains on steps that go on from predictions, which "
                f"{type(inner).__name__.lower()} draws; expected unroll = 1, or a deterministic "
                "objective such as regression"
            )
        self.inner = inner
        self.unroll, self.windows, self.noise, self.residual = unroll, windows, noise, residual

    @property
    def deterministic(self) -> bool:
        """Whether a step is."""
        return self.inner.deterministic

    @property
    def network(self) -> nn.Module:
        """The network of a step."""
        return cast(nn.Module, self.inner.network)

    def surround(self, wrap: Callable[[nn.Module], nn.Module]) -> None:
        """See :meth:`Objective.surround`."""
        self.inner.surround(wrap)

    def prepare(self, steps: int) -> None:
        """See :meth:`Objective.prepare`."""
        self.inner.prepare(steps)

    def loss(self, request: Request, generator: torch.Generator) -> Loss:
        """Return the mean loss of each sample's steps, without an estimate of whole trajectories.

        Args:
            request: with target ``[B, C, T, *space]``, condition ``[B, D, T, *space]`` and first.
            generator: CPU generator of all randomness.

        Raises:
            ValueError: the target or the first frame is missing.
        """
        target = request.wanted()
        frames = torch.cat([_first(request)[:, :, None], target], dim=2).transpose(1, 2)
        conditions = request.condition.transpose(1, 2)
        steps = min(self.unroll, target.shape[2])
        shape = (len(target), self.windows)
        starts = integers(0, target.shape[2] - steps + 1, shape, generator).flatten()
        samples = torch.arange(len(target)).repeat_interleave(self.windows)
        starts, samples = starts.to(target.device), samples.to(target.device)
        x = frames[samples, starts]
        if self.noise:
            x = x + self.noise * normal(x.shape, generator).to(x)
        losses = target.new_zeros(len(samples))
        for step in range(steps):
            asked = self._step(
                x,
                conditions[samples, starts + step],
                target=frames[samples, starts + step + 1],
                weight=None if request.weight is None else request.weight[:, 0],
            )
            found = self.inner.loss(asked, generator)
            losses = losses + found.per_sample
            if found.estimate is not None:
                x = found.estimate
        return Loss(per_sample=losses.view(shape).mean(1) / steps)

    def predict(
        self,
        request: Request,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None,
    ) -> Tensor:
        """Step from the given frame to the end; see :meth:`Objective.predict`.

        Raises:
            ValueError: the first frame is missing, `sampling` is missing or unwanted, or a guide
                is given.
        """
        request.refuse_guide("stepping")
        request.refuse_observing()
        x, frames = _first(request), []
        for condition in request.condition.unbind(2):
            x = self.inner.predict(self._step(x, condition), generators, sampling)
            frames.append(x)
        return torch.stack(frames, dim=2)

    def _step(
        self,
        x: Tensor,
        condition: Tensor,
        target: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> Request:
        return Request(
            condition=torch.cat([x, condition], dim=1),
            channels=x.shape[1],
            target=target,
            weight=weight,
            origin=x if self.residual else None,
        )

    def denoiser_of(self, request: Request) -> Denoise:
        """Refuse; see :meth:`wdno.objectives.base.Objective.denoiser_of`."""
        raise without_denoiser("stepping")

    def evaluations(self, sampling: Mapping[str, Any] | None, frames: int) -> int:
        """Return those of a step, for each frame."""
        return frames * self.inner.evaluations(sampling, 1)


def _first(request: Request) -> Tensor:
    if request.first is None:
        raise ValueError("stepping starts from the last given frame, but was given none")
    return request.first
