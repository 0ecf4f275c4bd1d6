"""The table of the task: a row for each system and method, means over cases and seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from wdno.tasks.last_frame.metrics import METRICS
from wdno.text_tables import Panel, number, write_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wdno.config.root import EvaluationOptions
    from wdno.evaluation.record import Record


def table(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Write `{stem}.csv`, `.md`, `.tex` and `.html`."""
    rows = pd.DataFrame(
        [
            {
                "system": record.system,
                "title": record.title,
                "method": record.method,
                "label": record.label,
                **{name: record.mean(name) for name in METRICS},
            }
            for record in records
        ]
    )
    keys = ["system", "title", "method", "label"]
    frame = rows.groupby(keys, sort=False, as_index=False).mean()
    cells = pd.DataFrame({"System": frame["title"], "Method": frame["label"]})
    for name, metric in METRICS.items():
        cells[metric.label] = [number(value, options.digits) for value in frame[name]]
    notes = [f"{metric.label}: {metric.note}" for metric in METRICS.values() if metric.note]
    panel = Panel("errors", "The last frame", cells, notes, words=frozenset({"Method"}))
    write_table(stem, "Last frame", frame, [panel])
