"""The table of control: a row for each system and method, everything in columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wdno.evaluation.record import Record
from wdno.evaluation.tables.collect import collect
from wdno.evaluation.tables.columns import views
from wdno.tasks.control.metrics import COMPARED, METRICS
from wdno.tasks.control.panels import panels
from wdno.tasks.control.published import control as published
from wdno.text_tables import write_table

if TYPE_CHECKING:
    from wdno.config.root import EvaluationOptions


def table(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Write the table as `{stem}.csv`, `.md`, `.tex` and `.html`.

    Args:
        records: one for each system, method and seed.
        stem: without suffix.
        options: the reference method, the intervals and the digits.

    Raises:
        EvaluationError: the records do not fit together, or a system has none of the reference.
    """
    rows = collect(
        records,
        METRICS,
        COMPARED,
        reference=options.reference,
        level=options.confidence,
        resamples=options.bootstrap,
        further=_further,
    )
    shown = [
        panel
        for view in views(rows, records, METRICS, COMPARED, options.digits)
        for panel in panels(view)
    ]
    runs = ", ".join(dict.fromkeys(rows["run"]))
    write_table(stem, f"Control, run {runs}", rows, shown)


def _further(seeds: Sequence[Record]) -> Mapping[str, Any]:
    """What was chosen, why a method failed, and what the paper reports of one of its name."""
    notes = [record.notes for record in seeds]
    weights = [one["weight"] for one in notes if "weight" in one]
    return {
        "controller": seeds[0].design.options.get("controller", ""),
        "weight": float(sum(weights) / len(weights)) if weights else math.nan,
        "failed": "; ".join(dict.fromkeys(one["failed"] for one in notes if "failed" in one)),
        "published_j": published(seeds[0].system).get(seeds[0].label, math.nan),
    }
