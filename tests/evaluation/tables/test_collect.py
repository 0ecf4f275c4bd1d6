"""Rows of tables, of a task that tables know nothing of."""

from __future__ import annotations

import math

import numpy as np
import pytest
from toy_records import METRICS, record

from wdno.evaluation.bootstrap import paired_bootstrap
from wdno.evaluation.metric import MetricError
from wdno.evaluation.record import EvaluationError
from wdno.evaluation.tables.collect import collect, items_of

SAMPLER = {"name": "ddim", "steps": 10, "eta": 1.0, "spacing": "uniform"}


def test_scores_are_means_over_cases_and_then_over_seeds() -> None:
    seeds = [record("a", {"effort": [1.0 + seed, 3.0 + seed]}, seed=seed) for seed in (0, 1, 3)]
    table = collect(seeds, METRICS, "effort")
    assert table["effort"][0] == pytest.approx((2 + 3 + 5) / 3)
    assert table["effort_sd"][0] == pytest.approx(np.std([2, 3, 5], ddof=1))
    assert (table["seeds"][0], table["cases"][0], table["blocks"][0]) == (3, 2, 2)
    assert table["reached"].isna().all() and table["reached_sd"].isna().all()
    one = collect(seeds[:1], METRICS, "effort")
    assert math.isnan(one["effort_sd"][0]), "one seed has no spread"


def test_identity_design_and_cost_have_their_columns() -> None:
    made = record(
        "a",
        {"effort": [1.0]},
        representation="wavelet",
        network="unet",
        objective="diffusion",
        sampler=SAMPLER,
        samples=4,
        label="A",
        evaluations=10,
        parameters=100,
        training_steps=7,
    )
    steps = record("b", {"effort": [1.0]}, stepwise=True, training_seconds=3.5)
    none = record("c", {"effort": [1.0]}, learned=False)
    table = collect([made, steps, none], METRICS, "effort")
    row = table.iloc[0]
    assert (row["system"], row["title"], row["run"], row["task"]) == (
        *("pendulum", "Pendulum", "laptop", "toy"),
    )
    assert (row["representation"], row["network"], row["label"]) == ("wavelet", "unet", "A")
    assert (row["sampler"], row["sampler_steps"], row["eta"]) == ("ddim", 10, 1.0)
    assert row["sampler_label"] == "DDIM 10, eta 1, 4 samples"
    assert table["objective"].tolist()[:2] == ["diffusion", "regression, frame to frame"]
    assert table["objective"].isna().tolist() == [False, False, True]
    assert table["learned"].tolist() == [True, True, False]
    assert table["parameters"].dtype == "Int64", "counts stay whole beside missing ones"
    assert table["training_seconds"][1] == 3.5
    assert table["seconds_per_trajectory"].tolist() == [0.5] * 3


def test_costs_are_means_over_seeds() -> None:
    seeds = [
        record("a", {"effort": [1.0]}, seed=s, training_steps=10 + s, device=f"card {s}")
        for s in (0, 1)
    ]
    table = collect(seeds, METRICS, "effort")
    assert table["training_steps"].tolist() == [10.5]
    assert table["device"].tolist() == ["card 0, card 1"]


def test_ratios_are_to_the_reference_and_to_the_best_without_training() -> None:
    rng = np.random.default_rng(0)
    errors = {name: rng.uniform(1, 2, 30) * k for name, k in zip("abcd", (1, 2, 4, 8), strict=True)}
    records = [
        record(name, {"effort": values}, learned=name in "ab") for name, values in errors.items()
    ]
    table = collect(records, METRICS, "effort", reference="a", level=0.9, resamples=100)
    means = np.array([values.mean() for values in errors.values()])
    assert table["effort_ratio"].to_numpy() == pytest.approx(means / means[0])
    assert table["effort_ratio_level"].tolist() == [0.9] * 4
    interval = paired_bootstrap(errors["b"], errors["a"], level=0.9, resamples=100)
    assert table["effort_ratio_low"][1] == interval.low
    assert table["effort_ratio_high"][1] == interval.high
    assert table["baseline"].tolist() == ["c"] * 4
    assert table["baseline_ratio"].to_numpy() == pytest.approx(means / means[2])
    assert table["times_better_than_d"].to_numpy() == pytest.approx(means[3] / means)
    assert not [name for name in table if name in ("times_better_than_a", "times_better_than_b")]


def test_where_higher_is_better_the_best_is_the_highest() -> None:
    scores = {"a": [4.0, 4.0], "c": [1.0, 1.0], "d": [2.0, 2.0]}
    records = [record(n, {"reached": v}, learned=n == "a") for n, v in scores.items()]
    table = collect(records, METRICS, "reached", resamples=20)
    assert table["baseline"].tolist() == ["d"] * 3
    assert table["times_better_than_c"].tolist() == [4.0, 1.0, 2.0]
    assert table["baseline_ratio"].tolist() == [2.0, 0.5, 1.0]
    assert table["reached_ratio"].isna().all(), "no reference was asked for"


def test_one_method_without_training_is_no_choice_of_the_best() -> None:
    records = [record("a", {"effort": [1.0]}), record("c", {"effort": [3.0]}, learned=False)]
    table = collect(records, METRICS, "effort")
    assert table["times_better_than_c"].tolist() == [3.0, 1.0]
    assert table["baseline"].tolist() == [None, None]
    assert table["baseline_ratio"].isna().all()


def test_an_error_of_zero_is_no_number_of_times_better() -> None:
    records = [record("a", {"effort": [0.0]}), record("c", {"effort": [3.0]}, learned=False)]
    assert math.isnan(collect(records, METRICS, "effort")["times_better_than_c"][0])


def test_few_blocks_leave_the_interval_out() -> None:
    errors = {"a": np.arange(1.0, 13.0), "b": np.arange(2.0, 14.0)}
    records = [record(n, {"effort": v}, blocks=np.arange(12) // 4) for n, v in errors.items()]
    table = collect(records, METRICS, "effort", reference="a", resamples=50)
    assert table["blocks"].tolist() == [3, 3]
    assert table["effort_ratio"][1] == pytest.approx(7.5 / 6.5)
    assert table["effort_ratio_low"].isna().tolist() == [False, True]


def test_items_have_columns_where_there_are_several() -> None:
    several = record("a", {"effort": [2.0, 2.0]}, items={"x": [1.0, 2.0], "y": [3.0, 5.0]})
    table = collect([several], METRICS, "effort", of_items=("effort",))
    assert (table["x_effort"][0], table["y_effort"][0]) == (1.5, 4.0)
    assert items_of(several) == {"x": "part", "y": "part"}
    one = record("a", {"effort": [2.0]}, items={"x": [1.0]})
    assert "x_effort" not in collect([one], METRICS, "effort", of_items=("effort",))


def test_a_task_adds_columns() -> None:
    seeds = [record("a", {"effort": [1.0]}, seed=seed) for seed in (2, 5)]
    table = collect(seeds, METRICS, "effort", further=lambda found: {"last": found[-1].seed})
    assert table["last"].tolist() == [5]


def test_what_cannot_be_compared_is_named() -> None:
    records = [record("a", {"effort": [1.0]})]
    message = "'pendulum': method 'z', which the others are compared with, has no .* are: a"
    with pytest.raises(EvaluationError, match=message):
        collect(records, METRICS, "effort", reference="z")
    with pytest.raises(MetricError, match="score 'speed' has no metric"):
        collect(records, METRICS, "speed")
