"""Names for readers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

SAMPLERS = {"ddim": "DDIM", "ddpm": "DDPM", "dpmpp_2m": "DPM-Solver++(2M)"}

METRIC_LABELS = {
    "mse": "MSE",
    "mse_mean": "MSE of the mean",
    "relative_l2": "Rel. L2",
    "mae": "MAE",
    "max_error": "Max. error",
    "mse_normalised": "MSE, normalised",
    "mae_normalised": "MAE, normalised",
    "max_error_normalised": "Max. error, normalised",
    "crps": "CRPS",
    "spread": "Spread²",
    "mse_weighted": "MSE, weighted",
    "mse_mean_weighted": "MSE of the mean, weighted",
    "anomaly_correlation": "Anomaly corr.",
    "spectrum_error": "Spectrum error",
    "mse_with_series": "MSE with series",
    "mass_error": "Mass error",
    "divergence_error": "Divergence of the error",
    "divergence": "Divergence",
    "divergence_truth": "Divergence, truth",
}
"""Names of the metrics, :data:`wdno.evaluation.scores.pointwise.METRICS`."""


def sampler_label(sampler: Mapping[str, Any] | None, samples: int = 1) -> str:
    """Write a sampler as `DDIM 10, eta 0`, with `, 8 samples` where there are several.

    Args:
        sampler: `name`, and where they apply `steps`, `eta` (DDIM's is 0 if it is not given) and
            `spacing`; None: nothing is drawn.
        samples: samples of each case.
    """
    several = [f"{samples} samples"] if samples > 1 else []
    if sampler is None:
        return ", ".join(several) or "–"
    name, steps, eta = (sampler.get(item) for item in ("name", "steps", "eta"))
    parts = [" ".join(str(part) for part in (SAMPLERS.get(str(name), name), steps) if part)]
    if eta is None or math.isnan(eta):
        eta = 0.0 if name == "ddim" else None
    if eta is not None:
        parts.append(f"eta {eta:g}")
    if (spacing := sampler.get("spacing")) not in (None, "uniform"):
        parts.append(f"{spacing} steps")
    return ", ".join(parts + several)
