"""What the scores of super-resolution mean, in the order of its files and tables."""

from __future__ import annotations

from wdno.evaluation.metric import Metrics
from wdno.evaluation.scores import levels, residual
from wdno.evaluation.scores.pointwise import MSE

METRICS = Metrics((*levels.METRICS, *residual.METRICS))

COMPARED = MSE.name
"""The score that ratios between methods are made of: that on the finest grid."""
