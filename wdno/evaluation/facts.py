"""What a record says beside its numbers: what it is of, how the method is made, what it took."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class RecordIdentity:
    """What a record is of.

    Attributes:
        run: name of the run.
        system: name of the system.
        title: name of the data for readers.
        task: name of the task.
        method: name of the method, the key in the configuration.
        seed: training seed.
        grid: length of each axis of what is generated, time first.
        stand_in: whether the data are made in place of a record that could not be had.
    """

    run: str
    system: str
    title: str
    task: str
    method: str
    seed: int
    grid: dict[str, int]
    stand_in: bool = False


@dataclass(frozen=True, kw_only=True)
class Design:
    """How a method is made.

    Attributes:
        representation: what its network sees; None for a method without training.
        network: its network, or None.
        objective: how it is trained and draws, or None.
        stepwise: whether it steps from frame to frame.
        sampler: `name`, `steps`, `eta` and whatever else it has; None where nothing is sampled.
        samples: samples of each case, M.
        options: further choices of the task, as plain values.
    """

    representation: str | None = None
    network: str | None = None
    objective: str | None = None
    stepwise: bool = False
    sampler: dict[str, Any] | None = None
    samples: int = 1
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a method took.

    Attributes:
        evaluations: network evaluations of one sample of one case.
        seconds: time of one sample of one case; NaN: not measured.
        training_seconds: time of training, or None.
        training_steps: optimiser steps of training, or None.
        parameters: parameters of the model, or None.
        device: where the prediction was timed.
        memory: most memory that predicting a batch took at once, beyond the weights, in MB; None:
            not measured.
        batch: cases of that batch, which were predicted at a time; None: not measured.
    """

    evaluations: int = 0
    seconds: float = math.nan
    training_seconds: float | None = None
    training_steps: int | None = None
    parameters: int | None = None
    device: str = ""
    memory: float | None = None
    batch: int | None = None

    def with_evaluations(self, evaluations: int) -> Cost:
        """Return the same with another number of network evaluations."""
        return replace(self, evaluations=evaluations)

    def with_memory(self, memory: float, batch: int) -> Cost:
        """Return the same with what predicting a batch took, in MB."""
        return replace(self, memory=memory, batch=batch)
