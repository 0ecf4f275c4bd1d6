"""A controlled system as environments see it: its shapes, its actions, and J of many trajectories.

Arrays hold n trajectories: state ``[n, F, T, *S]``, series ``[n, S, T]``, control
``[n, C, T, *S]``, float64. An action holds the A entries of one interval's control at which it may
act, component by component, each in the order of the grid, divided by the scale of actions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wdno.controlled import Controlled
from wdno.systems import REGISTRY
from wdno.systems.base import EquationSystem

Array = NDArray[np.float64]


class Plant:
    """A system that can be controlled, with its options.

    Attributes:
        system: what draws cases.
        controlled: the same object, as what solves them.
        state: names of the F fields of the state.
        series: names of the series.
        intervals: number T of intervals, the horizon.
        space: shape of the stored grid.
        mask: where each of the C components of the control may act, ``[C, *S]``.
        scale: control that the action 1 stands for.
        running: names of the terms of J that depend on the control alone.
    """

    def __init__(self, name: str, options: Mapping[str, Any], scale: float, threads: int) -> None:
        """Set up a system.

        Args:
            name: of the system.
            options: of the system; what is left out is its default.
            scale: control that the action 1 stands for.
            threads: processor threads of the solver.

        Raises:
            ValueError: there is no such system, it cannot be controlled, or its options are wrong.
        """
        section = REGISTRY.light(name).Options
        if not section.term_weights or section.recorded:
            able = [n for n in REGISTRY.names() if REGISTRY.light(n).Options.term_weights]
            raise ValueError(
                f"system {name!r}: an environment needs a system that can be controlled and drawn "
                f"from its equations (wdno.controlled.Controlled); expected one of "
                f"{', '.join(able)}"
            )
        chosen = section.model_validate(dict(options))
        self._made: Any = REGISTRY.load(name)(chosen)
        self.system: EquationSystem = self._made
        self.controlled: Controlled = self._made
        fields = self.system.fields
        self.state = tuple(field.name for field in fields if field.role == "state")
        self.series = tuple(field.name for field in fields if field.role == "series")
        self.intervals: int = chosen.grid_shape()[0]
        self.space: tuple[int, ...] = tuple(chosen.grid_shape()[1:])
        self.mask = self.controlled.control_mask()
        self.scale, self.threads = scale, threads
        self._allowed = torch.from_numpy(np.flatnonzero(self.mask))
        self.running = self._control_alone()

    @property
    def actions(self) -> int:
        """Number A of numbers in an action."""
        return len(self._allowed)

    def control(self, actions: Tensor) -> Tensor:
        """Return the control ``[..., C, *S]`` of actions ``[..., A]``, zero where it may not act.

        Raises:
            ValueError: the last axis is not that of actions.
        """
        if actions.shape[-1:] != (self.actions,):
            raise ValueError(
                f"system {self.system.name!r}: expected actions of {self.actions} numbers each, "
                f"got shape {tuple(actions.shape)}; an action has one number for each point and "
                "component of the control where it may act"
            )
        flat = actions.new_zeros(*actions.shape[:-1], self.mask.size)
        filled = flat.index_copy(-1, self._allowed.to(actions.device), self.scale * actions)
        return filled.reshape(*actions.shape[:-1], *self.mask.shape)

    def actions_of(self, control: Array) -> Array:
        """Return the actions ``[T, A]`` that stand for a control ``[C, T, *S]``.

        Raises:
            ValueError: the shape does not fit.
        """
        values = np.asarray(control, dtype=np.float64)
        expected = (len(self.mask), self.intervals, *self.space)
        if values.shape != expected:
            raise ValueError(
                f"system {self.system.name!r}: expected a control of shape {expected}, got "
                f"{values.shape}"
            )
        rows = np.moveaxis(values, 1, 0).reshape(self.intervals, -1)
        return np.asarray(rows[:, self._allowed.numpy()] / self.scale)

    def terms(
        self,
        state: Array,
        series: Array,
        control: Array,
        target: Array | None,
        facts: Mapping[str, Array],
    ) -> dict[str, Array]:
        """Return the terms of J of frames after the first, without weights, ``[n]`` each."""
        outcome = {"state": torch.from_numpy(state), "series": torch.from_numpy(series)}
        outcome |= {name: torch.from_numpy(values) for name, values in facts.items()}
        wanted = None if target is None else torch.from_numpy(target)
        found = self.controlled.terms(outcome, torch.from_numpy(control), wanted)
        return {name: term.numpy(force=True) for name, term in found.items()}

    def total(self, terms: Mapping[str, Array], names: Sequence[str] | None = None) -> Array:
        """Return the weighted sum of terms ``[n]``; of all of them if no names are given."""
        weights = self.controlled.term_weights
        size = len(next(iter(terms.values())))
        chosen = [weights[n] * terms[n] for n in terms if names is None or n in names]
        return sum(chosen, start=np.zeros(size))

    def without_control(self, first: Array, target: Array | None) -> Array:
        """Return J without any control, ``[n]``, from initial states ``[n, F, *S]``."""
        shape = (len(first), len(self.mask), self.intervals, *self.space)
        control = torch.zeros(shape, dtype=torch.float64)
        outcome = self.controlled.run(torch.from_numpy(first), control, threads=self.threads)
        wanted = None if target is None else torch.from_numpy(target)
        terms = self.controlled.terms(outcome, control, wanted)
        return self.total({name: term.numpy(force=True) for name, term in terms.items()})

    def rollout(self, first: Array, target: Array | None, actions: Tensor) -> Tensor:
        """Return J ``[n]`` of actions ``[n, T, A]``, with gradients with respect to them."""
        control = self.control(actions.double()).movedim(1, 2)
        threads = self.threads
        begin, end = (None if x is None else torch.from_numpy(x) for x in (first, target))
        assert begin is not None
        outcome = self.controlled.run_differentiable(begin, control, threads=threads)
        terms = self.controlled.terms(outcome, control, end)
        weights = self.controlled.term_weights
        return torch.stack([weights[name] * term for name, term in terms.items()]).sum(0)

    def _control_alone(self) -> tuple[str, ...]:
        """Return the terms of J that two different solutions under one control have in common."""
        rng = np.random.default_rng(0)
        shape, time = (1, len(self.state)), (self.intervals, *self.space)
        control = rng.uniform(size=(1, len(self.mask), *time))
        has = self.controlled.has_target
        target = rng.uniform(size=(*shape, *self.space)) if has else None
        names = self.controlled.begin(torch.zeros((*shape, *self.space)).double()).facts
        found = [
            self.terms(
                rng.uniform(size=(*shape, *time)),
                rng.uniform(size=(1, len(self.series), self.intervals)),
                control,
                target,
                {name: rng.uniform(size=1) for name in names},
            )
            for _ in range(2)
        ]
        return tuple(name for name in found[0] if found[0][name] == found[1][name])
