r"""Errors of predictions cell by cell, case by case.

With truth $y$ and samples $x_1, \dots, x_M$ of one case, both over fields, times and space (frames
that were given to the model never enter), and $\langle\cdot\rangle$ the mean over those cells:

| name | per case |
|---|---|
| `mse` | $\frac1M \sum_m \langle (x_m - y)^2 \rangle$, the error of one draw |
| `mse_mean` | $\langle (\bar x - y)^2 \rangle$, $\bar x$ the mean of the $M > 1$ samples |
| `relative_l2` | $\frac1M \sum_m \lVert x_m - y \rVert_2 / \lVert y \rVert_2$ |
| `mae` | $\frac1M \sum_m \langle \lvert x_m - y \rvert \rangle$ |
| `max_error` | $\frac1M \sum_m \max \lvert x_m - y \rvert$ |
| `crps` | continuous ranked probability score, see :func:`crps`; `mae` of deterministic ones |
| `*_normalised` | `mse`, `mae`, `max_error` of fields in units of their spread in training |

Other modules here have further ones: of ensembles and forecasts on the sphere (:mod:`.forecast`),
of flows (:mod:`.flow`), of energy spectra (:mod:`.spectrum`).

The conditional mean has the lowest `mse` of all predictions, half that of a perfect sample of the
conditional distribution: `mse` alone rewards blur. `crps` and the error of the spectrum do not.

Arrays are NumPy arrays or torch tensors; all sums are in float64. A case whose prediction is not
finite scores NaN (or infinity).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wdno.evaluation.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor

    Array: TypeAlias = NDArray[np.floating] | Tensor

Float: TypeAlias = NDArray[np.float64]

MSE = Metric(
    "mse",
    "MSE",
    "field^2",
    note="MSE: mean squared error of one draw, over all fields, times and space but for what is "
    "given.",
)
MSE_MEAN = Metric(
    "mse_mean",
    "MSE of the mean",
    "field^2",
    note="MSE of the mean: of the mean of the samples, where there are several.",
)
RELATIVE_L2 = Metric(
    "relative_l2",
    "Rel. L2",
    "relative",
    note="Rel. L2: norm of the error over norm of the truth.",
)
MAE = Metric("mae", "MAE", "field", note="MAE: mean absolute error.")
MAX_ERROR = Metric(
    "max_error",
    "Max. error",
    "field",
    note="Max. error: largest absolute error of a trajectory.",
)
CRPS = Metric(
    "crps",
    "CRPS",
    "field",
    rivals="all",
    note="CRPS: continuous ranked probability score, fair estimate from several samples, in the "
    "unit of MAE. That of a deterministic method is its MAE, so all methods compete; a method "
    "that samples has none from a single sample.",
)

IN_SPREADS = (
    "Normalised: each field divided by its standard deviation in training, so that none dominates; "
    "the other errors are in physical units, over all fields together."
)
MSE_NORMALISED = Metric("mse_normalised", "MSE, normalised", "1", note=IN_SPREADS)
MAE_NORMALISED = Metric("mae_normalised", "MAE, normalised", "1", note=IN_SPREADS)
MAX_ERROR_NORMALISED = Metric(
    "max_error_normalised", "Max. error, normalised", "1", note=IN_SPREADS
)


def float64(values: Array) -> Float:
    """Copy an array or tensor, of any device, to a NumPy array of float64."""
    tensor = getattr(values, "detach", None)
    return np.asarray(tensor().cpu() if tensor else values, dtype=np.float64)


def check_shapes(truth: Array, prediction: Array) -> None:
    """Check that truth is `[N, F, T, *S]` and prediction `[N, M, F, T, *S]` of the same cases.

    Raises:
        ValueError: they are not, or one is empty.
    """
    expected, got = tuple(truth.shape), tuple(prediction.shape)
    if len(expected) < 4 or len(got) != len(expected) + 1:
        raise ValueError(
            "metrics: expected truth [cases, fields, time, *space] and prediction [cases, samples, "
            f"fields, time, *space], got shapes {expected} and {got}"
        )
    if (got[0], *got[2:]) != expected:
        raise ValueError(
            f"metrics: truth has shape {expected}, prediction {got}: they differ in more than the "
            "samples (axis 1 of the prediction); predict the same cases on the same grid"
        )
    if 0 in got:
        raise ValueError(f"metrics: prediction of shape {got} is empty")


def _pair(truth: Array, prediction: Array) -> tuple[Float, Float]:
    """Check shapes; return float64 truth `[N, 1, F, T, *S]` and prediction `[N, M, F, T, *S]`."""
    check_shapes(truth, prediction)
    return float64(truth)[:, None], float64(prediction)


def _cells(values: Float) -> tuple[int, ...]:
    return tuple(range(2, values.ndim))


def mse(truth: Array, prediction: Array) -> Float:
    """Mean squared error of one draw: the mean over samples of each sample's error.

    Args:
        truth: `[N, F, T, *S]`, without the given frames.
        prediction: `[N, M, F, T, *S]`, M samples of each case.

    Returns:
        `[N]`, in squared units of the fields.

    Raises:
        ValueError: the shapes do not fit.
    """
    error: Float = mse_over_time(truth, prediction).mean(axis=1)
    return error


def mse_over_time(truth: Array, prediction: Array) -> Float:
    """Mean squared error of one draw at each time, `[N, T]`; arguments as for :func:`mse`."""
    y, x = _pair(truth, prediction)
    error: Float = ((x - y) ** 2).mean(axis=(1, 2, *range(4, x.ndim)))
    return error


def mse_mean(truth: Array, prediction: Array) -> Float:
    """Mean squared error of the mean of the M samples, `[N]`; arguments as for :func:`mse`.

    Raises:
        ValueError: there is one sample only.
    """
    y, x = _several(truth, prediction, "mse_mean")
    mean = x.mean(axis=1, keepdims=True)
    error: Float = ((mean - y) ** 2).mean(axis=(1, *_cells(x)))
    return error


def relative_l2(truth: Array, prediction: Array) -> Float:
    """Relative L2 error of one draw, `[N]`; NaN where the truth is zero throughout.

    Over all fields together, so a field of large values dominates; arguments as for :func:`mse`.
    """
    y, x = _pair(truth, prediction)
    norm = np.sqrt((y**2).sum(axis=_cells(y)))[:, 0]
    error = np.sqrt(((x - y) ** 2).sum(axis=_cells(x))).mean(axis=1)
    relative: Float = np.divide(error, norm, out=np.full_like(error, np.nan), where=norm > 0)
    return relative


def mae(truth: Array, prediction: Array) -> Float:
    """Mean absolute error of one draw, `[N]`; arguments as for :func:`mse`."""
    y, x = _pair(truth, prediction)
    error: Float = np.abs(x - y).mean(axis=(1, *_cells(x)))
    return error


def max_error(truth: Array, prediction: Array) -> Float:
    """Largest absolute error of one draw (L-infinity), `[N]`; arguments as for :func:`mse`."""
    y, x = _pair(truth, prediction)
    error: Float = np.abs(x - y).max(axis=_cells(x)).mean(axis=1)
    return error


def crps(truth: Array, prediction: Array) -> Float:
    r"""Continuous ranked probability score, its fair (unbiased) estimate; lower is better.

    $$ \mathrm{CRPS} = \frac1M \sum_i |x_i - y| - \frac{1}{2 M (M - 1)} \sum_{i, j} |x_i - x_j| $$

    at each cell, then the mean over cells (Zamo and Naveau 2018, doi 10.1007/s11004-017-9709-7).
    Its expectation does not depend on M: it is the score of the distribution that was sampled. A
    single estimate can be negative. From sorted samples
    $\sum_{i<j} |x_i - x_j| = \sum_i (2 i - M - 1)\, x_{(i)}$, which costs O(M log M).

    The CRPS of a deterministic prediction is its `mae`, with which it shares its unit.

    Args:
        truth: `[N, F, T, *S]`.
        prediction: `[N, M, F, T, *S]`, M > 1.

    Returns:
        `[N]`, in units of the fields.

    Raises:
        ValueError: there is one sample only, or the shapes do not fit.
    """
    y, x = _several(truth, prediction, "crps")
    samples = x.shape[1]
    # Differences to the truth keep their digits where both are large (a temperature in kelvin).
    deviation = np.sort(x - y, axis=1)
    rank = 2.0 * np.arange(1, samples + 1) - samples - 1.0
    pairs = np.tensordot(deviation, rank, axes=(1, 0))
    cells = np.abs(deviation).mean(axis=1) - pairs / (samples * (samples - 1))
    score: Float = cells.mean(axis=tuple(range(1, cells.ndim)))
    return score


def _several(truth: Array, prediction: Array, name: str) -> tuple[Float, Float]:
    y, x = _pair(truth, prediction)
    if x.shape[1] < 2:
        raise ValueError(f"{name}: expected at least 2 samples of each case, got {x.shape[1]}")
    return y, x
