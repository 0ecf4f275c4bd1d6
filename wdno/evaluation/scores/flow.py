r"""Errors that only a flow has: of the mass in the domain, and of the divergence of the velocity.

With truth $y$ and samples $x_1, \dots, x_M$ of one case, density $d$, velocity $u$:

| name | per case |
|---|---|
| `mass_error` | $\frac1M \sum_m \langle \lvert m(x_m) - m(y) \rvert \rangle_t / \max_t \lvert m(y) \rvert$, $m$ the mean of $d$ over space |
| `divergence` | $\frac1M \sum_m \lVert \nabla \cdot u(x_m) \rVert / \lVert \nabla u(y) \rVert$ |
| `divergence_error` | $\frac1M \sum_m \lVert \nabla \cdot (u(x_m) - u(y)) \rVert / \lVert \nabla u(y) \rVert$ |
| `divergence_truth` | $\lVert \nabla \cdot u(y) \rVert / \lVert \nabla u(y) \rVert$ |

with root mean squares over times and cells, and central differences of stored values at cells whose
neighbours are all inside. The divergence of a stored velocity is not zero, even where its solver's
is: cells are averages, differences are over two of them. So the truth's stands beside, and a
prediction below it is smoother than the truth, not better; the divergence of the error is zero for
the truth alone. Where no cell has its neighbours inside, they are NaN.
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wdno.evaluation.metric import Metric
from wdno.evaluation.scores.pointwise import Float

MASS_ERROR = Metric(
    "mass_error",
    "Mass error",
    "relative",
    note="Mass error: mean over times of the error of the mass in the domain, over the largest "
    "mass of the trajectory. Learned methods alone are marked; repeating the given frame can "
    "be lower still.",
)
DIVERGENCE_ERROR = Metric(
    "divergence_error",
    "Divergence of the error",
    "relative",
    note="Divergence of the error: that of prediction less truth; zero for the truth alone.",
)
DIVERGENCE = Metric(
    "divergence",
    "Divergence",
    "relative",
    better="neither",
    note="Divergence: root mean square over that of the true velocity's gradient, by central "
    "differences of stored values, at cells whose neighbours are fluid and not controlled. The "
    "truth's is not zero, since stored values are averages: below it a prediction is smoother.",
)
DIVERGENCE_TRUTH = Metric("divergence_truth", "Divergence, truth", "relative", better="neither")


@dataclass(frozen=True)
class FlowMeasure:
    """What a data file says of its flow.

    Attributes:
        density: number of the field whose integral over space is a mass; None: there is none.
        velocity: numbers of the components of a divergence-free velocity, along each spatial axis
            in their order; empty: there is none.
        spacing: distance of neighbouring cells along each spatial axis.
        inside: cells at which the velocity is measured with their neighbours, `[*S]`; None: all.
    """

    density: int | None = None
    velocity: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    inside: NDArray[np.bool_] | None = None

    def errors(self, y: Float, x: Float) -> dict[str, Float]:
        """Return the metrics that apply, each `[N]`.

        Args:
            y: truth, `[N, F, T, *S]`.
            x: prediction, `[N, M, F, T, *S]`.
        """
        found: dict[str, Float] = {}
        if self.density is not None:
            true = y[:, None, self.density].mean(axis=tuple(range(3, y.ndim)))
            predicted = x[:, :, self.density].mean(axis=tuple(range(3, y.ndim)))
            error = np.abs(predicted - true).mean(axis=(1, 2))
            found["mass_error"] = _ratio(error, np.abs(true).max(axis=(1, 2)))
        if self.velocity:
            gradient = np.sqrt(self._gradient_square(y[:, None]))[:, 0]
            true = self._divergence_rms(y[:, None])[:, 0]
            found["divergence"] = _ratio(self._divergence_rms(x).mean(axis=1), gradient)
            off = self._divergence_rms(x - y[:, None]).mean(axis=1)
            found["divergence_error"] = _ratio(off, gradient)
            found["divergence_truth"] = _ratio(true, gradient)
        return found

    def _divergence_rms(self, x: Float) -> Float:
        """Root mean square of the divergence of each sample, `[N, M]`."""
        total = sum(
            self._difference(x[:, :, field], axis) for axis, field in enumerate(self.velocity)
        )
        rms: Float = np.sqrt(_mean_square(np.asarray(total)))
        return rms

    def _gradient_square(self, x: Float) -> Float:
        """Mean square of the velocity gradient of each sample, `[N, M]`."""
        square: Float = np.zeros(x.shape[:2])
        for field in self.velocity:
            for axis in range(len(self.velocity)):
                square += _mean_square(self._difference(x[:, :, field], axis))
        return square

    def _difference(self, x: Float, axis: int) -> Float:
        """Central differences of `[N, M, T, *S]` at the K cells with inside neighbours."""
        space = x.ndim - 3
        whole = np.ones(x.shape[3:], dtype=bool) if self.inside is None else self.inside
        centre = (slice(1, -1),) * space
        usable = whole[centre].copy()
        low_high = []
        for other in range(space):
            pair = [tuple(s if i == other else slice(1, -1) for i in range(space)) for s in _SIDES]
            usable &= whole[pair[0]] & whole[pair[1]]
            if other == axis:
                low_high = pair
        low, high = (x[(..., *side)][..., usable] for side in low_high)
        difference: Float = (high - low) / (2 * self.spacing[axis])
        return difference


_SIDES = (slice(None, -2), slice(2, None))


def _mean_square(values: Float) -> Float:
    """Mean square over times and cells, `[N, M]` of `[N, M, T, K]`; NaN where there are none."""
    if not values.shape[3]:
        return np.full(values.shape[:2], np.nan)
    square: Float = (values**2).mean(axis=(2, 3))
    return square


def _ratio(error: Float, scale: Float) -> Float:
    ratio: Float = np.divide(error, scale, out=np.full_like(error, np.nan), where=scale > 0)
    return ratio
