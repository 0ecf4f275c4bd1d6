"""Episodes in progress, on the system's batched solver, each at its own interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wdno.controlled import World
from wdno.environments.cases import Case, stacked
from wdno.environments.plant import Plant
from wdno.solvers.grids import DivergedError

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass
class _Group:
    """Episodes that began together, in one world.

    Attributes:
        world: their world.
        members: their numbers, in the order of the world.
        alive: which of them go on; those that began anew elsewhere do not.
        cases: what they began from.
    """

    world: World
    members: Indices
    alive: NDArray[np.bool_]
    cases: list[Case]


@dataclass
class History:
    """All that happened in the episodes; what is still to come stands in for itself.

    Attributes:
        state: frames, ``[n, F, T + 1, *S]``; the last one stays in the frames to come.
        series: likewise, ``[n, S, T + 1]``.
        control: as it was applied, ``[n, C, T, *S]``; zero in intervals to come.
        done: number of intervals done, ``[n]``; -1 before the first reset.
        paid: part of J that rewards were paid for, ``[n]``.
        cases: what was given.
        facts: what terms of J read beside, now, ``[n]`` each.
    """

    state: Array
    series: Array
    control: Array
    done: Indices
    paid: Array
    cases: list[Case | None]
    facts: dict[str, Array]

    def copy(self) -> History:
        """Return a copy that does not change with this."""
        arrays = {k: v.copy() for k, v in vars(self).items() if k not in ("cases", "facts")}
        facts = {name: values.copy() for name, values in self.facts.items()}
        return History(**arrays, cases=list(self.cases), facts=facts)


class Episodes:
    """Episodes of a plant.

    Attributes:
        history: what happened in them.
    """

    def __init__(self, plant: Plant, count: int, *, shaped: bool) -> None:
        """Make room; episodes begin with :meth:`begin`.

        Args:
            plant: the system.
            count: number n of episodes at once.
            shaped: whether terms of J that depend on the state are paid as they change.
        """
        self.plant, self.count, self._shaped = plant, count, shaped
        space, t = plant.space, plant.intervals
        self.history = History(
            np.zeros((count, len(plant.state), t + 1, *space)),
            np.zeros((count, len(plant.series), t + 1)),
            np.zeros((count, len(plant.mask), t, *space)),
            np.full(count, -1),
            np.zeros(count),
            [None] * count,
            {},
        )
        self._groups: list[_Group] = []

    def begin(self, members: Indices, cases: Sequence[Case]) -> None:
        """Begin episodes anew, together.

        Args:
            members: their numbers, ``[m]``.
            cases: theirs, m.
        """
        history = self.history
        for group in self._groups:
            group.alive &= ~np.isin(group.members, members)
        self._groups = [group for group in self._groups if group.alive.any()]
        for member, case in zip(members, cases, strict=True):
            history.cases[member] = case
        world = self._world(cases)
        alive = np.ones(len(members), dtype=bool)
        self._groups.append(_Group(world, members.copy(), alive, list(cases)))
        history.control[members] = 0
        self._record(world, np.arange(len(members)), members)
        history.paid[members] = self.plant.total(self.terms(members)) if self._shaped else 0.0

    def advance(self, control: Array) -> Array:
        """Go through one interval, and return the rewards ``[n]``.

        Args:
            control: of this interval, ``[n, C, *S]``.

        Raises:
            RuntimeError: an episode has not begun, or is at its end.
            DivergedError: a solution is not finite or unstable; it names the episodes.
        """
        history = self.history
        self._check_goes_on()
        for group in self._groups:
            rows, k = np.flatnonzero(group.alive), group.world.interval
            members = group.members[rows]
            part = np.zeros((len(group.members), *control.shape[1:]))
            part[rows] = control[members]
            try:
                group.world.advance(torch.from_numpy(part))
            except DivergedError as error:
                named = [int(group.members[sample]) for sample in error.samples]
                remedy = f"{error.remedy}; or use a smaller action_scale"
                raise DivergedError(named, error.problem, remedy) from error
            history.control[members, :, k] = control[members]
            self._record(group.world, rows, members)
        terms = self.terms()
        due = self.plant.total(terms, None if self._shaped else self.plant.running)
        due = np.where(self.finished, self.plant.total(terms), due)
        rewards: Array = history.paid - due
        history.paid = due
        return rewards

    @property
    def finished(self) -> NDArray[np.bool_]:
        """Which episodes are at their end, ``[n]``."""
        return np.asarray(self.history.done == self.plant.intervals)

    def terms(self, members: Indices | None = None) -> dict[str, Array]:
        """Return the terms of J of episodes, were the state to stay and nothing more to be applied.

        Args:
            members: their numbers, ``[m]``; None: all.

        Returns:
            ``[m]`` by name, without weights; of episodes at their end those of J.
        """
        history = self.history
        chosen = np.arange(self.count) if members is None else members
        _, target = stacked([self.case(int(member)) for member in chosen])
        frames = history.state[chosen, :, 1:], history.series[chosen, :, 1:]
        facts = {name: values[chosen] for name, values in history.facts.items()}
        return self.plant.terms(*frames, history.control[chosen], target, facts)

    def case(self, member: int) -> Case:
        """Return what was given of an episode.

        Raises:
            RuntimeError: it has not begun.
        """
        case = self.history.cases[member]
        if case is None:
            raise RuntimeError("expected an episode, but none has begun; call reset() first")
        return case

    def frame(self) -> tuple[Array, Array]:
        """Return state ``[n, F, *S]`` and series ``[n, S]`` now."""
        return self.history.state[:, :, -1], self.history.series[:, :, -1]

    def save(self) -> dict[str, Any]:
        """Return copies of all that :meth:`restore` needs."""
        groups = [
            (group.members.copy(), group.alive.copy(), list(group.cases), group.world.save())
            for group in self._groups
        ]
        return {"history": self.history.copy(), "groups": groups}

    def restore(self, saved: dict[str, Any]) -> None:
        """Go back to what was saved.

        Raises:
            ValueError: it is of other shapes.
        """
        history: History = saved["history"]
        for name in ("state", "control"):
            shapes = getattr(history, name).shape, getattr(self.history, name).shape
            if shapes[0] != shapes[1]:
                raise ValueError(
                    f"expected a saved {name} of shape {shapes[1]}, got {shapes[0]}; restore it in "
                    "an environment with the same options as the one it is of"
                )
        self.history = history.copy()
        self._groups = []
        for members, alive, cases, kept in saved["groups"]:
            world = self._world(cases)
            world.restore(kept)
            self._groups.append(_Group(world, members.copy(), alive.copy(), list(cases)))

    def _world(self, cases: Sequence[Case]) -> World:
        first, _ = stacked(cases)
        plant = self.plant
        return plant.controlled.begin(torch.from_numpy(first), threads=plant.threads)

    def _record(self, world: World, rows: Indices, members: Indices) -> None:
        """Write the frame of a world's rows into the episodes, for all intervals to come."""
        k, history = world.interval, self.history
        history.state[members, :, k:] = world.frame.numpy(force=True)[rows][:, :, None]
        history.series[members, :, k:] = world.series.numpy(force=True)[rows][:, :, None]
        for name, values in world.facts.items():
            kept = history.facts.setdefault(name, np.zeros(self.count))
            kept[members] = values.numpy(force=True)[rows]
        history.done[members] = k

    def _check_goes_on(self) -> None:
        done = self.history.done
        for wrong, problem in ((done < 0, "not begun"), (self.finished, "at the end")):
            if wrong.any():
                which = ", ".join(map(str, np.flatnonzero(wrong)[:20]))
                raise RuntimeError(
                    f"expected episodes that go on, but {problem}: {which} of {self.count}; call "
                    "reset(), of several environments with options={'reset_mask': finished}"
                )
