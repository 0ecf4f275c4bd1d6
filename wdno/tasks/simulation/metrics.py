"""What the scores of simulation mean, in the order of its files and tables."""

from __future__ import annotations

from wdno.evaluation.metric import Metric, Metrics
from wdno.evaluation.scores.flow import (
    DIVERGENCE,
    DIVERGENCE_ERROR,
    DIVERGENCE_TRUTH,
    MASS_ERROR,
)
from wdno.evaluation.scores.forecast import (
    ANOMALY_CORRELATION,
    MSE_MEAN_WEIGHTED,
    MSE_WEIGHTED,
    SPREAD,
)
from wdno.evaluation.scores.pointwise import (
    CRPS,
    MAE,
    MAE_NORMALISED,
    MAX_ERROR,
    MAX_ERROR_NORMALISED,
    MSE,
    MSE_MEAN,
    MSE_NORMALISED,
    RELATIVE_L2,
)
from wdno.evaluation.scores.spectrum import SPECTRUM_ERROR
from wdno.evaluation.scores.steepness import MSE_STEEPEST
from wdno.tasks.simulation.reconstruction import RECONSTRUCTION

MSE_WITH_SERIES = Metric(
    "mse_with_series",
    "MSE with series",
    "field^2",
    note="MSE with series: mean of the MSE of the fields of time and space and of the series of "
    "time alone, each counted as one field.",
)

METRICS = Metrics(
    (
        *(MSE, MSE_MEAN, RELATIVE_L2, MAE, MAX_ERROR),
        *(MSE_NORMALISED, MAE_NORMALISED, MAX_ERROR_NORMALISED),
        *(CRPS, SPREAD, MSE_WEIGHTED, MSE_MEAN_WEIGHTED, ANOMALY_CORRELATION),
        *(SPECTRUM_ERROR, MSE_STEEPEST, RECONSTRUCTION, MSE_WITH_SERIES),
        *(MASS_ERROR, DIVERGENCE_ERROR, DIVERGENCE, DIVERGENCE_TRUTH),
    )
)

COMPARED = MSE.name
"""The score that ratios between methods are made of."""
