from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from wdno.evaluation.bootstrap import (
    FEWEST_BLOCKS,
    mean_and_sd,
    mean_interval,
    paired_bootstrap,
    told_apart,
)


def test_estimates_are_of_all_cases_and_seeds():
    a, b = np.array([[1.0, 3.0], [5.0, 7.0]]), np.array([[2.0, 2.0]])
    ratio = paired_bootstrap(a, b, resamples=50)
    difference = paired_bootstrap(a, b, statistic="difference", resamples=50)
    assert (ratio.estimate, difference.estimate) == (2.0, 2.0)
    assert ratio.low <= 2.0 <= ratio.high


def test_a_constant_factor_between_cases_leaves_no_doubt():
    b = np.random.default_rng(0).lognormal(sigma=2.0, size=40)
    interval = paired_bootstrap(3.0 * b, b, resamples=200)
    assert (interval.low, interval.high) == pytest.approx((3.0, 3.0)), f"not paired: {interval}"


def test_one_seed_agrees_with_scipys_paired_bootstrap():
    rng = np.random.default_rng(1)
    b = rng.lognormal(size=60)
    a = 1.5 * b * rng.lognormal(sigma=0.4, size=60)
    found = paired_bootstrap(a, b, resamples=5000)

    def ratio(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        return x.mean(axis=axis) / y.mean(axis=axis)

    expected = stats.bootstrap(
        (a, b), ratio, paired=True, vectorized=True, n_resamples=5000, method="percentile", rng=2
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.02), f"{expected}"


def test_spread_over_seeds_widens_the_interval():
    rng = np.random.default_rng(2)
    cases = rng.lognormal(sigma=0.1, size=200)
    spread = np.array([0.5, 1.0, 1.5, 2.0])[:, None]
    alike = paired_bootstrap(np.repeat(cases[None], 4, 0), cases, resamples=500)
    apart = paired_bootstrap(spread * cases, cases, resamples=500)
    assert alike.high - alike.low < 1e-9
    # The mean of 4 values of standard deviation 0.56 has one of 0.28.
    width = 2 * 1.96 * np.std(spread) / 2
    assert apart.high - apart.low == pytest.approx(width, rel=0.15), f"{apart}, width {width}"


def test_coverage_with_seeds_and_cases():
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(200):
        cases = rng.lognormal(sigma=0.5, size=50)
        quality = [rng.normal(1.0, 0.1, size=(8, 1)) for _ in range(2)]
        a, b = (q * cases * rng.lognormal(sigma=0.2, size=(8, 50)) for q in quality)
        interval = paired_bootstrap(a, b, statistic="difference", resamples=200)
        covered.append(interval.low <= 0.0 <= interval.high)
    rate = np.mean(covered)
    assert 0.86 < rate < 0.99, f"95 % intervals cover the truth in {rate:.0%} of the trials"


def test_the_seed_decides():
    rng = np.random.default_rng(4)
    a, b = rng.random((2, 3, 20))
    options = {"resamples": 100}
    assert paired_bootstrap(a, b, seed=1, **options) == paired_bootstrap(a, b, seed=1, **options)
    assert paired_bootstrap(a, b, seed=1, **options) != paired_bootstrap(a, b, seed=2, **options)


@pytest.mark.parametrize(
    ("errors", "reference"),
    [([1.0, np.nan], [1.0, 2.0]), ([1.0, 2.0], [1.0, np.inf]), ([1.0, 2.0], [0.0, 0.0])],
)
def test_no_interval_where_there_is_none(errors, reference):
    interval = paired_bootstrap(np.array(errors), np.array(reference))
    assert all(math.isnan(value) for value in (interval.estimate, interval.low, interval.high))


def test_one_case_has_an_estimate_and_no_interval():
    interval = paired_bootstrap(np.array([[2.0], [4.0]]), np.array([1.0]))
    assert interval.estimate == 3.0
    assert math.isnan(interval.low)


def test_refusals():
    with pytest.raises(ValueError, match=r"same cases, got shapes \(3,\) and \(4,\)"):
        paired_bootstrap(np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match="allowed: ratio, difference"):
        paired_bootstrap(np.ones(3), np.ones(3), statistic="median")
    with pytest.raises(ValueError, match="0 < level < 1"):
        paired_bootstrap(np.ones(3), np.ones(3), level=95)


def test_mean_and_sd():
    assert mean_and_sd([1.0, 3.0]) == pytest.approx((2.0, math.sqrt(2)))
    mean, sd = mean_and_sd([5.0])
    assert (mean, math.isnan(sd)) == (5.0, True)
    with pytest.raises(ValueError, match="one value for each seed"):
        mean_and_sd([])


def test_cases_of_a_block_are_drawn_together():
    rng = np.random.default_rng(0)
    independent = rng.gamma(4.0, size=(2, 20))
    # The same twenty numbers, each ten times: no more is known than from twenty.
    repeated = np.repeat(independent, 10, axis=1)
    blocks = np.repeat(np.arange(20), 10)
    a, b = (paired_bootstrap(x[0], x[1], resamples=4000) for x in (independent, repeated))
    c = paired_bootstrap(*repeated, blocks=blocks, resamples=4000)
    assert c.estimate == pytest.approx(a.estimate)
    assert c.high - c.low == pytest.approx(a.high - a.low, rel=0.05)
    assert b.high - b.low < 0.5 * (c.high - c.low), "taken as independent they seem sure"


def test_blocks_of_unequal_size_weigh_by_their_cases():
    # Nine single cases of error 1, and nine of error 5 in one block.
    a, b = np.repeat([1.0, 5.0], 9), np.ones(18)
    blocks = np.concatenate([np.arange(9), np.full(9, 9)])
    found = paired_bootstrap(a, b, blocks=blocks, statistic="difference")
    assert found.estimate == pytest.approx(2.0)
    # The block is drawn k times of ten: 36 k / (10 - k + 9 k), 0 for k = 0 and 3 for k = 3.75.
    assert found.low == 0.0
    assert 2.4 < found.high < 3.2
    assert math.isnan(paired_bootstrap(a, b, blocks=np.zeros(18, dtype=int)).low)


def test_of_few_blocks_nothing_is_said():
    rng = np.random.default_rng(0)
    a, b = rng.gamma(4.0, size=(2, 70))
    for count in (2, FEWEST_BLOCKS - 1, FEWEST_BLOCKS):
        found = paired_bootstrap(a, b, blocks=np.arange(70) % count)
        assert found.estimate == pytest.approx(a.mean() / b.mean())
        assert math.isnan(found.low) == math.isnan(found.high) == (count < FEWEST_BLOCKS), count


def test_blocks_are_one_for_each_case():
    a, b = np.ones(4), np.ones(4)
    with pytest.raises(ValueError, match="a block for each of 4 cases"):
        paired_bootstrap(a, b, blocks=np.zeros(3, dtype=int))


def test_the_interval_of_a_mean_agrees_with_scipys_bootstrap():
    values = np.random.default_rng(5).gamma(4.0, size=80)
    found = mean_interval(values, resamples=5000, level=0.9)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=5000, method="percentile", confidence_level=0.9, rng=6
    ).confidence_interval
    assert found.estimate == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.03)
    assert math.isnan(mean_interval(values[:1]).low)
    blocks = np.arange(80) // 4
    wider = mean_interval(np.sort(values), blocks=blocks, resamples=2000)
    assert wider.high - wider.low > found.high - found.low, "neighbours are alike"


def test_told_apart():
    rng = np.random.default_rng(6)
    cases = rng.lognormal(sigma=1.0, size=(1, 50))
    assert told_apart(1.05 * cases, cases, resamples=200), "every case is worse"
    assert told_apart(cases, 1.05 * cases, resamples=200)
    other = rng.permuted(1.05 * cases, axis=1)
    assert not told_apart(other, cases, resamples=200), "not paired, the cases hide it"
    assert not told_apart(cases[:, :1], 9 * cases[:, :1])
