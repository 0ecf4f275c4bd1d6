r"""What a system offers that can be controlled: solutions under any control, J, and one step more.

The control is the system's forcing. Given an initial state, and a target where the system has one,
a controller chooses the forcing of all T intervals, so as to lower

$$ J = \sum_k w_k J_k, $$

a weighted sum of named terms in physical units. J is always that of the ground-truth solver,
started from the given initial state and driven by the forcing alone. Shapes are those of batches
(:mod:`wdno.data.dataset`); all tensors are float64 unless said otherwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.problem import Batch


class World(ABC):
    """Trajectories in progress, a control for one interval at a time.

    It keeps the solver's own state, so that steps through all intervals equal one solution.

    Attributes:
        interval: number of intervals done, 0..T.
        disturbance: from the number of an interval and the control that is asked for to the one
            that acts, ``[n, C, *S]``; None: they are the same.
    """

    disturbance: Callable[[int, Tensor], Tensor] | None = None

    def __init__(self, system: str, intervals: int, control: Sequence[int]) -> None:
        """Begin with no interval done.

        Args:
            system: its name, for messages.
            intervals: number T of intervals up to the horizon.
            control: shape of the control of one interval, ``(n, C, *S)``.
        """
        self.interval = 0
        self._name, self._intervals, self._expected = system, intervals, tuple(control)

    @property
    @abstractmethod
    def frame(self) -> Tensor:
        """The stored state now, ``[n, F, *S]``."""

    @property
    @abstractmethod
    def series(self) -> Tensor:
        """The stored series now, ``[n, S]``; S may be 0."""

    @property
    def facts(self) -> dict[str, Tensor]:
        """What :meth:`Controlled.terms` reads beside state and series now, ``[n]`` each."""
        return {}

    def advance(self, control: Tensor) -> None:
        """Go through one interval.

        Args:
            control: of this interval, ``[n, C, *S]``.

        Raises:
            ValueError: the shape does not fit, or the horizon is reached.
            DivergedError: the solution is not finite or unstable.
        """
        if self.interval >= self._intervals:
            raise ValueError(
                f"system {self._name!r}: all {self._intervals} intervals are done; begin again"
            )
        if tuple(control.shape) != self._expected:
            raise ValueError(
                f"system {self._name!r}: expected a control of shape {self._expected} for one "
                f"interval, got {tuple(control.shape)}"
            )
        if self.disturbance is not None:
            control = self.disturbance(self.interval, control)
        self._advance(np.ascontiguousarray(control.numpy(force=True), dtype=np.float64))
        self.interval += 1

    def save(self) -> dict[str, NDArray[np.float64]]:
        """Return copies of all that :meth:`restore` needs, by name."""
        return {**self._save(), "interval": np.array(float(self.interval))}

    def restore(self, saved: Mapping[str, NDArray[np.float64]]) -> None:
        """Go back to what was saved."""
        self._restore(saved)
        self.interval = int(saved["interval"])

    @abstractmethod
    def _advance(self, control: NDArray[np.float64]) -> None:
        """Go through one interval under a control ``[n, C, *S]`` of the right shape."""

    @abstractmethod
    def _save(self) -> dict[str, NDArray[np.float64]]:
        """Return copies of the solver's state, by name."""

    @abstractmethod
    def _restore(self, saved: Mapping[str, NDArray[np.float64]]) -> None:
        """Go back to a state of the solver, from copies of it."""


class Controlled(ABC):
    """A system that can be controlled, beside what :class:`wdno.systems.base.System` says of it.

    Attributes:
        has_target: whether a state to be reached at the end is given.
    """

    has_target: ClassVar[bool]

    @property
    @abstractmethod
    def term_weights(self) -> Mapping[str, float]:
        """Weight of each term of J, by its name, as its options have them; a run may differ."""

    @abstractmethod
    def control_mask(self) -> NDArray[np.bool_]:
        """Return where each of the C components of the control may act, ``[C, *S]``."""

    @abstractmethod
    def run(self, first: Tensor, control: Tensor, *, threads: int = 1) -> dict[str, Tensor]:
        """Solve from given initial states under given controls.

        Args:
            first: initial states, ``[n, F, *S]``.
            control: constant on each of the T stored intervals, ``[n, C, T, *S]``. What it is where
                it may not act is not looked at.
            threads: processor threads.

        Returns:
            ``state`` ``[n, F, T, *S]``, the frames after the first; ``series`` ``[n, S, T]``; and
            what else :meth:`terms` reads, as :attr:`World.facts` has it.

        Raises:
            ValueError: shapes do not fit, or a value is not finite.
            DivergedError: a solution is not finite or unstable; it names the trajectories.
        """

    @abstractmethod
    def sampled(
        self, first: Tensor, control: Tensor, *, threads: int = 1
    ) -> dict[str, NDArray[np.float32]]:
        """Solve as :meth:`run` does, to samples of a data set.

        Args:
            first: initial states, ``[n, F, *S]``.
            control: as of :meth:`run`.
            threads: processor threads.

        Returns:
            What :meth:`wdno.systems.base.EquationSystem.generate` returns of a draw: each field by
            name, the control as it was given where it may act, and all numbers of a sample but its
            seed.
        """

    @abstractmethod
    def run_differentiable(
        self, first: Tensor, control: Tensor, *, threads: int = 1
    ) -> dict[str, Tensor]:
        """Solve as :meth:`run` does, with gradients with respect to the control."""

    @abstractmethod
    def begin(self, first: Tensor, *, threads: int = 1) -> World:
        """Start a world from initial states ``[n, F, *S]``."""

    @abstractmethod
    def terms(
        self, outcome: Batch, control: Tensor, target: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the terms of J of a solution, ``[n]`` each, by name, without their weights.

        Args:
            outcome: of :meth:`run` or :meth:`run_differentiable`.
            control: that led to it, ``[n, C, T, *S]``.
            target: state to be reached at the end, ``[n, F, *S]``, where the system has one.
        """

    def estimated(
        self, parts: Batch, control: Tensor, target: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the terms of J of what a model predicts, differentiable, ``[n]`` each.

        Args:
            parts: ``state`` ``[n, F, T, *S]`` and, of a system with series, ``series``.
            control: that it predicts, ``[n, C, T, *S]``.
            target: as of :meth:`terms`.
        """
        return self.terms(parts, control, target)

    def reported(
        self, first: Tensor, outcome: Batch, control: Tensor, *, threads: int = 1
    ) -> dict[str, Tensor]:
        """Return further scores of a solution, ``[n]`` each, by the names of metrics of control.

        Args:
            first: initial states.
            outcome: of :meth:`run`.
            control: that led to it.
            threads: processor threads.
        """
        return {}

    def for_gradients(self) -> Controlled:
        """Return the system by which gradients are computed: this one, or the same on fewer points.

        J itself is always of this one.
        """
        return self
