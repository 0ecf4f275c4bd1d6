"""The figure of the task: the error of each method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from wdno.files import atomic_path
from wdno.tasks.last_frame.metrics import COMPARED, METRICS

if TYPE_CHECKING:
    from wdno.config.root import EvaluationOptions
    from wdno.evaluation.record import Record


def errors(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Draw the mean error of each method as a bar."""
    found: dict[str, list[float]] = {}
    for record in records:
        found.setdefault(record.label, []).append(record.mean(COMPARED))
    figure = Figure(figsize=(4.0, 3.0))
    axes = figure.subplots()
    axes.bar(list(found), [float(np.mean(values)) for values in found.values()])
    axes.set_ylabel(METRICS[COMPARED].label)
    axes.set_title(records[0].title)
    with matplotlib.rc_context({"svg.hashsalt": "wdno"}):
        for suffix in ("pdf", "png"):
            with atomic_path(stem.with_name(f"{stem.name}.{suffix}")) as temporary:
                figure.savefig(temporary, format=suffix)


FIGURES: Mapping[str, Callable[[Sequence[Record], Path, EvaluationOptions], None]]
FIGURES = MappingProxyType({"errors": errors})
