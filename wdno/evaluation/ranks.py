"""Mean ranks of methods over systems, with intervals.

On each system the methods are ranked by a score, 1 the best, equal ones sharing the mean of their
places; the ranks are averaged over the systems, as critical-difference diagrams do (Demšar 2006,
JMLR 7:1-30). Their interval is a bootstrap one in place of a test that knows ranks alone: test
cases (in blocks, where they overlap) are drawn anew on each system, the same for all its methods,
and trainings for each method, as in :mod:`.bootstrap`, and everything is ranked again. So it covers
the choice of cases and trainings, not that of systems.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from wdno.evaluation.bootstrap import FEWEST_BLOCKS, Interval, shares
from wdno.evaluation.metric import Metric

Float = NDArray[np.float64]

_AT_ONCE = 4_000_000
"""Most weights of cases that are held at once."""


@dataclass(frozen=True)
class Contest:
    """The methods of one system and their scores.

    Attributes:
        scores: `[seeds, cases]` of each method, on the same cases.
        blocks: block of each case, `[cases]`; None: each case by itself.
    """

    scores: Mapping[str, Float]
    blocks: NDArray[np.integer] | None = None


@dataclass(frozen=True)
class RankedMethod:
    """What became of one method.

    Attributes:
        name: of the method.
        mean: mean rank over the systems, with its interval.
        of_system: its rank on each system.
        like: methods whose mean rank is not told apart from its own: the interval of the difference
            holds zero.
    """

    name: str
    mean: Interval
    of_system: Mapping[str, float]
    like: Sequence[str] = field(default_factory=tuple)


def mean_ranks(
    systems: Mapping[str, Contest],
    metric: Metric,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> list[RankedMethod]:
    """Rank the methods that every system has finite scores of.

    Args:
        systems: by name.
        metric: says which way is better.
        level: coverage of the intervals.
        resamples: number of bootstrap resamples.
        seed: of the resampling.

    Returns:
        The methods by rising mean rank; none where fewer than two are common to all systems. A
        system with fewer than :data:`wdno.evaluation.bootstrap.FEWEST_BLOCKS` blocks is ranked once
        and not resampled.

    Raises:
        ValueError: there are no systems, or no way is better in the metric.
    """
    if not systems or metric.better == "neither":
        raise ValueError(
            f"mean_ranks: expected systems and a metric with a better side, got {len(systems)} "
            f"systems and {metric.name!r} with better = {metric.better!r}"
        )
    names = _common(systems)
    if len(names) < 2:
        return []
    sign = -1.0 if metric.better == "higher" else 1.0
    rng = np.random.default_rng(seed)
    found, resampled = {}, np.zeros((len(names), resamples))
    for system, contest in systems.items():
        scores = [contest.scores[name] for name in names]
        found[system] = stats.rankdata([sign * one.mean() for one in scores])
        means = _resampled(scores, contest.blocks, rng, resamples)
        resampled += stats.rankdata(sign * means, axis=0)
    resampled /= len(systems)
    mean = np.mean(list(found.values()), axis=0)
    ends = [50 * (1 - level), 50 * (1 + level)]
    low, high = np.percentile(resampled, ends, axis=1)
    rows = [
        RankedMethod(
            name,
            Interval(float(mean[row]), float(low[row]), float(high[row]), level),
            {system: float(ranks[row]) for system, ranks in found.items()},
            tuple(names[other] for other in _like(resampled, row, ends)),
        )
        for row, name in enumerate(names)
    ]
    return sorted(rows, key=lambda one: one.mean.estimate)


def _common(systems: Mapping[str, Contest]) -> list[str]:
    first = next(iter(systems.values()))
    return [
        name
        for name in first.scores
        if all(
            name in one.scores and np.isfinite(one.scores[name]).all() for one in systems.values()
        )
    ]


def _like(resampled: Float, row: int, ends: Sequence[float]) -> Iterator[int]:
    """Give the other rows whose resampled difference from one holds zero within its ends."""
    for other in range(len(resampled)):
        low, high = np.percentile(resampled[other] - resampled[row], ends)
        if other != row and low <= 0 <= high:
            yield other


def _resampled(
    scores: Sequence[Float],
    blocks: NDArray[np.integer] | None,
    rng: np.random.Generator,
    resamples: int,
) -> Float:
    """Means of each method over drawn cases and seeds, `[methods, resamples]`."""
    labels = np.arange(scores[0].shape[1]) if blocks is None else np.asarray(blocks)
    members = (labels[:, None] == np.unique(labels)).astype(float)
    counts = members.sum(axis=0)
    if counts.size < (2 if blocks is None else FEWEST_BLOCKS):
        means: Float = np.repeat([[one.mean()] for one in scores], resamples, axis=1)
        return means
    parts = []
    for part in np.array_split(np.arange(resamples), -(-resamples * counts.size // _AT_ONCE)):
        cases = _drawn(rng, len(part), counts.size)
        total = cases @ counts
        parts.append(
            [
                np.sum(_drawn(rng, len(part), len(one)) * (cases @ (one @ members).T), axis=1)
                / total
                for one in scores
            ]
        )
    return np.concatenate(parts, axis=1)


def _drawn(rng: np.random.Generator, draws: int, size: int) -> Float:
    """Share of each of `size` members in each draw with replacement, `[draws, size]`."""
    return shares(rng.integers(0, size, (draws, size)), size)
