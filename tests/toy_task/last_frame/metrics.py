"""What the scores of the task mean."""

from __future__ import annotations

from wdno.evaluation.metric import Metric, Metrics

COMPARED = "last_mse"

METRICS = Metrics(
    [
        Metric("last_mse", label="MSE at the end", scale="field^2"),
        Metric("last_worst", label="Worst point", scale="field", note="Of all points of the end."),
    ]
)
