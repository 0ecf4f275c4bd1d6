"""What a run has evaluated, and numbers of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wdno.evaluation.bootstrap import mean_and_sd, mean_interval
from wdno.evaluation.grouping import scores_of
from wdno.evaluation.record import Record
from wdno.paper.contents import Quantity

LEVEL = "level"


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """A method of the run, on one system.

    Attributes:
        system: key of the system.
        task: key of the task.
        method: key of the method.
        listed: whether its task lists it; else a study made it.
        varied: options that the studies vary which it is of, by their dotted keys.
        options: those of the method, plain, with those of its models below their roles.
        network: its network as the configuration says it, for readers; empty: none.
        training_samples: trajectories of the training set, at most.
        records: one for each seed.
    """

    system: str
    task: str
    method: str
    listed: bool
    varied: frozenset[str]
    options: Mapping[str, Any]
    network: str
    training_samples: int
    records: Sequence[Record]

    @property
    def first(self) -> Record:
        """The record of its first seed."""
        return self.records[0]

    @property
    def levels(self) -> int:
        """Number of grids that its scores are of; 0: of one, without a name."""
        return len(self.first.items(LEVEL))


@dataclass(frozen=True)
class Measured:
    """A number of ours.

    Attributes:
        mean: over cases and seeds.
        sd: sample standard deviation over seeds; NaN for one.
        low: lower end of its interval; NaN where there is none.
        high: upper end.
    """

    mean: float
    sd: float = math.nan
    low: float = math.nan
    high: float = math.nan


def measure(
    one: Evaluated, quantity: Quantity, doublings: int | None = None, **bootstrap: Any
) -> Measured | None:
    """Return a number of a method.

    Args:
        one: the method.
        quantity: which number.
        doublings: of which grid, of a number that each grid has; None: of all.
        **bootstrap: options of :func:`wdno.evaluation.bootstrap.mean_interval`.

    Returns:
        None where its records do not have the number.
    """
    if doublings is not None and doublings >= one.levels:
        return None
    if quantity.score and not quantity.spread:
        found = _mean(one, quantity.score, doublings, **bootstrap)
    else:
        found = Measured(*mean_and_sd([_number(r, quantity, doublings) for r in one.records]))
    return found if math.isfinite(found.mean) else None


def _mean(one: Evaluated, score: str, doublings: int | None, **bootstrap: Any) -> Measured:
    of = None if doublings is None else (LEVEL, one.first.items(LEVEL)[doublings])
    scores = scores_of(one.records, score, of)
    interval = mean_interval(scores, blocks=one.first.blocks, **bootstrap)
    return Measured(*mean_and_sd(scores.mean(axis=1)), interval.low, interval.high)


def _number(record: Record, quantity: Quantity, doublings: int | None) -> float:
    """A number of one record that has no interval: a spread, a cost, a number of a grid."""
    if quantity.spread:
        return float(np.std(record.score(quantity.score), ddof=1)) if record.cases > 1 else math.nan
    if quantity.cost:
        value = getattr(record.cost, quantity.cost)
        return math.nan if value is None else float(value) / quantity.divided_by
    if doublings is None or quantity.level not in record.scores:
        return math.nan
    values = record.scores[quantity.level].values
    chosen = values[: doublings + 1] if quantity.summed else values[doublings : doublings + 1]
    return float(np.sum(chosen)) / quantity.divided_by
