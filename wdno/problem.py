"""A problem: which parts of a trajectory are given and which are generated, on which grid.

A task makes the problem from what a data file holds; a model is built for a problem and knows
nothing else of the task. Without torch, so that a configuration is checked without loading it.

Shapes of a part's tensor, for C fields on a grid (T, *S):

| span | shape | such as |
|---|---|---|
| `space_time` | ``[B, C, T, *S]`` | a state, a forcing |
| `space` | ``[B, C, *S]`` | an initial state, a target |
| `time` | ``[B, C, T]`` | a share, a boundary value |
| `number` | ``[B, C]`` | a parameter, the first value of a series |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

    Batch: TypeAlias = Mapping[str, Tensor]

T = TypeVar("T")

Span = Literal["space_time", "space", "time", "number"]
_AXES: dict[Span, slice] = {
    "space_time": slice(None),
    "space": slice(1, None),
    "time": slice(1),
    "number": slice(0),
}


def along(span: Span, axes: Sequence[T]) -> tuple[T, ...]:
    """Return what belongs to the axes of a span, from what belongs to ``(time, *space)``."""
    return tuple(axes[_AXES[span]])


def frame_names(fields: Iterable[str], frames: int) -> tuple[str, ...]:
    """Return the channels that so many frames of fields make: u0, u1, v0, v1 of u and v."""
    return tuple(f"{field}{k}" for field in fields for k in range(frames))


def flatten_frames(x: Tensor) -> Tensor:
    """Make channels of frames, ``[B, C, k, ...]`` to ``[B, C k, ...]``; see :func:`frame_names`."""
    return x.flatten(1, 2)


class ProblemError(ValueError):
    """A model and a data set that do not fit each other."""


@dataclass(frozen=True)
class Part:
    """One tensor with a name.

    Attributes:
        name: key in a batch, such as `state` or `forcing`.
        fields: names of its C channels.
        span: axes that it has.
        like: of a given part with space or time: the generated part whose fields it holds, k
            channels for each in the order of that part's fields. It is then seen as a departure
            from the same means. Empty: of none.
        start: of a generated part: the given part with the frames before the first generated one,
            k for each field, the latest last. Empty: there is none.
        base: of a generated part: the given part, like it and on all its axes, that it is generated
            as a departure from, such as what is known on a coarser grid. Empty: there is none.
        halved: of a given part: whether it is on the next coarser level of the grid. Its
            coefficients there are repeated, as in arXiv 2412.04833.
        noise_of: of a given number: the generated part whose fields are noised in training where
            they are given, by as much as the number tells; see :mod:`wdno.augmentation`. Empty: it
            tells of no noise.
        largest: the largest level of noise that it tells.
    """

    name: str
    fields: tuple[str, ...]
    span: Span = "space_time"
    like: str = ""
    start: str = ""
    base: str = ""
    halved: bool = False
    noise_of: str = ""
    largest: float = 0.0


@dataclass(frozen=True)
class Problem:
    """What is given, what is generated, and on which grid.

    Attributes:
        grid: shape of what is generated, ``(T, *space)``.
        boundaries: boundary condition of each spatial axis.
        extent: first and last coordinate of time, and of each spatial axis.
        given: parts that are given.
        generated: parts that are generated.
        scene: digest of what does not move in the domain, such as obstacles; empty: nothing.
        levels: of a model of grids of several levels: how many have scales of their own, `grid`
            being the finest of training. 0: a model of one grid.
        doubled: of such a model: which axes of the grid have twice as many points on the next
            finer level.
    """

    grid: tuple[int, ...]
    boundaries: tuple[str, ...]
    extent: tuple[float, ...]
    given: tuple[Part, ...]
    generated: tuple[Part, ...]
    scene: str = ""
    levels: int = 0
    doubled: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        names = [part.name for part in (*self.given, *self.generated)]
        if len(set(names)) < len(names):
            raise ProblemError(f"problem: a part occurs twice in {', '.join(names)}")
        if len(self.boundaries) != len(self.grid) - 1:
            raise ProblemError(
                f"problem: expected a boundary for each spatial axis of the grid {self.grid}, got "
                f"{self.boundaries}"
            )
        if len(self.doubled) != (len(self.grid) if self.levels else 0):
            raise ProblemError(
                f"problem: {self.levels} levels of the grid {self.grid}, of whose axes these are "
                f"doubled: {self.doubled}; expected one answer for each axis if there are levels"
            )
        for part in self.generated:
            if part.span not in ("space_time", "time"):
                raise ProblemError(f"problem: {part.name!r} is generated, but has no axis of time")
            if part.start:
                self._check_frames(self.part(part.start), part)
            if part.base:
                self._check_base(self.part(part.base), part)
        for part in self.given:
            if part.like and part.span == "number":
                raise ProblemError(
                    f"problem: {part.name!r} is like {part.like!r}, but a number is taken as it is"
                )
            if part.like:
                self._check_frames(part, self.part(part.like))
            if part.noise_of:
                self._check_told(part)

    def _check_frames(self, frames: Part, of: Part) -> None:
        if not frames.fields or len(frames.fields) % len(of.fields):
            raise ProblemError(
                f"problem: {frames.name!r} has the channels {', '.join(frames.fields)}, which are "
                f"not k for each of {', '.join(of.fields)} of {of.name!r}"
            )

    def _check_base(self, base: Part, of: Part) -> None:
        if (base.like, base.span, len(base.fields)) != (of.name, of.span, len(of.fields)):
            raise ProblemError(
                f"problem: {of.name!r} is generated as a departure from {base.name!r}, which is "
                "not a part like it on the same axes"
            )

    def _check_told(self, part: Part) -> None:
        if part.span != "number" or len(part.fields) != 1 or not part.largest > 0:
            raise ProblemError(
                f"problem: {part.name!r} tells a level of noise, which is one number of at most "
                f"`largest`; got {', '.join(part.fields)} of the span {part.span}, largest = "
                f"{part.largest}"
            )
        if self.part(part.noise_of) not in self.generated or self.told != part:
            raise ProblemError(
                f"problem: {part.name!r} tells the noise of {part.noise_of!r}; expected a "
                "generated part, and one level for all"
            )

    @property
    def told(self) -> Part | None:
        """The given number that tells the level of noise; None: nothing is noised."""
        return next((part for part in self.given if part.noise_of), None)

    @property
    def periodic(self) -> tuple[bool, ...]:
        """Whether each spatial axis is periodic."""
        return tuple(kind == "periodic" for kind in self.boundaries)

    def grid_at(self, level: int) -> tuple[int, ...]:
        """Return the grid of a level.

        Args:
            level: halvings of `grid`; negative for doublings.

        Raises:
            ProblemError: there are no levels, or an axis cannot be halved so often.
        """
        if not level:
            return self.grid
        factors = [2.0**-level if doubled else 1.0 for doubled in self.doubled]
        sizes = [count * factor for count, factor in zip(self.grid, factors, strict=False)]
        if not self.levels or any(size != int(size) for size in sizes):
            raise ProblemError(f"problem: the grid {self.grid} has no level {level}")
        return tuple(int(size) for size in sizes)

    def part(self, name: str) -> Part:
        """Return a part by its name.

        Raises:
            ProblemError: there is none.
        """
        for part in (*self.given, *self.generated):
            if part.name == name:
                return part
        known = ", ".join(part.name for part in (*self.given, *self.generated))
        raise ProblemError(f"problem: no part {name!r}; there are: {known}")

    def generating(self, names: Sequence[str] | None) -> Problem:
        """Return the problem of which some parts alone are generated; what is given stays.

        A given part that is like one that is left out is then like none: it is taken as it is.

        Args:
            names: of generated parts; the order remains that of the problem. None: all.

        Raises:
            ProblemError: one is not generated, or there is none.
        """
        if names is None:
            return self
        known = [part.name for part in self.generated]
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise ProblemError(
                f"problem: expected parts that are generated ({', '.join(known)}), got "
                f"{', '.join(unknown) or 'none'}"
            )
        left_out = set(known) - set(names)
        return replace(
            self,
            given=tuple(replace(p, like="") if p.like in left_out else p for p in self.given),
            generated=tuple(part for part in self.generated if part.name in names),
        )

    def frames(self, name: str, batch: Batch) -> Tensor:
        """Return the frames before the first generated one, ``[B, C, k, *S]``, the latest last.

        Args:
            name: a generated part that has a start, with C fields.
            batch: the given parts; ``*S`` are the axes of space that the generated part has.

        Raises:
            ProblemError: there is no such part, or it has no start.
        """
        part = self.part(name)
        if not part.start:
            raise ProblemError(f"problem: {name!r} has no given frames before the first generated")
        flat = batch[part.start]
        return flat.reshape(len(flat), len(part.fields), -1, *flat.shape[2:])

    def latest(self, name: str, batch: Batch) -> Tensor:
        """Return the frame before the first generated one, ``[B, C, 1, *S]``; see :meth:`frames`.

        Raises:
            ProblemError: as :meth:`frames`.
        """
        return self.frames(name, batch)[:, :, -1:]

    def require(self, other: Problem, data: object, model: object) -> None:
        """Refuse data of another problem than this one, of a model.

        Args:
            other: the problem that the data make.
            data: their file, for the message.
            model: the model's file, for the message.

        Raises:
            ProblemError: naming what differs, both values, both files and what to do.
        """
        own, others = self.to_json(), other.to_json()
        # What is generated decides what given parts are like, and so is named before them.
        for name in sorted(own, key=lambda name: name == "given"):
            expected, found = own[name], others[name]
            if found != expected and name == "scene":
                raise ProblemError(
                    f"{data} has another scene (obstacles, buckets, control frame) than the model "
                    f"{model} was trained on; train it again, or generate the data with the "
                    "options that the model had"
                )
            if found != expected:
                raise ProblemError(
                    f"{name} of {data} is {_shown(found)}, the model {model} was trained on "
                    f"{_shown(expected)}; train it again, or generate the data with the options "
                    "that the model had"
                )

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {key: _plain(value) for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Problem:
        """Build from the values of :meth:`to_json`.

        Raises:
            KeyError: a value is missing.
        """
        parts = {
            name: tuple(Part(**{**part, "fields": tuple(part["fields"])}) for part in values[name])
            for name in ("given", "generated")
        }
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in ((f.name, values[f.name]) for f in fields(cls))
        }
        return cls(**plain | parts)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _shown(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(v, int) for v in value):
        return " x ".join(map(str, value))
    if isinstance(value, list):
        return ", ".join(_shown(v) for v in value) or "none"
    if isinstance(value, dict):
        return f"{value['name']} ({', '.join(value['fields'])}; {_kind(value)})"
    return repr(value)


def _kind(part: Mapping[str, Any]) -> str:
    said = [part["span"].replace("_", " ")]
    return ", ".join(
        said
        + [f"{key} {part[key]}" for key in ("like", "start", "base") if part[key]]
        + ["halved"] * part["halved"]
        + [f"noise of {part['noise_of']} up to {part['largest']}"] * bool(part["noise_of"])
    )
