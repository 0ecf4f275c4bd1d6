"""Which values of a column are marked: the best, where it is told apart from the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wdno.evaluation.bootstrap import told_apart
from wdno.evaluation.metric import Metric

NOTE = (
    "Bold: the best, where the paired bootstrap interval of its difference from the next best does "
    "not hold zero. Underlined, in Markdown italic: the second best, where it is so told apart "
    "from the third; where it is not from the best, both. With one seed this speaks of the choice "
    "of test cases alone."
)
"""What the marks mean, for readers."""


class Marks(NamedTuple):
    """Rows that are marked.

    Attributes:
        best: the best row, or none.
        second: the second best row, or that with the best, or none.
    """

    best: frozenset[int] = frozenset()
    second: frozenset[int] = frozenset()


def marks(rivals: Sequence[NDArray[np.float64] | None], metric: Metric, **options: Any) -> Marks:
    """Return the rows that stand out among rivals.

    Args:
        rivals: scores of each row, `[seeds, cases]`, of all on the same cases; None where a row
            does not compete. Rows whose mean is not finite do not either.
        metric: says which way is better.
        **options: of :func:`wdno.evaluation.bootstrap.paired_bootstrap`.
    """
    if metric.better == "neither":
        return Marks()
    sign = -1.0 if metric.better == "higher" else 1.0
    given = {row: of for row, of in enumerate(rivals) if of is not None}
    means = {row: sign * float(of.mean()) for row, of in given.items()}
    order = sorted((row for row in given if np.isfinite(means[row])), key=means.__getitem__)

    def apart(place: int) -> bool:
        """Whether the row of a place is told apart from the next."""
        return told_apart(given[order[place]], given[order[place + 1]], **options)

    if len(order) < 2:
        return Marks()
    best = frozenset(order[:1]) if apart(0) else frozenset()
    if len(order) < 3 or not apart(1):
        return Marks(best)
    return Marks(best, frozenset(order[:2]) - best)
