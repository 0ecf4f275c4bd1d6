r"""How sure is the difference between two methods?

Per-case errors of method A and B, $a_{s n}$ and $b_{s n}$ for training seed $s$ and test case $n$,
have two sources of chance: which cases were drawn, and which seeds were trained. The bootstrap
resamples both, crossed: cases $n^*$ are drawn with replacement and **the same cases serve both
methods** (paired: a hard case is hard for both and cancels), seeds $s^*$ are drawn for each method
on its own, since trainings are independent. The statistic is

$$ \frac{\langle a_{s^* n^*} \rangle}{\langle b_{s^* n^*} \rangle} \quad\text{or}\quad
   \langle a_{s^* n^*} \rangle - \langle b_{s^* n^*} \rangle, $$

and its percentiles are the interval (Efron and Tibshirani 1993, chapter 13). With S seeds the
resampled means spread (S - 1) / S of the variance that new trainings would, so with two or three
seeds the interval is somewhat narrow; with one seed it speaks of that one training only.

Cases that overlap, such as windows of one record an hour apart, are no independent draws. They are
resampled together, in blocks (Kuensch 1989, Ann. Statist. 17(3), 1217); of fewer than eight blocks
nothing is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Float = NDArray[np.float64]

FEWEST_BLOCKS = 8
"""Of fewer, the resamples are too few to tell an interval from the range."""


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval; NaN where there is none.

    Attributes:
        estimate: the statistic of all cases and seeds.
        low: lower end.
        high: upper end.
        level: coverage, such as 0.95.
    """

    estimate: float
    low: float
    high: float
    level: float


def paired_bootstrap(
    errors: NDArray[np.floating],
    reference: NDArray[np.floating],
    *,
    blocks: NDArray[np.integer] | None = None,
    statistic: Literal["ratio", "difference"] = "ratio",
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Confidence interval of the ratio (or difference) of two methods' mean errors.

    Args:
        errors: `[S, N]`, per seed and case, or `[N]` for one seed.
        reference: `[S', N]` or `[N]`, of the method that is divided by (or subtracted), on the
            same N cases in the same order.
        blocks: `[N]`, block of each case; cases of a block are drawn together. None: each case by
            itself.
        statistic: mean of `errors` over, or minus, the mean of `reference`.
        level: coverage of the interval.
        resamples: number of bootstrap resamples.
        seed: of the resampling.

    Returns:
        The interval. Its ends are NaN for a single case and for fewer than :data:`FEWEST_BLOCKS`
        blocks, and everything is NaN where an error is not finite or the reference's mean error is
        zero.

    Raises:
        ValueError: the numbers of cases differ, or an option is out of range.
    """
    a, b = np.atleast_2d(np.asarray(errors, float)), np.atleast_2d(np.asarray(reference, float))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or 0 in (*a.shape, *b.shape):
        raise ValueError(
            "paired_bootstrap: expected errors [seeds, cases] of two methods on the same cases, "
            f"got shapes {np.shape(errors)} and {np.shape(reference)}"
        )
    if statistic not in ("ratio", "difference"):
        raise ValueError(f"paired_bootstrap: statistic = {statistic!r}; allowed: ratio, difference")
    if not 0 < level < 1 or resamples < 1:
        raise ValueError(
            f"paired_bootstrap: expected 0 < level < 1 and resamples >= 1, got {level}, {resamples}"
        )

    def combine(mean_a: Float, mean_b: Float) -> Float:
        with np.errstate(divide="ignore", invalid="ignore"):
            return mean_a / mean_b if statistic == "ratio" else mean_a - mean_b

    finite = np.isfinite(a).all() and np.isfinite(b).all()
    if not finite or (statistic == "ratio" and b.mean() == 0):
        return Interval(math.nan, math.nan, math.nan, level)
    estimate = float(combine(a.mean(), b.mean()))
    labels = np.arange(a.shape[1]) if blocks is None else np.asarray(blocks)
    if labels.shape != a.shape[1:]:
        raise ValueError(
            f"paired_bootstrap: expected a block for each of {a.shape[1]} cases, got shape "
            f"{labels.shape}"
        )
    members = (labels[:, None] == np.unique(labels)).astype(float)
    sums_a, sums_b, counts = a @ members, b @ members, members.sum(axis=0)
    if counts.size < (2 if blocks is None else FEWEST_BLOCKS):
        return Interval(estimate, math.nan, math.nan, level)

    # What is resampled is positions, not values, so that one draw of cases serves both methods.
    # SciPy resamples only what has two members, and one seed has nothing to resample.
    sizes = (counts.size, a.shape[0], b.shape[0])
    drawn = [index for index, size in enumerate(sizes) if size > 1]

    def resampled(*positions: NDArray[np.intp], axis: int = -1) -> Float:
        weights: list[Any] = [np.ones((1, 1))] * 3
        for index, values in zip(drawn, positions, strict=True):
            weights[index] = shares(np.moveaxis(values, axis, -1), sizes[index])
        cases, seeds_a, seeds_b = weights
        total = cases @ counts
        return combine(
            np.sum(seeds_a * (cases @ sums_a.T), axis=-1) / total,
            np.sum(seeds_b * (cases @ sums_b.T), axis=-1) / total,
        )

    result = stats.bootstrap(
        tuple(np.arange(sizes[index]) for index in drawn),
        resampled,
        n_resamples=resamples,
        batch=max(1, 4_000_000 // sizes[0]),
        vectorized=True,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return Interval(estimate, float(low), float(high), level)


def mean_interval(
    errors: NDArray[np.floating],
    *,
    blocks: NDArray[np.integer] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Confidence interval of a method's own mean error, over cases crossed with seeds.

    Args:
        errors: `[S, N]` or `[N]`, as of :func:`paired_bootstrap`.
        blocks: block of each case.
        level: coverage of the interval.
        resamples: number of bootstrap resamples.
        seed: of the resampling.

    Raises:
        ValueError: as :func:`paired_bootstrap`.
    """
    ones = np.ones(np.shape(errors)[-1:])
    return paired_bootstrap(
        errors, ones, blocks=blocks, level=level, resamples=resamples, seed=seed
    )


def told_apart(
    errors: NDArray[np.floating], reference: NDArray[np.floating], **options: Any
) -> bool:
    """Whether the interval of the difference of two mean errors does not hold zero.

    Args:
        errors: `[S, N]`.
        reference: `[S', N]`, of the other method, on the same cases.
        **options: of :func:`paired_bootstrap`.

    Returns:
        False where there is no interval.
    """
    interval = paired_bootstrap(errors, reference, statistic="difference", **options)
    return interval.low > 0 or interval.high < 0


def shares(positions: NDArray[np.intp], size: int) -> Float:
    """Share of each of `size` members in each resample: `[..., n]` positions -> `[..., size]`."""
    flat = positions.reshape(-1, positions.shape[-1]).astype(np.intp)
    offset = flat + size * np.arange(len(flat))[:, None]
    counts = np.bincount(offset.reshape(-1), minlength=size * len(flat))
    shares: Float = (counts / positions.shape[-1]).reshape(*positions.shape[:-1], size)
    return shares


def mean_and_sd(values: NDArray[np.floating] | list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (n - 1) over seeds; the latter NaN for one seed.

    Raises:
        ValueError: there are no values.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"mean_and_sd: expected one value for each seed, got shape {array.shape}")
    return float(array.mean()), float(array.std(ddof=1)) if array.size > 1 else math.nan
