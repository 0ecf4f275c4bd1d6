"""What readers see of the table of simulation: for each system its errors and costs."""

from __future__ import annotations

from collections.abc import Callable

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
from wdno.evaluation.tables.columns import Columns, View
from wdno.evaluation.tables.panels import cost_panel, error_panel, item_panel, score_panel
from wdno.tasks.simulation.metrics import MSE_WITH_SERIES
from wdno.tasks.simulation.reconstruction import RECONSTRUCTION
from wdno.text_tables import Panel

OVER_TIME = {
    "mse_first_frame": "MSE, first frame",
    "mse_last_frame": "MSE, last frame",
    "mse_growth_per_frame": "Growth per frame",
}
PAPER = "Paper, full size"
MAIN = (MSE, MSE_WITH_SERIES)
MAIN_FURTHER = (SPECTRUM_ERROR, CRPS)
FORECAST = (RELATIVE_L2, ANOMALY_CORRELATION, CRPS)
FURTHER = (MSE_MEAN, MSE_STEEPEST, RELATIVE_L2, MAE, MAX_ERROR)
NORMALISED = (MSE_NORMALISED, MAE_NORMALISED, MAX_ERROR_NORMALISED)
FLOW = (MASS_ERROR, DIVERGENCE_ERROR, DIVERGENCE, DIVERGENCE_TRUTH)
UNSHOWN = (SPREAD, MSE_WEIGHTED, MSE_MEAN_WEIGHTED, RECONSTRUCTION)
"""Scores that readers see otherwise, as a root or as a ratio, or in studies alone."""
PLACED = {
    metric.name
    for metrics in (MAIN, MAIN_FURTHER, FORECAST, FURTHER, NORMALISED, FLOW, UNSHOWN)
    for metric in metrics
}
"""Scores that have their place; all others are among the further errors."""


def panels(view: View) -> list[Panel]:
    """Return the panels of one system.

    The main errors, further errors, and design and costs; of several fields also the errors of
    each, of forecasts on the sphere their usual scores, of flows mass and divergence.

    Args:
        view: rows of one system.
    """
    makers: tuple[Callable[[View], Panel | None], ...] = (
        _main_panel,
        _forecast_panel,
        _further_panel,
        lambda view: item_panel(view, (MSE.name, MAE.name, MAX_ERROR.name)),
        _flow_panel,
        cost_panel,
    )
    return [panel for make in makers if (panel := make(view)) is not None]


def _main_panel(view: View) -> Panel:
    notes = [
        "A sampler with fewer steps, and the mean of several samples, come nearer to the "
        "conditional mean, which has half the MSE of a perfect sample: they lower the MSE without "
        "a better model. CRPS and spectrum error do not reward that; read them beside the MSE.",
    ]
    forecast = view.has(ANOMALY_CORRELATION.name)
    if not view.rows["learned"].all():
        notes.append("Persistence repeats the last given frame.")
    if forecast:
        notes.append(
            "Hourly mean: of each hour of the day in training. Persisted anomaly: the last given "
            "frame's departure from the hourly mean, added to it."
        )
    beside = {}
    if view.has("published_mse"):
        beside[PAPER] = [view.number(value) for value in view.rows["published_mse"]]
        notes.append(
            f"{PAPER}: MSE in arXiv 2412.04833, Table 1, at the paper's full grid, training set "
            "and network size, of its own data; for orientation. Diffusion: DDIM with eta 1, 50 "
            "steps in 1D, 100 in 2D, 850 for compressible flow."
        )
        if view.has(DIVERGENCE.name):
            notes.append("The paper's FNO and U-Net of this flow are autoregressive.")
        if forecast:
            notes.append(
                "The paper names neither variable nor level, region or years of its forecasts: its "
                "values are no comparison with another choice of them."
            )
    return error_panel(
        view,
        [metric.name for metric in MAIN],
        beside=beside,
        further=[metric.name for metric in MAIN_FURTHER],
        notes=notes,
    )


def _forecast_panel(view: View) -> Panel | None:
    """Scores of forecasts on the sphere; None where there are no latitudes."""
    if not view.has("root_mse_weighted"):
        return None
    columns = Columns(view)
    columns.measured(MSE_WEIGHTED, "root_mse_weighted", "RMSE")
    columns.note(
        "RMSE: root of the mean squared error of one draw, weighted by the cosine of the latitude, "
        "in the units of the field."
    )
    for metric in FORECAST:
        columns.score(metric.name)
    if view.has("spread_skill"):
        columns.numbers("Spread / skill", "spread_skill")
        columns.note(
            "Spread / skill: of several samples, root of their mean variance (times (M + 1) / M) "
            "over the RMSE of their mean; 1 where the spread says how wrong they are, below 1 "
            "where they are too sure."
        )
    return columns.panel("scores", "forecast scores")


def _further_panel(view: View) -> Panel:
    columns = Columns(view)
    for metric in FURTHER:
        columns.score(metric.name)
    for metric in (MAE, MAX_ERROR):
        if view.has(f"published_{metric.name}"):
            columns.numbers(f"{metric.label}, paper", f"published_{metric.name}")
    for column, label in OVER_TIME.items():
        columns.numbers(label, column)
    columns.note(
        "First and last frame: MSE of the first and the last generated frame, normalised where "
        "there are several fields; growth per frame: their ratio to the power 1 / (frames - 1), "
        "above 1 where errors grow."
    )
    for metric in NORMALISED:
        columns.score(metric.name)
    for name in view.metrics:
        if name not in PLACED:
            columns.score(name)
    return columns.panel("further", "further errors")


def _flow_panel(view: View) -> Panel | None:
    """Errors of mass and divergence; None where the data do not say what these are."""
    heading = "mass and divergence" if view.has(DIVERGENCE.name) else "mass"
    return score_panel(view, [metric.name for metric in FLOW], "flow", heading)
