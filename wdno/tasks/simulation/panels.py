"""What readers see of the table of simulation results: for each system its errors and costs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from wdno.evaluation.bootstrap import FEWEST_BLOCKS
from wdno.evaluation.scores.pointwise import NORMALISED
from wdno.evaluation.tables.labels import METRIC_LABELS
from wdno.evaluation.tables.text import MISSING, Panel, count, number, with_spread, write_table

FIRST = ("spectrum_error", "crps")
FURTHER = ("mse_mean", "relative_l2", "mae", "max_error")
BY_FIELD = ("mse", "mae", "max_error")
FLOW = ("mass_error", "divergence_error", "divergence", "divergence_truth")
OVER_TIME = {
    "mse_first_frame": "MSE, first frame",
    "mse_last_frame": "MSE, last frame",
    "mse_growth_per_frame": "Factor a frame",
}
FORECAST = ("relative_l2", "anomaly_correlation", "crps")
HIGHEST = frozenset({"anomaly_correlation"})
"""Metrics that are better the higher they are."""
WORDS = frozenset({"Sampler", "Representation", "Network", "Objective", "Device"})
VERSUS = "vs."
PAPER = "Paper, full size"


def write_simulation_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write the table as `{path}.csv`, `.md`, `.tex` and `.html`.

    The CSV file has every column at full precision. The others have three panels for each system:
    the main errors, further errors, and design and costs; of several fields also the errors of
    each, and of forecasts on the sphere their usual scores. The best of the learned methods are in
    bold.

    Args:
        table: rows of :func:`wdno.tasks.simulation.table.simulation_table`.
        path: without suffix.
    """
    panels = []
    makers = (_main_panel, _forecast_panel, _further_panel, _field_panel, _flow_panel, _cost_panel)
    for _, rows in table.groupby("system", sort=False):
        rows = rows.reset_index(drop=True)
        made = [make(rows["title"].iloc[0], rows) for make in makers]
        panels += [panel for panel in made if panel is not None]
    runs = ", ".join(dict.fromkeys(table["run"]))
    write_table(path, f"Simulation, run {runs}", table, panels)


def _main_panel(title: str, rows: pd.DataFrame) -> Panel:
    cells, bold = _identity(rows), set()
    cells["Seeds"] = rows["seeds"].map(count)
    bold |= _add_errors(cells, rows, "mse")
    bold |= _add_errors(cells, rows, "mse_with_series")
    if rows["mse_ratio"].notna().any():
        columns = ("method", "mse_ratio", "mse_ratio_low", "mse_ratio_high")
        cells[_ratio_column(rows)] = [
            "1" if method == rows["reference"].iloc[0] else _interval(*ratio)
            for method, *ratio in zip(*(rows[name] for name in columns), strict=True)
        ]
    if rows["baseline_ratio"].notna().any():
        columns = ("method", "baseline_ratio", "baseline_ratio_low", "baseline_ratio_high")
        cells[_ratio_column(rows, "baseline")] = [
            "1" if method == rows["baseline"].iloc[0] else _interval(*ratio)
            for method, *ratio in zip(*(rows[name] for name in columns), strict=True)
        ]
    for method, label in zip(rows["method"], rows["label"], strict=True):
        times = rows.get(f"times_better_than_{method}")
        if times is not None and times.notna().any():
            cells[f"{VERSUS} {label.lower()}"] = [
                MISSING if math.isnan(x) else f"{number(x)}×" for x in times
            ]
    if rows["published_mse"].notna().any():
        cells[PAPER] = rows["published_mse"].map(number)
    for name in FIRST:
        bold |= _add_errors(cells, rows, name)
    cells["Seconds"] = rows["seconds_per_trajectory"].map(number)
    cells["Parameters"] = rows["parameters"].map(count)
    cases, grid = rows["cases"].iloc[0], rows["grid"].iloc[0]
    blocks = rows["blocks"].iloc[0]
    overlap = f", {blocks} windows' lengths of time," if blocks < cases else ""
    heading = f"{title}: errors on {cases} test cases{overlap} of {grid} (time x space)"
    notes = _main_notes(cells, rows)
    return Panel(f"{title} errors", heading, cells, notes, frozenset(bold), WORDS)


def _forecast_panel(title: str, rows: pd.DataFrame) -> Panel | None:
    """Scores of forecasts on the sphere; None where there are no latitudes."""
    if rows["root_mse_weighted"].isna().all():
        return None
    cells, bold = _identity(rows), set()
    pairs = zip(rows["root_mse_weighted"], rows["root_mse_weighted_sd"], strict=True)
    cells["RMSE"] = [with_spread(mean, sd) for mean, sd in pairs]
    bold |= {(row, "RMSE") for row in _best(rows["root_mse_weighted"].where(rows["learned"]))}
    for name in FORECAST:
        bold |= _add_errors(cells, rows, name)
    if rows["spread_skill"].notna().any():
        cells["Spread / skill"] = rows["spread_skill"].map(number)
    notes = [
        "RMSE: root of the mean squared error of one draw, weighted by the cosine of the latitude, "
        "in the units of the field.",
        "Anomaly corr.: correlation in space of predicted and true departures from the hourly mean "
        "of the training period, mean over times and cases; higher is better.",
        "Spread / skill: of several samples, root of their mean variance (times (M + 1) / M) over "
        "the RMSE of their mean; 1 where the spread says how wrong they are, below 1 where they "
        "are too sure.",
    ]
    return Panel(
        f"{title} scores", f"{title}: forecast scores", cells, notes, frozenset(bold), WORDS
    )


def _field_panel(title: str, rows: pd.DataFrame) -> Panel | None:
    """Errors of each field in its own units; None where there is one field."""
    fields = [
        name.removesuffix("_mse")
        for name in rows.columns
        if name.endswith("_mse") and f"{name}_sd" in rows.columns and rows[name].notna().any()
    ]
    if not fields:
        return None
    cells, bold = _identity(rows), set()
    for field in fields:
        for name in BY_FIELD:
            bold |= _add_errors(cells, rows, f"{field}_{name}", f"{field}: {METRIC_LABELS[name]}")
    notes = ["Errors of a field are in its own units, mean over times, space and cases."]
    heading = f"{title}: errors of each field"
    return Panel(f"{title} fields", heading, cells, notes, frozenset(bold), WORDS)


def _flow_panel(title: str, rows: pd.DataFrame) -> Panel | None:
    """Errors of mass and divergence; None where the data do not say what these are."""
    if rows[list(FLOW)].isna().all(axis=None):
        return None
    cells, bold = _identity(rows), set()
    for name in FLOW[:2]:
        bold |= _add_errors(cells, rows, name)
    # A divergence below the truth's is no merit, and the truth's has no best row.
    for name in FLOW[2:]:
        _add_errors(cells, rows, name)
    notes = [
        "Mass error: mean over times of the error of the mass in the domain, over the largest "
        "mass of the trajectory. Bold is the lowest of the learned methods; repeating the given "
        "frame can be lower still.",
        "Divergence: root mean square over that of the true velocity's gradient, by central "
        "differences of stored values, at cells whose neighbours are fluid and not controlled. The "
        "truth's is not zero, since stored values are averages: below it a prediction is smoother. "
        "The divergence of the error, prediction less truth, is zero for the truth alone.",
    ]
    heading = f"{title}: mass and divergence"
    if METRIC_LABELS["divergence"] not in cells:
        notes.pop()
        heading = f"{title}: mass"
    return Panel(f"{title} flow", heading, cells, notes, frozenset(bold), WORDS)


def _further_panel(title: str, rows: pd.DataFrame) -> Panel:
    cells, bold = _identity(rows), set()
    for name in FURTHER:
        bold |= _add_errors(cells, rows, name)
    notes = [
        "Rel. L2: norm of the error over norm of the truth. MAE: mean absolute error. Max. error: "
        "largest absolute error of a trajectory."
    ]
    if METRIC_LABELS["mse_mean"] in cells:
        notes.append("MSE of the mean: of the mean of the samples, where there are several.")
    for name in ("mae", "max_error"):
        if rows[f"published_{name}"].notna().any():
            cells[f"{METRIC_LABELS[name]}, paper"] = rows[f"published_{name}"].map(number)
    for name, label in OVER_TIME.items():
        cells[label] = rows[name].map(number)
    notes.append(
        "First and last frame: MSE of the first and the last generated frame, normalised where "
        "there are several fields; factor a frame: their ratio to the power 1 / (frames - 1), "
        "above 1 where errors grow."
    )
    for name in NORMALISED:
        bold |= _add_errors(cells, rows, name)
    if METRIC_LABELS[NORMALISED[0]] in cells:
        notes.append(
            "Normalised: each field divided by its standard deviation in training, so that none "
            "dominates; the other errors are in physical units, over all fields together."
        )
    heading = f"{title}: further errors"
    return Panel(f"{title} further", heading, cells, notes, frozenset(bold), WORDS)


def _cost_panel(title: str, rows: pd.DataFrame) -> Panel:
    cells = _identity(rows)
    for name in ("representation", "network", "objective"):
        cells[name.capitalize()] = rows[name].fillna(MISSING)
    cells["Parameters"] = rows["parameters"].map(count)
    cells["Training steps"] = rows["training_steps"].map(count)
    cells["Training seconds"] = rows["training_seconds"].map(number)
    cells["Evaluations"] = rows["evaluations"].map(count)
    cells["Seconds"] = rows["seconds_per_trajectory"].map(number)
    cells["Device"] = rows["device"].replace("", MISSING)
    notes = [
        "Representation, network, objective: what the network sees, the network, and how it is "
        "trained; a method is a choice on these three axes and a sampler.",
        "Training steps and seconds are of one training, means over seeds. Evaluations: of the "
        "network for one trajectory. Times are of the device named and whatever else ran on it.",
    ]
    return Panel(f"{title} costs", f"{title}: design and cost", cells, notes, words=WORDS)


def _identity(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"Method": rows["label"], "Sampler": rows["sampler_label"]})


def _add_errors(
    cells: pd.DataFrame, rows: pd.DataFrame, name: str, label: str = ""
) -> set[tuple[int, str]]:
    """Add the column of a metric, unless it has no value; return its cells to set in bold."""
    if rows[name].isna().all() and name != "mse":
        return set()
    label = label or METRIC_LABELS[name]
    pairs = zip(rows[name], rows[f"{name}_sd"], strict=True)
    cells[label] = [with_spread(mean, sd) for mean, sd in pairs]
    values = rows[name].where(rows["learned"])
    return {(row, label) for row in _best(-values if name in HIGHEST else values)}


def _best(values: pd.Series[Any]) -> list[int]:
    """Rows of the lowest value, if there are two to compare."""
    known = values.dropna()
    return list(known.index[known == known.min()]) if len(known) > 1 else []


def _ratio_column(rows: pd.DataFrame, other: str = "reference") -> str:
    label = rows["label"][rows["method"] == rows[other].iloc[0]].iloc[0]
    return f"MSE / {label} [{100 * rows['mse_ratio_level'].iloc[0]:g} %]"


def _interval(estimate: float, low: float, high: float) -> str:
    if math.isnan(estimate):
        return MISSING
    if math.isnan(low):
        return number(estimate)
    return f"{number(estimate)} [{number(low)}, {number(high)}]"


def _main_notes(cells: pd.DataFrame, rows: pd.DataFrame) -> list[str]:
    notes = [
        "MSE: mean squared error. Errors are of one draw, over all fields, times and space but for "
        "the given ones; means over test cases, then mean ± sample standard deviation "
        "over training seeds (no ± for one seed). Bold: lowest among the learned methods, which is "
        "no statement of significance.",
        "Sampler: name and steps; eta 0 is deterministic given the initial noise, 1 as noisy as "
        "ancestral sampling; with several samples of each case, their number. Seconds: for one "
        "trajectory (one sample).",
        "Spectrum error: mean distance of the spatial energy spectra of prediction and truth, in "
        "decades (0.3: a factor of two at every scale).",
        "A sampler with fewer steps, and the mean of several samples, come nearer to the "
        "conditional mean, which has half the MSE of a perfect sample: they lower the MSE without "
        "a better model. CRPS and spectrum error do not reward that; read them beside the MSE.",
    ]
    if METRIC_LABELS["mse_with_series"] in cells:
        notes.append(
            "MSE: of the fields of time and space. With series: mean over these and the series of "
            "time alone, each counted as one field."
        )
    if METRIC_LABELS["crps"] in cells:
        notes.append(
            "CRPS: continuous ranked probability score, fair estimate, where there are several "
            "samples; in the unit of MAE, which it equals for a deterministic method."
        )
    if rows["mse_ratio"].notna().any():
        notes.append(
            f"{_ratio_column(rows)}: ratio of the MSEs and its bootstrap interval, paired over "
            "cases and crossed with seeds; above 1 is worse, an interval that holds 1 shows no "
            "difference. With one seed it covers the choice of test cases only. Cases of a record "
            "that overlap in time are resampled in blocks as long as a window, and fewer than "
            f"{FEWEST_BLOCKS} blocks have no interval."
        )
    if rows["baseline_ratio"].notna().any():
        notes.append(
            f"{_ratio_column(rows, 'baseline')}: the same against the best of the methods without "
            "training. A learned method that is not below 1, its interval with it, is not shown to "
            "know more."
        )
    if any(column.startswith(f"{VERSUS} ") for column in cells):
        notes.append(
            f"{VERSUS} persistence: how many times the MSE is lower than that of repeating the "
            "last given frame. Hourly mean: of each hour of the day in training; persisted "
            "anomaly: the last given frame's departure from it, added to it."
        )
    if PAPER in cells:
        notes.append(
            f"{PAPER}: MSE in arXiv 2412.04833, Table 1, at the paper's full grid, training set "
            "and network size, of its own data; for orientation. Diffusion: DDIM with eta 1, 50 "
            "steps in 1D, 100 in 2D, 850 for compressible flow. Its FNO and U-Net of smoke are "
            "autoregressive. For ERA5 it names neither variable nor level, region or years: no "
            "comparison with another choice of them."
        )
    return notes
