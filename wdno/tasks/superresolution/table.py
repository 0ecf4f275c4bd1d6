"""The table of super-resolution: a row for each system and method, everything in columns.

Its rows have, beside the columns of :func:`wdno.evaluation.tables.collect.collect`, `base`,
`refine`, and of each level, by its grid, all scores, the ratio of the MSE to the reference's with
its interval, `{grid}_seconds`, `{grid}_memory` in MB, the measures of :mod:`.similarity`, and
`{grid}_published_{linear, nearest}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wdno.evaluation.record import Record
from wdno.evaluation.tables.task_table import TaskTable
from wdno.tasks.superresolution import published as papers
from wdno.tasks.superresolution.metrics import COMPARED, METRICS
from wdno.tasks.superresolution.panels import panels
from wdno.tasks.superresolution.similarity import MEASURES


def _further(seeds: Sequence[Record]) -> Mapping[str, Any]:
    first = seeds[0]
    options = first.design.options
    row: dict[str, Any] = {"base": options.get("base"), "refine": options.get("refine")}
    reported = papers.superresolution()
    own = reported[(reported["system"] == first.system) & (reported["method"] == first.label)]
    for number, level in enumerate(first.items("level")):
        for name in ("seconds", "memory"):
            taken = [float(record.scores[name].values[number]) for record in seeds]
            row[f"{level}_{name}"] = float(np.mean(taken))
        row |= {f"{level}_{name}": float(first.scores[name].values[number]) for name in MEASURES}
        for kind in ("linear", "nearest"):
            found = own[own["interpolation"] == kind].get(f"doublings_{number}")
            value = math.nan if found is None or found.empty else float(found.iloc[0])
            row[f"{level}_published_{kind}"] = value
    return row


SUPERRESOLUTION = TaskTable(
    title="Super-resolution",
    metrics=METRICS,
    compared=COMPARED,
    panels=panels,
    further=_further,
    of_items=list(METRICS),
    compare_items=True,
)

table = SUPERRESOLUTION.make
