r"""Scores of forecasts on the sphere and of ensembles, case by case.

With weights $w$ of the grid cells, mean 1, proportional to the cosine of the latitude, and
$\langle\cdot\rangle_w$ the weighted mean over times and space:

| name | per case |
|---|---|
| `mse_weighted` | $\frac1M \sum_m \langle (x_m - y)^2 \rangle_w$, the error of one draw |
| `mse_mean_weighted` | $\langle (\bar x - y)^2 \rangle_w$, of the mean of M > 1 samples |
| `spread` | $\frac{M + 1}{M} \langle s^2 \rangle_w$, $s^2$ the unbiased variance of M > 1 samples |
| `anomaly_correlation` | see :func:`anomaly_correlation` |

Tables show the root of the mean over cases of the first (RMSE), and the spread-skill ratio, the
root of the ratio of the means of `spread` and of the squared error of the mean: 1 for an ensemble
whose spread says how wrong it is (Fortin et al. 2014, doi 10.1175/JHM-D-14-0008.1). Without
latitudes all weights are 1.
"""

from __future__ import annotations

import numpy as np

from wdno.evaluation.metric import Metric
from wdno.evaluation.scores.pointwise import Float

MSE_WEIGHTED = Metric("mse_weighted", "MSE, weighted", "field^2")
MSE_MEAN_WEIGHTED = Metric("mse_mean_weighted", "MSE of the mean, weighted", "field^2")
SPREAD = Metric("spread", "Spread²", "field^2", better="neither")
ANOMALY_CORRELATION = Metric(
    "anomaly_correlation",
    "Anomaly corr.",
    "1",
    better="higher",
    note="Anomaly corr.: correlation in space of predicted and true departures from the hourly "
    "mean of the training period, mean over times and cases; higher is better.",
)


def latitude_weights(latitude: Float) -> Float:
    """Weights of the rows of a latitude-longitude grid, ``[Y]``, mean 1.

    Args:
        latitude: degrees north, ``[Y]``.

    Raises:
        ValueError: a latitude is beyond a pole, or all are at one.
    """
    if np.abs(latitude).max() > 90.0:
        raise ValueError(f"latitudes must be within -90..90 degrees, got {latitude}")
    area: Float = np.cos(np.deg2rad(latitude))
    if area.sum() < 1e-9:
        raise ValueError("latitudes: all are at a pole, where cells have no area")
    weights: Float = area / area.mean()
    return weights


def mse_weighted(y: Float, x: Float, weights: Float) -> Float:
    """Weighted squared error of one draw, ``[N]``, of truth ``[N, F, T, *S]``.

    Args:
        y: truth, ``[N, F, T, *S]``.
        x: samples, ``[N, M, F, T, *S]``.
        weights: ``[*S]``, mean 1.
    """
    error: Float = ((x - y[:, None]) ** 2 * weights).mean(axis=tuple(range(1, x.ndim)))
    return error


def mse_mean_weighted(y: Float, x: Float, weights: Float) -> Float:
    """Weighted squared error of the mean of the samples, ``[N]``; as :func:`mse_weighted`."""
    return mse_weighted(y, x.mean(axis=1, keepdims=True), weights)


def spread(x: Float, weights: Float) -> Float:
    """Weighted variance of M > 1 samples ``[N, M, F, T, *S]``, times (M + 1) / M, ``[N]``."""
    members = x.shape[1]
    variance = x.var(axis=1, ddof=1) * weights
    result: Float = (members + 1) / members * variance.mean(axis=tuple(range(1, variance.ndim)))
    return result


def anomaly_correlation(y: Float, x: Float, weights: Float, climatology: Float) -> Float:
    r"""Correlation in space of predicted and true departures from the climatology, ``[N]``.

    $$ \frac{\langle (x - c)(y - c) \rangle_w}
            {\sqrt{\langle (x - c)^2 \rangle_w \langle (y - c)^2 \rangle_w}} $$

    over space, the mean over fields, times and samples (uncentred, as in WeatherBench 2, arXiv
    2308.15560). NaN where the prediction is the climatology itself.

    Args:
        y: truth, ``[N, F, T, *S]``.
        x: samples, ``[N, M, F, T, *S]``.
        weights: ``[*S]``, mean 1.
        climatology: ``[N, F, T, *S]``.
    """
    space = tuple(range(4, x.ndim))
    true, predicted = (y - climatology)[:, None], x - climatology[:, None]
    covariance = (true * predicted * weights).mean(axis=space)
    product = (true**2 * weights).mean(axis=space) * (predicted**2 * weights).mean(axis=space)
    ratio = np.divide(
        covariance, np.sqrt(product), out=np.full_like(covariance, np.nan), where=product > 0
    )
    mean: Float = ratio.mean(axis=(1, 2, 3))
    return mean
