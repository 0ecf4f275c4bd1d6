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
    """Return the panels of one system: J, further scores with calls of the solver, costs.

    Args:
        view: rows of one system.
    """
    return [_main_panel(view), _further_panel(view), cost_panel(view)]


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
    for metric in FURTHER:
        columns.score(metric.name)
    if view.has("weight"):
        columns.numbers("Weight", "weight")
        columns.note("Weight: of the guidance, chosen on validation cases by J of the solver.")
    return columns.panel("further", "further scores and calls of the solver")
