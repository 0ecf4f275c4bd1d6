"""Images of fields and of their errors: colour scales, and what is drawn and written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from numpy.typing import ArrayLike, NDArray

from wdno.text_tables import number

Values = NDArray[np.float64]

DECADES = 3.0
"""Range of the logarithmic colour scale of errors."""


def scale_of_field(truth: Values, light: bool = False) -> dict[str, Any]:
    """Colour map and scale that span the truth; diverging around 0 where its sign changes.

    Values of the other sign that are below 2 % of the largest are taken as noise of a solver.

    Args:
        truth: the values.
        light: whether low values are to be light, so that obstacles can be dark.
    """
    low, high = float(truth.min()), float(truth.max())
    limit = max(-low, high)
    if min(-low, high) > 0.02 * limit:
        return {"cmap": "RdBu_r", "norm": Normalize(-limit, limit)}
    return {
        "cmap": "BuPu" if light else "viridis",
        "norm": Normalize(low, high if high > low else low + 1.0),
    }


def scale_of_errors(errors: Sequence[Values], span: float, scale: str) -> Normalize:
    """Scale from the largest error, or the truth's range `span` if that is less, downward."""
    finite = [error[np.isfinite(error)] for error in errors]
    largest = max((float(error.max()) for error in finite if error.size), default=0.0)
    high = min(largest, span) if span > 0 else largest
    high = high if high > 0 else 1.0
    return LogNorm(high * 10.0**-DECADES, high) if scale == "log" else Normalize(0.0, high)


def beyond(values: Sequence[Values], norm: Normalize) -> str:
    """Tell at which ends of a scale values go beyond it: `neither`, `min`, `max` or `both`."""
    finite = np.concatenate([item[np.isfinite(item)] for item in values])
    below, above = bool((finite < norm.vmin).any()), bool((finite > norm.vmax).any())
    return {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]


def visible(error: Values, norm: Normalize) -> Values:
    """Raise errors to a logarithmic scale, which has no colour for zero; grey is not finite."""
    return np.maximum(error, 0.5 * float(norm.vmin or 0.0))


def mse_text(error: Values) -> str:
    """Write the mean square of an error."""
    mse = float((error**2).mean())
    return f"MSE {number(mse, 2)}" if np.isfinite(mse) else "not finite"


def image(axis: Axes, x: ArrayLike, y: ArrayLike, values: Values, **options: Any) -> Any:
    """Draw values `[ny, nx]` at the centres `y` and `x` of cells; grey where not finite."""
    axis.set_facecolor("0.75")
    shown = np.ma.masked_invalid(values)
    options |= {"shading": "nearest", "rasterized": True}
    return axis.pcolormesh(x, y, shown, **options)
