"""The table of control: a row for each system and method, everything in columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wdno.evaluation.record import Record
from wdno.evaluation.tables.task_table import TaskTable
from wdno.tasks.control import published as papers
from wdno.tasks.control.metrics import COMPARED, METRICS, PER_GRADIENT, J
from wdno.tasks.control.panels import panels


def _further(seeds: Sequence[Record]) -> Mapping[str, Any]:
    """What was chosen and met, why a method failed, and what the paper reports of its label."""
    first = seeds[0]
    failed = [str(record.notes["failed"]) for record in seeds if "failed" in record.notes]
    reported = papers.control(first.system)
    # A policy here acts in the solver, which the paper says behind the names of its policies.
    published = reported.get(first.label, reported.get(f"{first.label} (solver)", {}))
    return {
        "controller": first.design.options.get("controller", ""),
        "noise": first.design.options.get("noise", 0.0),
        "j_spread": float(np.mean([_spread(record) for record in seeds])),
        "weight": _noted(seeds, "weight"),
        "gamma": _noted(seeds, "gamma"),
        "seconds_per_gradient": _noted(seeds, PER_GRADIENT),
        "failed": "; ".join(dict.fromkeys(failed)),
        **{f"published_{name}": published.get(name, math.nan) for name in papers.COLUMNS},
    }


def _spread(record: Record) -> float:
    """Sample standard deviation of J over the cases."""
    return float(np.std(record.score(J.name), ddof=1)) if record.cases > 1 else math.nan


def _noted(seeds: Sequence[Record], name: str) -> float:
    """Mean over seeds of a number among their notes; NaN where none has it."""
    values = [float(record.notes[name]) for record in seeds if name in record.notes]
    return float(np.mean(values)) if values else math.nan


CONTROL = TaskTable(
    title="Control", metrics=METRICS, compared=COMPARED, panels=panels, further=_further
)

table = CONTROL.make
