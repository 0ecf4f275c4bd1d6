"""The objective and its network on top of a coding: loss and prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from wdno import networks, objectives
from wdno.augmentation import Augmentation
from wdno.data.dataset import ProblemData
from wdno.model.asked import check_given, check_sampling
from wdno.model.coding import Coding, level_of, name_and_options
from wdno.model.scales import fit_scales
from wdno.objectives.base import Request, Rewards
from wdno.problem import Problem

if TYPE_CHECKING:
    from wdno.diffusion.samplers.base import Denoise
    from wdno.objectives.base import Guide, Observe
    from wdno.problem import Batch

    Teacher = Callable[["Model", Batch, torch.Generator], Tensor]
    Act = Callable[[Tensor, int], Tensor]
    Imagination = Callable[["Model", Act, Batch], Batch]


class Model(Coding):
    """A point on the three axes, built for a problem.

    Attributes:
        objective: the objective with its network.
        teacher: in training, of an objective that is trained in a closed loop, the loss of each
            sample of a batch; else None.
        imagination: in training, of an objective that learns from rewards of a learned simulation
            too: what of a batch is another if a policy acts in it, from the same starts; else None.
            The policy gives channels ``[B, C, 1, *space]`` from those that are given in an
            interval, ``[B, D, 1, *space]``, normalised, and its number.
        augmentation: of a problem whose given parts are noised in training: levels and units of the
            noise, and its source, without which such a model has no loss; else None.
    """

    def __init__(self, spec: Mapping[str, Mapping[str, Any]], problem: Problem) -> None:
        """Build with random weights and unit scales.

        Args:
            spec: options of the three axes, each with its ``name``.
            problem: what is given and generated.

        Raises:
            ValueError: an unknown name or option, a grid too small for one of the three, an
                objective that sees a frame at a time with coefficients that mix times, or stepping
                without frames to start from.
        """
        objective = dict(spec["objective"])
        stepping = objective.get("stepping") is not None
        timeless = stepping or objectives.sees_frames(str(objective["name"]))
        super().__init__(spec, problem, timeless=timeless)
        self.teacher: Teacher | None = None
        self.imagination: Imagination | None = None
        self.weighting = objective.pop("weighting", "uniform")
        self.first_weight = float(objective.pop("first_weight", 1.0))
        self.augmentation: Augmentation | None = None
        if problem.told is not None:
            noised = problem.part(problem.told.noise_of).fields
            self.augmentation = Augmentation(problem.told, noised, max(problem.levels, 1))
        padding = ["circular" if wraps else "zeros" for wraps in self.wraps]
        if not timeless:
            padding.insert(0, "zeros")
        kind, options = name_and_options(self.spec["network"])
        self.objective = objectives.build(
            **objective,
            target=len(self.target_scaler.names),
            condition=len(self.condition_scaler.names),
            network=partial(
                networks.REGISTRY.build, kind, **options, dims=len(padding), padding=padding
            ),
        )

    def fit_scales(self, data: ProblemData) -> None:
        """Measure means and scales on the training data; an objective in physical units has none.

        Raises:
            ValueError: a channel is constant or not finite; the message names it.
        """
        if not objectives.REGISTRY.light(self.spec["objective"]["name"]).Options.physical:
            fit_scales(self, data, self.augmentation)

    def parameter_count(self) -> int:
        """Return the number of trainable numbers; a complex one counts twice."""
        return sum(
            p.numel() * (2 if p.is_complex() else 1) for p in self.parameters() if p.requires_grad
        )

    def compile(self, *args: Any, **options: Any) -> None:
        """Compile the network with ``torch.compile``; the rest is too little to gain from it."""
        cast(nn.Module, self.objective.network).compile(*args, **options)

    def _request(
        self,
        batch: Batch,
        *,
        frames: int | None = None,
        target: Tensor | None = None,
        weight: Tensor | None = None,
        guide: Guide | None = None,
        observe: Observe | None = None,
    ) -> Request:
        first = None
        if self.stepwise:
            latest = {
                part.name: self.problem.latest(part.name, batch) for part in self.problem.generated
            }
            frame = self._encode(latest, self._grid(batch, 1), batch)
            first = self._target_scalers.at(level_of(batch)).normalise(frame)[:, :, 0]
        scaler = self._condition_scalers.at(level_of(batch))
        return Request(
            condition=scaler.normalise(self.condition(batch, frames)),
            channels=self.channels,
            target=target,
            weight=weight,
            first=first,
            guide=guide,
            observe=observe,
            rewards=_rewards(batch),
        )

    def _weight(self, level: int = 0) -> Tensor | None:
        if self.weighting == "uniform":
            return None
        # Field by field: a pressure of tens must not silence a velocity of ones.
        weights = []
        for part, scale in zip(
            self.problem.generated,
            torch.split(self._target_scalers.at(level).scale, self._sizes()),
            strict=True,
        ):
            weight = scale if self.weighting == "scale" else scale.square()
            weight = weight.view(len(part.fields), -1)
            weights.append((weight / weight.mean(dim=1, keepdim=True)).flatten())
        return torch.cat(weights)

    def _weights(self, target: Tensor, level: int) -> Tensor | None:
        """Return the weights of generated channels ``[B, C, *grid]`` in the loss; None for 1."""
        weight, axes = self._weight(level), target.ndim - 2
        if weight is not None:
            weight = weight.view(-1, *[1] * axes)
        if self.first_weight == 1.0:
            return weight
        in_time = target.new_ones(target.shape[2], *[1] * (axes - 1))
        in_time[0] = self.first_weight
        return in_time[None] if weight is None else weight * in_time

    def loss_per_sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the objective's loss of each sample, or that of its teacher, ``[B]``.

        Args:
            batch: all parts of the problem, on the model's device; for an objective that is
                rewarded also `reward`, `acts` and `own`, the parts of
                :class:`~wdno.objectives.base.Rewards`.
            generator: CPU generator of all randomness.

        Raises:
            ValueError: given parts are to be noised, and the augmentation has no source.
        """
        if self.teacher is not None:
            return self.teacher(self, batch, generator)
        if self.augmentation is not None:
            batch = self.augmentation.drawn(batch, level_of(batch), generator)
        return self.objective.loss(self.asked(batch), generator).per_sample

    def asked(self, batch: Batch) -> Request:
        """Return what the objective is asked in training; see :meth:`loss_per_sample`."""
        target = self.encode(batch, batch)
        return self._request(batch, target=target, weight=self._weights(target, level_of(batch)))

    @torch.no_grad()
    def predict(
        self,
        batch: Batch,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None = None,
        guide: Guide | None = None,
        observe: Observe | None = None,
    ) -> dict[str, Tensor]:
        """Draw one prediction for each case of a batch.

        Args:
            batch: the given parts, on the model's device; generated ones are not looked at.
            generators: one CPU generator for each case.
            sampling: name, steps and options of the sampler, for an objective that draws.
            guide: makes the denoiser that is sampled from the model's own, given its schedule;
                :meth:`decode` and :meth:`encode` lead from its channels to parts and back.
            observe: of an objective that generates what is given, too: draws it towards what it is.

        Returns:
            The generated parts, in physical units.

        Raises:
            ProblemError: a given part is missing, or has another shape, type or device.
            ValueError: `sampling` is missing, lacks something or is unwanted, or the objective
                cannot be guided so.
        """
        self._check(batch)
        if sampling is not None and self._samples:
            check_sampling(sampling)
        request = self._request(batch, guide=guide, observe=observe)
        return self.decode(self.objective.predict(request, generators, sampling), batch)

    @torch.no_grad()
    def denoiser(self, batch: Batch) -> Denoise:
        """Return what :meth:`predict` draws by, unguided, under the given parts of a batch.

        Raises:
            ProblemError: a given part is missing, or has another shape, type or device.
            ValueError: the objective has none.
        """
        self._check(batch)
        return self.objective.denoiser_of(self._request(batch))

    def _check(self, batch: Batch) -> None:
        check_given(self.problem, batch, level_of(batch), self.target_scaler.scale)

    @property
    def _samples(self) -> bool:
        """Whether its predictions are drawn."""
        return bool(objectives.REGISTRY.light(self.spec["objective"]["name"]).Options.samples)

    def estimate(self, batch: Batch, frames: int | None = None) -> dict[str, Tensor]:
        """Predict with an objective that draws nothing, differentiably; see :meth:`predict`.

        Args:
            batch: the given parts.
            frames: of a model that goes from frame to frame, how many to go on; parts with an axis
                of time have as many. None: all.

        Raises:
            ValueError: the objective draws, or some frames are asked for of a model that has all or
                none.
        """
        if frames is not None and not self.stepwise:
            raise ValueError(
                f"{frames} frames are asked for of a model that generates all at once; train one "
                "with stepping"
            )
        request = self._request(batch, frames=frames)
        return self.decode(self.objective.predict(request, (), None), batch, frames)


def _rewards(batch: Batch) -> Rewards | None:
    if "reward" not in batch:
        return None
    return Rewards(values=batch["reward"], acts=batch["acts"], own=batch["own"])
