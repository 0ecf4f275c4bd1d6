"""From the parts of a problem to the normalised channels that a network sees, and back."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from wdno import representations
from wdno.problem import Part, Problem, along
from wdno.representations.base import Representation
from wdno.representations.scaling import ChannelScaler, LevelScalers

if TYPE_CHECKING:
    from wdno.problem import Batch

AXES = ("representation", "network", "objective")

C = TypeVar("C", bound="Coding")


class Coding(nn.Module):
    """A representation and its scales, built for a problem.

    The mean in training of every field of a generated part ``p``, ``[C]``, is the buffer
    ``mean_p``.

    Attributes:
        spec: options of the three axes, as in the configuration, by ``representation``,
            ``network`` and ``objective``.
        problem: what is given and generated, on which grid.
        representation: the representation.
        stepwise: whether the objective goes from frame to frame.
        relative: whether frames are generated as departures from the latest given one.
    """

    def __init__(
        self, spec: Mapping[str, Mapping[str, Any]], problem: Problem, *, timeless: bool
    ) -> None:
        """Build with unit scales.

        Args:
            spec: options of the three axes, each with its ``name``.
            problem: what is given and generated.
            timeless: whether the network sees a frame at a time.

        Raises:
            ValueError: an unknown name or option, a grid too small for the representation, or
                coefficients that mix times, or no frames to start from, where the objective needs
                others.
        """
        super().__init__()
        self.spec = {axis: dict(spec[axis]) for axis in AXES}
        self.problem = problem
        kind, options = name_and_options(self.spec["representation"])
        self.relative = bool(options.pop("relative", False))
        self.representation: Representation = representations.REGISTRY.build(
            kind, **options, dims=len(problem.grid), periodic=problem.periodic
        )
        self.stepwise = self.spec["objective"].get("stepping") is not None
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

    @property
    def wraps(self) -> tuple[bool, ...]:
        """Whether each spatial axis of the coefficients wraps around."""
        return tuple(wrap and self.representation.placed for wrap in self.problem.periodic)

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

    @property
    def scalers(self) -> tuple[LevelScalers, LevelScalers]:
        """Scalers of the generated and of the given channels, of all levels."""
        return self._target_scalers, self._condition_scalers

    def target(self, batch: Batch, representation: Representation | None = None) -> Tensor:
        """Return the coefficients of the generated parts, ``[B, C, *grid]``, in their units.

        They are of departures from the means in training or from the latest given frame.

        Args:
            batch: all parts.
            representation: another one of the same bands; None: the model's own.
        """
        return self._encode(batch, self._grid(batch), batch, representation)

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
                    values, self.problem.grid_at(level_of(batch) + 1), part.span
                )
                encoded.append(_repeated(values, self.representation.coefficient_grid(grid)))
            else:
                encoded.append(self.representation.encode(values, grid, part.span))
        if not encoded:
            samples = len(next(iter(batch.values())))
            sizes = self.representation.coefficient_grid(grid)
            return self.condition_scaler.scale.new_zeros(samples, 0, *sizes)
        return torch.cat(encoded, dim=1)

    def on_grid(self: C, grid: Sequence[int]) -> C:
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
        whole = self.problem.grid_at(level_of(batch))
        return whole if frames is None else (frames, *whole[1:])

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

    def encode(self, parts: Batch, batch: Batch) -> Tensor:
        """Make channels from generated parts; differentiable, the inverse of :meth:`decode`.

        Args:
            parts: the generated parts, in physical units.
            batch: the given parts.

        Returns:
            Normalised generated channels, ``[B, C, *grid]``, as the network sees them.
        """
        coefficients = self._encode(parts, self._grid(batch), batch)
        return self._target_scalers.at(level_of(batch)).normalise(coefficients)

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
        scaler = self._target_scalers.at(level_of(batch))
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


def level_of(batch: Batch) -> int:
    """Return the level of all samples of a batch, see :class:`LevelScalers`."""
    return int(batch["grid_level"][0]) if "grid_level" in batch else 0


def name_and_options(section: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of a piece in a section of options, and the other options."""
    return str(section["name"]), {key: value for key, value in section.items() if key != "name"}
