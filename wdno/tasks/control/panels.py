"""What readers see of the table of control: for each system J, its terms, and what it took."""

from __future__ import annotations

import math

from wdno.evaluation.tables.columns import Columns, View
from wdno.evaluation.tables.panels import cost_panel, error_panel
from wdno.tasks.control.metrics import (
    AMPLITUDE,
    BETTER,
    CALLS,
    DEVIATION,
    ENERGY,
    GRADIENTS,
    LARGEST,
    LOST,
    MISSED,
    MISSED_SHARE,
    MISSED_TWICE,
    J,
)
from wdno.text_tables import Panel

PAPER = "Paper, full size"
BESIDE = (BETTER, DEVIATION, MISSED, ENERGY)
FURTHER = (MISSED_SHARE, MISSED_TWICE, AMPLITUDE, LARGEST, LOST, CALLS, GRADIENTS)


def panels(view: View) -> list[Panel]:
    """Return the panels of one system.

    J; further scores with calls of the solver; design and costs; and where the paper controls the
    system what it reports beside J.

    Args:
        view: rows of one system.
    """
    found = [_main_panel(view), _further_panel(view), cost_panel(view), _published_panel(view)]
    return [panel for panel in found if panel is not None]


def _main_panel(view: View) -> Panel:
    rows = view.rows
    notes = [
        "Methods that descend along gradients of the true solver know more than the others: with "
        "enough of them they reach the optimum, which the others are measured against."
    ]
    notes += [
        f"{label} failed, and has no scores: {failed}"
        for label, failed in zip(rows["label"], rows["failed"], strict=True)
        if failed
    ]
    beside = {}
    if view.has("published_j"):
        beside[PAPER] = [view.number(value) for value in rows["published_j"]]
        notes.append(
            f"{PAPER}: J in arXiv 2412.04833, Table 2, at the paper's full grid, training set and "
            "network size, of its own test cases; for orientation."
        )
        if view.has(MISSED_TWICE.name):
            notes.append(
                f"Of this system the paper's J is another: compare it with {MISSED_TWICE.label!r} "
                "alone, in the next panel."
            )
    beside = {"J / data": _over_data(view), **beside}
    return error_panel(
        view,
        [J.name],
        beside=beside,
        further=[metric.name for metric in BESIDE],
        notes=notes,
        times_better=False,
        heading="J",
    )


def _over_data(view: View) -> list[str]:
    """J over that of the control that the cases were drawn with, where that is a row."""
    rows = view.rows
    own = rows[J.name][rows["controller"] == "data"]
    ratios = rows[J.name] / (own.iloc[0] if len(own) else math.nan)
    return [view.number(value) for value in ratios]


def _further_panel(view: View) -> Panel:
    columns = Columns(view)
    columns.numbers("J, sd", "j_spread")
    columns.note(
        "J, sd: sample standard deviation of J over the test cases; the mean of N cases is known "
        "to this over the root of N. Differences of methods are known better: they are paired."
    )
    if (view.rows["noise"] > 0).any():
        columns.numbers("Noise", "noise")
        columns.note(
            "Noise: probability that an interval's control is replaced by uniform noise. J and its "
            "terms are those of what was applied."
        )
    for metric in FURTHER:
        columns.score(metric.name)
    if view.has("seconds_per_gradient"):
        columns.numbers("Seconds a gradient", "seconds_per_gradient")
        columns.note("Seconds a gradient: of the solver, for one of the cases solved together.")
    if view.has("weight"):
        columns.numbers("Weight", "weight")
        columns.note("Weight: of the guidance, chosen on validation cases by J of the solver.")
    if view.has("gamma"):
        columns.numbers("Gamma", "gamma")
        columns.note("Gamma: exponent of the density of the data's controls; 1 changes nothing.")
    return columns.panel("further", "further scores and calls of the solver")


def _published_panel(view: View) -> Panel | None:
    """What the paper reports; None where it reports J alone, which the main panel has."""
    beside = {
        "j_sd": "J, sd",
        "j_noise": "J with noise",
        "parameters": "Parameters",
        "seconds": "Seconds",
    }
    if not any(view.has(f"published_{name}") for name in beside):
        return None
    columns = Columns(view)
    for name, label in {"j": "J", **beside}.items():
        add = columns.counts if name == "parameters" else columns.numbers
        add(label, f"published_{name}")
    columns.note(
        "From arXiv 2412.04833: J and its standard deviation over 50 test cases (Tables 2 and 10), "
        "J with noise in a tenth of the control sequence, of an unpublished law (Table 9), "
        "and parameters and seconds for one case on an A100 (Table 11). BC is its BC in the solver."
    )
    return columns.panel("published", "what the paper reports, at its full size")
