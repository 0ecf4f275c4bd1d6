"""The table of a task: collected from records, seen in panels, written for programs and readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from wdno.evaluation.metric import Metrics
from wdno.evaluation.record import Record
from wdno.evaluation.tables.collect import Further, collect
from wdno.evaluation.tables.columns import View, views
from wdno.evaluation.tables.rank_panel import rank_frame, rank_panels
from wdno.text_tables import Panel, write_csv, write_table

if TYPE_CHECKING:
    from wdno.config.root import EvaluationOptions


@dataclass(frozen=True, kw_only=True)
class TaskTable:
    """What a task puts into its table.

    Attributes:
        title: name of the task for readers.
        metrics: of the task.
        compared: name of the score that methods are compared by.
        panels: what readers see of the rows of a system.
        further: columns that the task adds to those of
            :func:`wdno.evaluation.tables.collect.collect`.
        of_items: scores that each item, such as a field or a level, has a column of.
        compare_items: whether the compared score is also compared item by item.
        ranked: scores by which methods are ranked over all systems, where there are several.
    """

    title: str
    metrics: Metrics
    compared: str
    panels: Callable[[View], list[Panel]]
    further: Further | None = None
    of_items: Sequence[str] = ()
    compare_items: bool = False
    ranked: Sequence[str] = ()

    def make(self, records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
        """Collect records, and write the table.

        Args:
            records: one for each system, method and seed.
            stem: without suffix.
            options: the reference method, the intervals and the digits.

        Raises:
            EvaluationError: the records do not fit together, or a system has none of the reference.
        """
        rows = self.collect(
            records,
            reference=options.reference,
            level=options.confidence,
            resamples=options.bootstrap,
        )
        self.write(
            rows,
            records,
            stem,
            options.digits,
            level=options.confidence,
            resamples=options.bootstrap,
        )

    def collect(
        self,
        records: Sequence[Record],
        *,
        reference: str | None = None,
        level: float = 0.95,
        resamples: int = 2000,
    ) -> pd.DataFrame:
        """Return a row for each system and method.

        Args:
            records: one for each system, method and seed.
            reference: method that the others are divided by; None leaves the ratio out.
            level: coverage of the intervals.
            resamples: bootstrap resamples.

        Raises:
            EvaluationError: the records do not fit together, or a system has none of the reference.
        """
        return collect(
            records,
            self.metrics,
            self.compared,
            reference=reference,
            level=level,
            resamples=resamples,
            of_items=self.of_items,
            compare_items=self.compare_items,
            further=self.further,
        )

    def write(
        self,
        rows: pd.DataFrame,
        records: Sequence[Record],
        stem: Path,
        digits: int = 3,
        *,
        level: float = 0.95,
        resamples: int = 2000,
    ) -> None:
        """Write rows as `{stem}.csv` at full precision, and as `.md`, `.tex`, `.html` for readers.

        Of several systems, a task that ranks its methods writes `{stem}_ranks.csv` too.

        Args:
            rows: of :meth:`collect`.
            records: of which they were collected.
            stem: without suffix.
            digits: significant digits for readers.
            level: coverage of the intervals by which the best are told apart.
            resamples: bootstrap resamples.
        """
        bootstrap: dict[str, Any] = {"level": level, "resamples": resamples}
        seen = views(rows, records, self.metrics, self.compared, digits, **bootstrap)
        shown = [panel for view in seen for panel in self.panels(view)]
        if self.ranked and len(seen) > 1:
            metrics = [self.metrics[name] for name in self.ranked]
            ranks = rank_frame(records, metrics, **bootstrap)
            write_csv(stem.with_name(f"{stem.name}_ranks.csv"), ranks)
            shown += rank_panels(ranks, metrics, {view.system: view.title for view in seen})
        runs = ", ".join(dict.fromkeys(rows["run"]))
        write_table(stem, f"{self.title}, run {runs}", rows, shown)
