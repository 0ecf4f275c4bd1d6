r"""A model: representation, network and objective put together for a problem.

With the encoding $W$ of the representation and its scales $s$, the network learns

$$ p\big( s^{-1} W u \,\big|\, s_g^{-1} W g \big), $$

of the parts $u$ that are generated given the parts $g$. Each part is transformed over the axes that
it has and repeated over the others; what has no space is averaged over it on the way back. The
channels are those of all generated parts, and of all given ones, in the order of the problem. For a
simulation with forcing $f$ and initial state $u_0$ this is $p(u_{1..T} \mid f, u_0)$ (arXiv
2412.04833, section 3). On axes that are periodic the transform and the network's convolutions wrap
around.

Fields that are generated enter as departures from their means in training, and so do given ones
that are like them: a transform that continues them by zeros would see a temperature in kelvin as
its edges. With a representation that is `relative`, what is generated stands for the departure from
the latest given frame, where the part has one, which is added again. Other given parts, and
numbers, are taken as they are.

A part that has a `base`, a given part like it, is generated as the departure from that. A model of
several levels is asked for one of them by ``grid_level`` in the batch (halvings of the finest grid of
training, negative for doublings): grid and scales are then those of the level, see
:mod:`wdno.representations.scaling`.

A problem with a number that tells a level of noise is one whose given parts are noised in training,
see :mod:`wdno.augmentation`. A departure from a noised part is one that removes its noise.

An objective with `stepping` maps one frame to the next; its network sees the frame and the
condition that leads to the next one, and has no axis of time. The given frames that it starts from
are then no condition.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from wdno import networks, objectives, representations
from wdno.augmentation import Augmentation
from wdno.data.dataset import ProblemData
from wdno.objectives.base import Request, Rewards
from wdno.problem import Part, Problem, along
from wdno.representations.base import Representation
from wdno.representations.scaling import ChannelScaler, LevelScalers, fit_scalers
from wdno.training.checkpoint import CheckpointError, load_model, save_model

if TYPE_CHECKING:
    from wdno.diffusion.samplers.base import Denoise
    from wdno.objectives.base import Guide
    from wdno.problem import Batch

    Teacher = Callable[["Model", Batch, torch.Generator], Tensor]
    Act = Callable[[Tensor, int], Tensor]
    Imagination = Callable[["Model", Act, Batch], Batch]

AXES = ("representation", "network", "objective")
SCALE_SAMPLES = 4096


class Model(nn.Module):
    """A point on the three axes, built for a problem.

    The mean in training of every field of a generated part ``p``, ``[C]``, is the buffer
    ``mean_p``.

    Attributes:
        spec: options of the three axes, as in the configuration, by ``representation``,
            ``network`` and ``objective``.
        problem: what is given and generated, on which grid.
        objective: the objective with its network.
        stepwise: whether it goes from frame to frame.
        relative: whether frames are generated as departures from the latest given one.
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
        super().__init__()
        self.teacher: Teacher | None = None
        self.imagination: Imagination | None = None
        self.spec = {axis: dict(spec[axis]) for axis in AXES}
        self.problem = problem
        kind, options = _name_and_options(self.spec["representation"])
        self.relative = bool(options.pop("relative", False))
        self.representation: Representation = representations.REGISTRY.build(
            kind, **options, dims=len(problem.grid), periodic=problem.periodic
        )
        objective = dict(self.spec["objective"])
        self.weighting = objective.pop("weighting", "uniform")
        self.first_weight = float(objective.pop("first_weight", 1.0))
        self.stepwise = objective.get("stepping") is not None
        timeless = self.stepwise or objectives.sees_frames(str(objective["name"]))
        if timeless:
            self._require_frames()
        if self.stepwise:
            self._require_starts()
        for part in problem.generated:
            self.register_buffer(f"mean_{part.name}", torch.zeros(len(part.fields)))
        starts = {part.start for part in problem.generated} if self.stepwise else set()
        self._seen = tuple(part for part in problem.given if part.name not in starts)
        target, condition = self._names(problem.generated), self._names(self._seen)
        levels = max(problem.levels, 1)
        self._target_scalers = LevelScalers(levels, len(target), center=True, names=target)
        self._condition_scalers = LevelScalers(
            levels, len(condition), center=True, keep_constant=True, names=condition
        )
        self.augmentation: Augmentation | None = None
        if problem.told is not None:
            noised = problem.part(problem.told.noise_of).fields
            self.augmentation = Augmentation(problem.told, noised, levels)
        padding = ["circular" if wraps else "zeros" for wraps in problem.periodic]
        if not timeless:
            padding.insert(0, "zeros")
        kind, options = _name_and_options(self.spec["network"])
        self.objective = objectives.build(
            **objective,
            target=len(target),
            condition=len(condition),
            network=partial(
                networks.REGISTRY.build, kind, **options, dims=len(padding), padding=padding
            ),
        )

    def _require_frames(self) -> None:
        chosen = self.spec["representation"]["name"]
        if self.relative or not self.representation.local_in_time:
            raise ValueError(
                "an objective that sees a frame at a time was chosen; expected a representation "
                f"of single frames, such as 'identity', and relative = false, got {chosen!r}, "
                f"relative = {self.relative}"
            )

    def _require_starts(self) -> None:
        for part in self.problem.generated:
            if not part.start:
                raise ValueError(
                    f"an objective with stepping starts from a given frame, but {part.name!r} has "
                    "none; remove stepping"
                )

    def _names(self, parts: Sequence[Part]) -> list[str]:
        names = self.representation.channel_names
        return [name for part in parts for name in names(part.fields, part.span)]

    @property
    def target_scaler(self) -> ChannelScaler:
        """Names, means and scales of the generated channels, on the finest grid of training."""
        return self._target_scalers.at(0)

    @property
    def condition_scaler(self) -> ChannelScaler:
        """Those of the given channels."""
        return self._condition_scalers.at(0)

    @property
    def channels(self) -> int:
        """Number of channels that are generated."""
        return len(self.target_scaler.names)

    def parameter_count(self) -> int:
        """Return the number of trainable numbers; a complex one counts twice."""
        return sum(
            p.numel() * (2 if p.is_complex() else 1) for p in self.parameters() if p.requires_grad
        )

    def compile(self, *args: Any, **options: Any) -> None:
        """Compile the network with ``torch.compile``; the rest is too little to gain from it."""
        cast(nn.Module, self.objective.network).compile(*args, **options)

    def target(self, batch: Batch) -> Tensor:
        """Return the coefficients of the generated parts, ``[B, C, *grid]``, in their units.

        They are of departures from the means in training or from the latest given frame.
        """
        return self._encode(batch, self._grid(batch), batch)

    def _encode(
        self,
        values: Batch,
        grid: tuple[int, ...],
        batch: Batch,
        representation: Representation | None = None,
    ) -> Tensor:
        """Return the coefficients of generated parts on a grid, as departures."""
        encoded = [
            (representation or self.representation).encode(
                values[part.name] - self._origin(part, batch), grid, part.span
            )
            for part in self.problem.generated
        ]
        return torch.cat(encoded, dim=1)

    def _origin(self, part: Part, batch: Batch) -> Tensor:
        """Return what a part is generated as a departure from, to be broadcast over its axes."""
        if part.base:
            return batch[part.base]
        if self.relative and part.start:
            return self.problem.latest(part.name, batch)
        return self._mean(part, part)

    def _mean(self, part: Part, of: Part) -> Tensor:
        """Return the means of a part, each field of which has k channels in another like it."""
        mean = self.get_buffer(f"mean_{of.name}")
        mean = mean.repeat_interleave(len(part.fields) // len(of.fields))
        return mean.view(1, -1, *[1] * len(along(part.span, self.problem.grid)))

    def condition(self, batch: Batch, frames: int | None = None) -> Tensor:
        """Return the coefficients of the given parts, ``[B, D, *grid]``, in their units.

        With stepping those of the frames that it starts from are left out. Of `frames` frames, or
        all.
        """
        grid, encoded = self._grid(batch, frames), []
        for part in self._seen:
            values = batch[part.name]
            if part.like:
                values = values - self._mean(part, self.problem.part(part.like))
            if part.halved:
                values = self.representation.encode(
                    values, self.problem.grid_at(_level(batch) + 1), part.span
                )
                encoded.append(_repeated(values, self.representation.coefficient_grid(grid)))
            else:
                encoded.append(self.representation.encode(values, grid, part.span))
        if not encoded:
            samples = len(next(iter(batch.values())))
            sizes = self.representation.coefficient_grid(grid)
            return self.condition_scaler.scale.new_zeros(samples, 0, *sizes)
        return torch.cat(encoded, dim=1)

    def on_grid(self, grid: Sequence[int]) -> Model:
        """Return the model for another grid, of the same weights and scales.

        A problem of levels has its grids already: ask for a level instead.

        Args:
            grid: shape of what is generated, ``(T, *space)``.

        Raises:
            ValueError: the representation does not take the grid.
        """
        self.representation.coefficient_grid(grid)
        other = copy.copy(self)
        other.problem = replace(self.problem, grid=tuple(grid))
        return other

    def _grid(self, batch: Batch, frames: int | None = None) -> tuple[int, ...]:
        """Return the grid of a batch, of so many frames or of all."""
        whole = self.problem.grid_at(_level(batch))
        return whole if frames is None else (frames, *whole[1:])

    def _request(
        self,
        batch: Batch,
        *,
        frames: int | None = None,
        target: Tensor | None = None,
        weight: Tensor | None = None,
        guide: Guide | None = None,
    ) -> Request:
        first = None
        if self.stepwise:
            latest = {
                part.name: self.problem.latest(part.name, batch) for part in self.problem.generated
            }
            frame = self._encode(latest, self._grid(batch, 1), batch)
            first = self._target_scalers.at(_level(batch)).normalise(frame)[:, :, 0]
        scaler = self._condition_scalers.at(_level(batch))
        return Request(
            condition=scaler.normalise(self.condition(batch, frames)),
            channels=self.channels,
            target=target,
            weight=weight,
            first=first,
            guide=guide,
            rewards=_rewards(batch),
        )

    @torch.no_grad()
    def fit_scales(self, data: ProblemData) -> None:
        """Measure the mean of every field and the scale of every channel on the training data.

        Of a large set on its first samples, which are independent draws or in random order. An
        objective in physical units has none. Where given parts are noised, scales are those of
        channels with noise.

        Raises:
            ValueError: a channel is constant or not finite; the message names it.
        """
        if objectives.REGISTRY.light(self.spec["objective"]["name"]).Options.physical:
            return
        size = data.block()
        buffers = {p.name: self.get_buffer(f"mean_{p.name}") for p in self.problem.generated}
        means = {name: buffer.double().zero_() for name, buffer in buffers.items()}
        seen = 0
        for batch in data.batches(size, SCALE_SAMPLES):
            cases = len(batch["index"])
            seen += cases
            for name, mean in means.items():
                values = batch[name].double().transpose(0, 1).flatten(1).mean(1)
                mean += (values - mean) * (cases / seen)
        for name, buffer in buffers.items():
            buffer.copy_(means[name])
        levels = range(self.problem.levels) if self.problem.levels > 1 else [None]
        for level in levels:
            of: Iterable[Batch] = data.batches(size, SCALE_SAMPLES, group=level)
            if self.augmentation is not None:
                of = self._noised(data, size, level)
            fit_scalers(
                [scalers.at(level or 0) for scalers in self._scalers],
                ((self.target(batch), self.condition(batch)) for batch in of),
            )

        if self.problem.levels > 1 and self.augmentation is None:
            self._bend(data)

    def _bend(self, data: ProblemData) -> None:
        """Measure how the ratio of scales changes from level to level, if there are three."""
        twin = self.representation.shortest()
        fitted = []
        for level in range(3):
            batches = data.of_level(level, data.block(), SCALE_SAMPLES)
            if batches is None:
                return
            scaler = ChannelScaler(self.channels, center=True, keep_constant=True)
            grid = self.problem.grid_at(level)
            fitted.append(scaler.fit(self._encode(batch, grid, batch, twin) for batch in batches))
        self._target_scalers.bend_by(*fitted)

    def _noised(self, data: ProblemData, size: int, level: int | None) -> Iterable[Batch]:
        """Measure the unit of noise, and return the batches noised."""
        assert self.augmentation is not None
        assert data.noise is not None
        of = partial(data.batches, size, SCALE_SAMPLES, group=level)
        self.augmentation.fit(level or 0, data.noise, of())
        spread = partial(self.augmentation.spread, data.noise)
        generator = torch.Generator().manual_seed(0)
        return (spread(batch, _level(batch), generator) for batch in of())

    @property
    def _scalers(self) -> tuple[LevelScalers, LevelScalers]:
        return self._target_scalers, self._condition_scalers

    def _sizes(self) -> list[int]:
        """Return the number of channels of each generated part."""
        bands = self.representation.bands
        return [len(part.fields) * len(bands(part.span)) for part in self.problem.generated]

    def columns(self, name: str) -> range:
        """Return which of the generated channels are those of a generated part.

        Raises:
            KeyError: there is no such part.
        """
        ends = list(accumulate(self._sizes()))
        names = [part.name for part in self.problem.generated]
        pairs = dict(zip(names, zip([0, *ends], ends, strict=False), strict=True))
        return range(*pairs[name])

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
            batch = self.augmentation.drawn(batch, _level(batch), generator)
        return self.objective.loss(self.asked(batch), generator).per_sample

    def asked(self, batch: Batch) -> Request:
        """Return what the objective is asked in training; see :meth:`loss_per_sample`."""
        target = self.encode(batch, batch)
        return self._request(batch, target=target, weight=self._weights(target, _level(batch)))

    @torch.no_grad()
    def predict(
        self,
        batch: Batch,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None = None,
        guide: Guide | None = None,
    ) -> dict[str, Tensor]:
        """Draw one prediction for each case of a batch.

        Args:
            batch: the given parts, on the model's device; generated ones are not looked at.
            generators: one CPU generator for each case.
            sampling: name, steps and options of the sampler, for an objective that draws.
            guide: makes the denoiser that is sampled from the model's own, given its schedule;
                :meth:`decode` and :meth:`encode` lead from its channels to parts and back.

        Returns:
            The generated parts, in physical units.

        Raises:
            ValueError: `sampling` is missing or unwanted, or the objective cannot be guided.
        """
        request = self._request(batch, guide=guide)
        return self.decode(self.objective.predict(request, generators, sampling), batch)

    @torch.no_grad()
    def denoiser(self, batch: Batch) -> Denoise:
        """Return what :meth:`predict` draws by, unguided, under the given parts of a batch.

        Raises:
            ValueError: the objective has none.
        """
        return self.objective.denoiser_of(self._request(batch))

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

    def encode(self, parts: Batch, batch: Batch) -> Tensor:
        """Make channels from generated parts; differentiable, the inverse of :meth:`decode`.

        Args:
            parts: the generated parts, in physical units.
            batch: the given parts.

        Returns:
            Normalised generated channels, ``[B, C, *grid]``, as the network sees them.
        """
        coefficients = self._encode(parts, self._grid(batch), batch)
        return self._target_scalers.at(_level(batch)).normalise(coefficients)

    def decode(
        self, channels: Tensor, batch: Batch, frames: int | None = None
    ) -> dict[str, Tensor]:
        """Make the generated parts from channels; differentiable.

        Args:
            channels: normalised generated channels, ``[B, C, *grid]``, as the network sees them.
            batch: the given parts.
            frames: how many they are; None: all.

        Returns:
            The generated parts, in physical units.
        """
        scaler = self._target_scalers.at(_level(batch))
        coefficients = torch.split(scaler.denormalise(channels), self._sizes(), 1)
        grid, decode = self._grid(batch, frames), self.representation.decode
        return {
            part.name: decode(values, grid, part.span) + self._origin(part, batch)
            for part, values in zip(self.problem.generated, coefficients, strict=True)
        }


def _repeated(c: Tensor, grid: Sequence[int]) -> Tensor:
    """Repeat coefficients ``[B, C, *n]`` along axes that a grid has about twice as many on."""
    for axis, size in enumerate(grid, 2):
        if c.shape[axis] < size:
            c = c.repeat_interleave(2, axis)
            # Filters overlap the edges, so that a grid may have one more or less than twice.
            last = torch.arange(size, device=c.device).clamp(max=c.shape[axis] - 1)
            c = c.index_select(axis, last)
    return c


def _level(batch: Batch) -> int:
    """Return the level of all samples of a batch, see :class:`LevelScalers`."""
    return int(batch["grid_level"][0]) if "grid_level" in batch else 0


def _rewards(batch: Batch) -> Rewards | None:
    if "reward" not in batch:
        return None
    return Rewards(values=batch["reward"], acts=batch["acts"], own=batch["own"])


def _name_and_options(section: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return str(section["name"]), {key: value for key, value in section.items() if key != "name"}


def save(
    path: Path, trained: Model, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> None:
    """Write a trained model: weights, scales, options, problem, and facts about its training."""
    metadata = {"spec": trained.spec, "problem": trained.problem.to_json(), **facts}
    save_model(path, dict(tensors), metadata)


def load(path: Path) -> tuple[Model, dict[str, Any]]:
    """Read a trained model, ready to predict.

    Returns:
        The model in evaluation mode, and the metadata that it was saved with.

    Raises:
        CheckpointError: the file is truncated, not a model, or of another version.
    """
    tensors, metadata = load_model(path)
    try:
        model = Model(metadata["spec"], Problem.from_json(metadata["problem"]))
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"model {path}: written by another version of this program ({error}); train it again"
        ) from error
    model.load_state_dict(tensors)
    return model.eval(), metadata


def start_from(model: Model, path: Path) -> None:
    """Give a model the weights and scales of a trained one.

    Args:
        model: a model of the same axes and problem.
        path: the trained model.

    Raises:
        CheckpointError: the file is absent or damaged, or of a model of other axes.
        ProblemError: it was trained on another problem.
    """
    trained, _ = load(path)
    for axis in AXES:
        if trained.spec[axis] != model.spec[axis]:
            raise CheckpointError(
                f"model {path}: its {axis} is {trained.spec[axis]}, training is to start from "
                f"{model.spec[axis]}; train it again"
            )
    trained.problem.require(model.problem, "the training set", path)
    model.load_state_dict(trained.state_dict())
