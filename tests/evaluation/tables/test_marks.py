"""Which values of a column are marked."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from wdno.evaluation.metric import Metric
from wdno.evaluation.tables.marks import Marks, marks

ERROR = Metric("error", "Error", "1")
GAIN = Metric("gain", "Gain", "1", better="higher")
CASES = np.random.default_rng(0).lognormal(size=40)


def alike(times: float, seed: int) -> NDArray[np.float64]:
    """Scores that differ from case to case by more than their means do."""
    noise = np.random.default_rng(seed).lognormal(sigma=1.0, size=40)
    return (times * noise / noise.mean())[None]


def test_the_best_and_the_second_best_stand_out() -> None:
    rivals = [3 * CASES[None], CASES[None], 2 * CASES[None], None]
    assert marks(rivals, ERROR, resamples=200) == Marks(frozenset({1}), frozenset({2}))
    assert marks(rivals, GAIN, resamples=200) == Marks(frozenset({0}), frozenset({2}))


def test_two_that_are_not_told_apart_share_the_second_mark() -> None:
    close = [alike(1.0, 1), alike(1.01, 2)]
    found = marks([*close, 20 + CASES[None]], ERROR, resamples=200)
    assert found == Marks(frozenset(), frozenset({0, 1}))
    assert marks(close, ERROR, resamples=200) == Marks()
    third = marks([*close, alike(1.02, 3)], ERROR, resamples=200)
    assert third == Marks(), "none of the three is told apart from the next"


def test_the_last_of_all_has_no_next() -> None:
    found = marks([CASES[None], 2 * CASES[None]], ERROR, resamples=200)
    assert found == Marks(frozenset({0}), frozenset())


def test_a_spread_over_seeds_that_is_wider_than_the_difference_tells_nothing_apart() -> None:
    seeds = np.array([[0.2], [1.0], [1.8]]) * CASES
    assert marks([CASES[None], 1.1 * seeds], ERROR, resamples=500) == Marks()
    assert marks([CASES[None], 1.1 * CASES[None]], ERROR, resamples=500).best == {0}


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_what_has_no_finite_mean_does_not_compete(broken: float) -> None:
    diverged = np.where(np.arange(40) == 3, broken, 0.0)[None]
    found = marks([diverged, CASES[None], 2 * CASES[None]], ERROR, resamples=100)
    assert found == Marks(frozenset({1}), frozenset())


def test_nothing_is_marked_where_nothing_can_be_told() -> None:
    two = [CASES[None], 2 * CASES[None]]
    neither = Metric("truth", "Truth", "1", better="neither")
    assert marks(two, neither) == Marks()
    assert marks([two[0], None], ERROR) == Marks()
    assert marks([one[:, :1] for one in two], ERROR) == Marks(), "of one case there is no interval"
    assert marks(two, ERROR, blocks=np.arange(40) // 10) == Marks(), "too few blocks"
    same = [CASES[None], CASES[None]]
    assert marks(same, ERROR, resamples=50) == Marks()
