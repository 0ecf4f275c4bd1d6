"""Metrics by name."""

from __future__ import annotations

import pytest

from wdno.evaluation.metric import Metric, MetricError, Metrics
from wdno.tasks.simulation.metrics import COMPARED, METRICS

ONE, OTHER = Metric("a", "A", "1"), Metric("b", "B", "field", better="higher")


def test_metrics_keep_their_order_and_are_found_by_name() -> None:
    metrics = Metrics([OTHER, ONE])
    assert list(metrics) == ["b", "a"]
    assert metrics["a"] is ONE
    assert "a" in metrics and "c" not in metrics
    assert len(metrics) == 2


def test_what_is_missing_or_listed_twice_is_named() -> None:
    with pytest.raises(MetricError, match="'a' is listed twice"):
        Metrics([ONE, OTHER, ONE])
    with pytest.raises(MetricError, match=r"score 'c' has no metric: .* there are: a, b"):
        Metrics([ONE, OTHER]).check(["a", "c"])


def test_metrics_of_simulation_say_which_way_is_better() -> None:
    assert METRICS[COMPARED].label == "MSE"
    assert [name for name, metric in METRICS.items() if metric.better == "higher"] == [
        "anomaly_correlation"
    ]
    assert [name for name, metric in METRICS.items() if metric.better == "neither"] == [
        *("spread", "reconstruction", "divergence", "divergence_truth")
    ]
    assert [name for name, metric in METRICS.items() if metric.rivals == "all"] == ["crps"]
    assert len({metric.label for metric in METRICS.values()}) == len(METRICS)
