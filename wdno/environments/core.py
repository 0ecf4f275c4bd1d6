"""What one environment and many have in common: a batch of episodes, cases and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from wdno.environments.cases import Case, CaseStore, stacked
from wdno.environments.episodes import Episodes
from wdno.environments.observation import Observer
from wdno.environments.options import EnvironmentOptions
from wdno.environments.plant import Plant

Array = NDArray[np.float64]
Generators = Sequence[np.random.Generator]
OPTIONS = ("split", "case", "first", "target")


class Core:
    """Episodes of one system, with their observations, rewards and infos.

    Attributes:
        options: what was chosen.
        plant: the system.
        store: its cases.
        episodes: what happens.
        observer: makes observations.
        action_space: of one action, numbers from -1 to 1, ``[A]``.
    """

    def __init__(self, count: int, options: EnvironmentOptions) -> None:
        """Set up.

        Args:
            count: number n of episodes at once.
            options: what is chosen.

        Raises:
            ValueError: an option does not fit the system.
        """
        self.options = options
        system, scale, threads = options.system, options.action_scale, options.threads
        self.plant = Plant(system, options.options, scale, threads)
        self.store = CaseStore(self.plant, options.cases, options.data_seed, options.kept_cases)
        self.episodes = Episodes(self.plant, count, shaped=options.shaping is not None)
        self.observer = Observer(self.plant, options)
        self.action_space = spaces.Box(-1.0, 1.0, (self.plant.actions,), np.float32)

    def reset(
        self, members: NDArray[np.int64], generators: Generators, asked: Mapping[str, Any]
    ) -> tuple[Any, list[dict[str, Any]]]:
        """Begin episodes anew.

        Args:
            members: numbers of m of the n episodes.
            generators: of all n.
            asked: options of `reset`, each but `split` with a first axis n.

        Returns:
            Observations, each array ``[m, ...]``, and m infos.

        Raises:
            ValueError: an option is unknown, or does not fit.
        """
        cases = self._cases(members, generators, asked)
        self.episodes.begin(members, cases)
        return self._observe(members, generators), [_named(case) for case in cases]

    def step(
        self, actions: Any, generators: Generators
    ) -> tuple[Any, Array, NDArray[np.bool_], list[dict[str, Any]]]:
        """Go one interval on in all episodes.

        Args:
            actions: ``[n, A]``; values beyond -1 and 1 are cut off.
            generators: of all n.

        Returns:
            Observations, rewards ``[n]``, which are at their end ``[n]``, and infos.

        Raises:
            ValueError: shapes do not fit, or an action is not finite.
            RuntimeError: an episode does not go on.
            DivergedError: a solution is not finite or unstable.
        """
        episodes, plant = self.episodes, self.plant
        given = np.asarray(actions, dtype=np.float64)
        if given.shape != (episodes.count, plant.actions) or not np.isfinite(given).all():
            raise ValueError(
                f"expected finite actions of shape {(episodes.count, plant.actions)}, one number "
                f"for each point where the control may act, got shape {given.shape}"
                f"{'' if np.isfinite(given).all() else ' with values that are not finite'}"
            )
        applied = np.clip(given, -1.0, 1.0)
        if self.options.action_noise:
            noise = [generator.standard_normal(plant.actions) for generator in generators]
            applied = applied + self.options.action_noise * np.stack(noise)
        rewards = episodes.advance(plant.control(torch.from_numpy(applied)).numpy())
        everyone = np.arange(episodes.count)
        infos = [_named(episodes.case(int(member))) for member in everyone]
        ended = np.flatnonzero(episodes.finished)
        if len(ended):
            self._judge(ended, infos)
        return self._observe(everyone, generators), rewards, episodes.finished, infos

    def save(self, generators: Generators) -> dict[str, Any]:
        """Return copies of all that makes what follows, random numbers too."""
        states = [generator.bit_generator.state for generator in generators]
        return {"episodes": self.episodes.save(), "generators": states}

    def restore(self, saved: Mapping[str, Any], generators: Generators) -> None:
        """Go back to what was saved.

        Raises:
            ValueError: it is of an environment with other shapes.
        """
        self.episodes.restore(saved["episodes"])
        for generator, state in zip(generators, saved["generators"], strict=True):
            generator.bit_generator.state = state

    def rollout(self, actions: torch.Tensor) -> torch.Tensor:
        """Return J ``[n]`` of actions ``[n, T, A]`` from the beginning, with gradients.

        Without noise, and actions beyond -1 and 1 are not cut off.

        Raises:
            ValueError: the shape does not fit.
            RuntimeError: an episode has not begun.
        """
        count, plant = self.episodes.count, self.plant
        expected = (count, plant.intervals, plant.actions)
        if tuple(actions.shape) != expected:
            raise ValueError(
                f"expected actions of shape {expected} (episodes, intervals, numbers), got "
                f"{tuple(actions.shape)}"
            )
        first, target = stacked([self.episodes.case(member) for member in range(count)])
        return plant.rollout(first, target, actions)

    def _observe(self, members: NDArray[np.int64], generators: Generators) -> Any:
        state, series = self.episodes.frame()
        _, target = stacked([self.episodes.case(int(member)) for member in members])
        done = self.episodes.history.done[members]
        chosen = [generators[member] for member in members]
        return self.observer((state[members], series[members]), target, done, chosen)

    def _judge(self, ended: NDArray[np.int64], infos: list[dict[str, Any]]) -> None:
        """Write J, its terms and what it would be without control into the infos."""
        cases = [self.episodes.case(int(member)) for member in ended]
        if self.options.zero_reference:
            self.store.know_zero(cases)
        terms = self.episodes.terms(ended)
        total = self.plant.total(terms)
        for row, (member, case) in enumerate(zip(ended, cases, strict=True)):
            infos[member]["J"] = float(total[row])
            infos[member]["terms"] = {name: float(term[row]) for name, term in terms.items()}
            if self.options.zero_reference:
                infos[member]["J_zero"] = case.j_zero

    def _cases(
        self, members: NDArray[np.int64], generators: Generators, asked: Mapping[str, Any]
    ) -> list[Case]:
        unknown = sorted(set(asked) - set(OPTIONS))
        if unknown:
            raise ValueError(
                f"reset: unknown option(s) {', '.join(unknown)}; expected {', '.join(OPTIONS)}"
            )
        if "first" in asked or "target" in asked:
            if "split" in asked or "case" in asked or "first" not in asked:
                raise ValueError(
                    "reset: expected either `split` and `case`, or `first` and, of a system with "
                    f"a target, `target`; got {', '.join(asked)}"
                )
            target = asked.get("target")
            return [
                self.store.given(asked["first"][m], None if target is None else target[m])
                for m in members
            ]
        split = asked.get("split", next(iter(self.options.cases)))
        if "case" in asked:
            numbers = [int(asked["case"][member]) for member in members]
        else:
            size = self.store.size(split)
            numbers = [int(generators[member].integers(size)) for member in members]
        return self.store.numbered(split, numbers)


def _named(case: Case) -> dict[str, Any]:
    return {"case": case.number, "split": case.split}
