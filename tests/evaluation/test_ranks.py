"""Mean ranks of methods over systems."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from wdno.evaluation import ranks
from wdno.evaluation.metric import Metric
from wdno.evaluation.ranks import Contest, mean_ranks

ERROR = Metric("error", "Error", "1")
CASES = np.random.default_rng(0).lognormal(size=(1, 30))


def contest(**times: float) -> Contest:
    """Scores that are multiples of the same."""
    return Contest({name: factor * CASES for name, factor in times.items()})


def test_ranks_are_averaged_over_systems() -> None:
    systems = {"one": contest(a=1, b=2, c=3), "two": contest(c=5, a=2, b=1)}
    found = mean_ranks(systems, ERROR, resamples=50)
    assert {one.name: one.mean.estimate for one in found} == {"a": 1.5, "b": 1.5, "c": 3.0}
    assert found[-1].name == "c"
    of_system = {one.name: dict(one.of_system) for one in found}
    assert of_system["a"] == {"one": 1.0, "two": 2.0}
    for one in found:  # all cases agree: no doubt is left
        assert (one.mean.low, one.mean.high) == (one.mean.estimate, one.mean.estimate)
    assert {one.name: list(one.like) for one in found} == {"a": ["b"], "b": ["a"], "c": []}


def test_equal_ones_share_a_rank_and_higher_may_be_better() -> None:
    gain = Metric("gain", "Gain", "1", better="higher")
    found = mean_ranks({"one": contest(a=1, b=4, c=4)}, gain, resamples=20)
    assert {one.name: one.mean.estimate for one in found} == {"a": 3.0, "b": 1.5, "c": 1.5}


def test_intervals_are_those_of_an_independent_bootstrap() -> None:
    rng = np.random.default_rng(1)
    scores = {
        name: mean * rng.lognormal(sigma=0.5, size=(1, 60))
        for name, mean in {"a": 1.0, "b": 1.08, "c": 1.15}.items()
    }
    found = mean_ranks({"one": Contest(scores)}, ERROR, resamples=4000)
    drawn = rng.integers(0, 60, (4000, 60))
    means = np.array([values[0][drawn].mean(axis=1) for values in scores.values()])
    low, high = np.percentile(stats.rankdata(means, axis=0), [2.5, 97.5], axis=1)
    ends = {one.name: (one.mean.low, one.mean.high) for one in found}
    assert ends == dict(zip("abc", zip(low, high, strict=True), strict=True))
    assert any(one.like for one in found), "with so much noise some are not told apart"


def test_trainings_are_drawn_for_each_method() -> None:
    seeds = np.array([[0.5], [1.0], [1.6]])
    systems = {"one": Contest({"a": seeds * CASES, "b": 1.1 * CASES})}
    first, second = mean_ranks(systems, ERROR, resamples=500)
    assert (first.mean.low, first.mean.high) == (1.0, 2.0)
    assert list(first.like) == [second.name]


def test_only_what_every_system_has_is_ranked() -> None:
    broken = np.where(np.arange(30) == 0, np.nan, 1.0)[None]
    one, two = contest(a=1, b=2, c=3), contest(a=1, b=2, d=9)
    assert [m.name for m in mean_ranks({"one": one, "two": two}, ERROR, resamples=9)] == ["a", "b"]
    two = Contest({"a": broken, "b": CASES})
    assert mean_ranks({"one": one, "two": two}, ERROR) == []


def test_cases_of_a_block_are_drawn_together_and_few_blocks_not_at_all() -> None:
    rng = np.random.default_rng(2)
    scores = {name: rng.lognormal(sigma=1.0, size=(1, 64)) for name in "ab"}
    widths = []
    for blocks in (None, np.arange(64) // 8, np.arange(64) // 16):
        (first, _) = mean_ranks({"one": Contest(scores, blocks)}, ERROR, resamples=500)
        widths.append(first.mean.high - first.mean.low)
    assert widths[0] == widths[1] == 1.0, "either may be the better one"
    assert widths[2] == 0.0, "of four blocks nothing is drawn"


def test_many_cases_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    systems = {"one": contest(a=1, b=2), "two": contest(a=2, b=1)}
    whole = mean_ranks(systems, ERROR, resamples=101)
    monkeypatch.setattr(ranks, "_AT_ONCE", 300)
    assert mean_ranks(systems, ERROR, resamples=101) == whole


def test_what_cannot_be_ranked_is_refused() -> None:
    neither = Metric("truth", "Truth", "1", better="neither")
    for systems, metric in itertools.product(({}, {"one": contest(a=1)}), (neither,)):
        with pytest.raises(ValueError, match="'truth' with better = 'neither'"):
            mean_ranks(systems, metric)
    with pytest.raises(ValueError, match="got 0 systems"):
        mean_ranks({}, ERROR)
