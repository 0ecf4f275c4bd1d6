"""What readers see of the table of super-resolution, level by level."""

from __future__ import annotations

import math

import pandas as pd

from wdno.evaluation.scores.levels import (
    FINEST,
    FLOORS,
    MSE_NEW,
    MSE_OLD,
    RELATIVE_ERROR_NEW,
    SPECTRUM_ERROR_NEW,
)
from wdno.evaluation.scores.pointwise import MSE
from wdno.evaluation.scores.residual import FLOOR_RESIDUAL, RESIDUAL
from wdno.evaluation.tables.columns import Columns, View
from wdno.evaluation.tables.panels import cost_panel, error_panel, item_panel
from wdno.text_tables import Panel

LEVEL = "level"
OF_LEVEL = (MSE_OLD, MSE_NEW, SPECTRUM_ERROR_NEW, RELATIVE_ERROR_NEW)


def panels(view: View) -> list[Panel]:
    """Return the panels of one system.

    The finest grid; every level on its own grid; each field on the finest; the finest grid from
    every level, by both protocols with their floors; times and memory; how alike the grids of the
    exact solution are; and design and costs.

    Args:
        view: rows of one system.
    """
    found = [
        error_panel(
            view,
            [MSE.name],
            beside={"Base": _bases(view)},
            further=[metric.name for metric in (*OF_LEVEL, RESIDUAL, FLOOR_RESIDUAL)],
            times_better=False,
            baseline=False,
            heading="the finest grid",
            notes=[
                "Base: what predicts on the stored grid; every further grid is made of the one "
                "before."
            ],
        ),
        _levels(view),
        item_panel(view, [MSE.name], ("field",)),
        _protocols(view),
        _seconds(view),
        _similarity(view),
        cost_panel(view),
    ]
    return [panel for panel in found if panel is not None]


def _bases(view: View) -> list[str]:
    return [str(base) for base in view.rows["base"]]


def _levels(view: View) -> Panel:
    """Every level on its own grid."""
    columns = Columns(view)
    columns.texts("Base", _bases(view))
    for number, level in enumerate(view.of_kind(LEVEL)):
        columns.score(MSE.name, item=level)
        if number:
            columns.item_ratio(level)
        for metric in OF_LEVEL if number else ():
            columns.score(metric.name, item=level)
        if columns.score(RESIDUAL.name, item=level):
            columns.score(FLOOR_RESIDUAL.name, item=level)
            columns.note(RESIDUAL.note)
    columns.note(*(metric.note for metric in OF_LEVEL))
    return columns.panel("levels", "every grid on its own points")


def _protocols(view: View) -> Panel:
    """The finest grid, to which each level's prediction is interpolated."""
    columns = Columns(view)
    columns.texts("Base", _bases(view))
    for (by, kind), metric in FINEST.items():
        for level in view.of_kind(LEVEL)[:-1]:
            columns.score(metric.name, item=level)
            floor = FLOORS[metric.name]
            columns.numbers(f"{level}: {floor.label}", f"{level}_{floor.name}")
            if by == "published" and view.has(f"{level}_published_{kind}"):
                columns.numbers(f"{level}: paper, {kind}", f"{level}_published_{kind}")
        columns.note(metric.note, FLOORS[metric.name].note)
    columns.note(
        "Paper: arXiv 2412.04833, Tables 16 and 17, after as many doublings, at its full grids."
    )
    return columns.panel("protocols", "the finest grid, from every level")


def _seconds(view: View) -> Panel:
    """Time and memory of every level."""
    columns = Columns(view)
    for level in view.of_kind(LEVEL):
        columns.numbers(f"{level}: seconds", f"{level}_seconds")
    for level in view.of_kind(LEVEL):
        columns.numbers(f"{level}: MB", f"{level}_memory")
    columns.note(
        "Seconds: of one sample of one case on that grid alone.",
        "MB: the most memory that this took at once, beside weights, data and coarser levels, in "
        "10^6 bytes. On a GPU by PyTorch's allocator; on a CPU, and where values are interpolated, "
        "of all tensors, without scratch space within an operation.",
    )
    return columns.panel("times", "time and memory of every level")


def _similarity(view: View) -> Panel:
    """How alike the grids of the exact solution are."""
    row = view.rows.iloc[0]
    levels = view.of_kind(LEVEL)
    details = [float(row[f"{level}_detail_ratio"]) for level in levels]
    residuals = [float(row[f"{level}_residual"]) for level in levels]
    expected = [math.nan] * len(residuals)
    for number in range(2, len(residuals)):
        expected[number] = residuals[number - 1] ** 2 / residuals[number - 2]
    columns = {"Detail / approximation": details, "Missed by cubic interpolation": residuals}
    notes = [
        "Of the exact solution. Detail / approximation: root mean squares of one level of Haar "
        "coefficients. Missed: root mean square of what cubic interpolation of the next coarser "
        "grid misses. Super-resolution on grids that no training has seen rests on their ratio "
        "from grid to grid, by which scales of a model are continued."
    ]
    if len(levels) > 2:
        columns["Missed, by a constant ratio"] = expected
        notes.append("By a constant ratio: what the two grids before let expect.")
    written = {name: [view.number(value) for value in of] for name, of in columns.items()}
    cells = pd.DataFrame({"Grid": levels, **written})
    title = f"{view.title}: how alike the grids are"
    return Panel(f"{view.title} similarity", title, cells, notes)
