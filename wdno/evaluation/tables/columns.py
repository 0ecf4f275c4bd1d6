"""Panels put together column by column, with the notes and the best values of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from wdno.evaluation.grouping import group, scores_of
from wdno.evaluation.metric import Metric, Metrics
from wdno.evaluation.record import Record
from wdno.evaluation.tables.collect import items_of
from wdno.evaluation.tables.marks import marks
from wdno.text_tables import MISSING, Panel, count, number, with_spread

WORDS = frozenset({"Sampler", "Representation", "Network", "Objective", "Device"})


@dataclass(frozen=True)
class View:
    """The rows of one system as readers see them.

    Attributes:
        rows: rows of :func:`wdno.evaluation.tables.collect.collect`, numbered from 0.
        metrics: of the task.
        compared: name of the score that methods are compared by.
        items: kinds of fields, series or levels that have scores of their own, by their names.
        digits: significant digits.
        methods: records of each method, by which the best ones are told apart.
        level: coverage of the intervals.
        resamples: bootstrap resamples.
    """

    rows: pd.DataFrame
    metrics: Metrics
    compared: str
    items: Mapping[str, str] = field(default_factory=dict)
    digits: int = 3
    methods: Mapping[str, Sequence[Record]] = field(default_factory=dict)
    level: float = 0.95
    resamples: int = 2000

    @property
    def system(self) -> str:
        """Key of the system."""
        return str(self.rows["system"].iloc[0])

    @property
    def title(self) -> str:
        """Name of the system."""
        return str(self.rows["title"].iloc[0])

    def of_kind(self, kind: str) -> list[str]:
        """Return the items of a kind, such as ``level``."""
        return [item for item, own in self.items.items() if own == kind]

    def number(self, value: float | None) -> str:
        """Write a number; see :func:`wdno.text_tables.number`."""
        return number(value, self.digits)

    def has(self, column: str) -> bool:
        """Return whether a column is there and has a value."""
        return column in self.rows and bool(self.rows[column].notna().any())


def views(
    table: pd.DataFrame,
    records: Iterable[Record],
    metrics: Metrics,
    compared: str,
    digits: int = 3,
    *,
    level: float = 0.95,
    resamples: int = 2000,
) -> list[View]:
    """Split a table into the rows of each system.

    Args:
        table: rows of :func:`wdno.evaluation.tables.collect.collect`.
        records: of which they were collected.
        metrics: of the task.
        compared: name of the score that methods are compared by.
        digits: significant digits.
        level: coverage of the intervals.
        resamples: bootstrap resamples.
    """
    found = []
    for system, methods in group(records).items():
        rows = table[table["system"] == system].reset_index(drop=True)
        items = items_of(next(iter(methods.values()))[0])
        found.append(View(rows, metrics, compared, items, digits, methods, level, resamples))
    return found


class Columns:
    """A panel of one system while its columns are added, after those of method and sampler.

    Attributes:
        view: the rows.
        cells: text of each cell so far.
    """

    def __init__(self, view: View) -> None:
        """Begin a panel."""
        self.view = view
        rows = view.rows
        self.cells = pd.DataFrame({"Method": rows["label"], "Sampler": rows["sampler_label"]})
        self._bold: set[tuple[int, str]] = set()
        self._underlined: set[tuple[int, str]] = set()
        self._notes: list[str] = []

    def note(self, *notes: str) -> None:
        """Add notes, unless they are empty."""
        self._notes += filter(None, notes)

    def texts(self, label: str, texts: Sequence[str]) -> None:
        """Add a column of texts."""
        self.cells[label] = list(texts)

    def numbers(self, label: str, column: str) -> None:
        """Add a column of numbers, with their spread over seeds where there is one."""
        self.texts(label, self._with_spread(column))

    def counts(self, label: str, column: str) -> None:
        """Add a column of counts."""
        self.texts(label, [count(value) for value in self.view.rows[column]])

    def words(self, label: str, column: str) -> None:
        """Add a column of words."""
        self.texts(label, self.view.rows[column].replace("", None).fillna(MISSING))

    def score(self, name: str, *, item: str = "") -> bool:
        """Add the column of a score with its note, the best marked; nothing if it has no value.

        Args:
            name: of the metric.
            item: field or series whose score is shown; its note is left out. Empty: of all
                together.

        Returns:
            Whether it was added.
        """
        metric = self.view.metrics[name]
        column, label = (f"{item}_{name}", f"{item}: {metric.label}") if item else (name, "")
        if not self.view.has(column) and name != self.view.compared:
            return False
        self.measured(metric, column, label or metric.label, item=item)
        if not item:
            self.note(metric.note)
        return True

    def measured(self, metric: Metric, column: str, label: str, *, item: str = "") -> None:
        """Add a column and its spread over seeds, the best values marked.

        Args:
            metric: says which way is better, and among which methods.
            column: of the rows; its spread is in the column `{column}_sd`.
            label: heading.
            item: field, series or level whose score it is; empty: of all together.
        """
        self.texts(label, self._with_spread(column))
        view, kind = self.view, self.view.items.get(item)
        of = None if kind is None else (kind, item)
        competing = view.rows["learned"] | (metric.rivals == "all")
        rivals = [
            scores_of(view.methods[name], metric.name, of) if competes else None
            for name, competes in zip(view.rows["method"], competing, strict=True)
        ]
        blocks = next(iter(view.methods.values()))[0].blocks
        found = marks(rivals, metric, blocks=blocks, level=view.level, resamples=view.resamples)
        self._bold |= {(row, label) for row in found.best}
        self._underlined |= {(row, label) for row in found.second}

    def _with_spread(self, column: str) -> list[str]:
        rows, digits = self.view.rows, self.view.digits
        spreads = rows.get(f"{column}_sd", pd.Series(math.nan, rows.index))
        pairs = zip(rows[column], spreads, strict=True)
        return [with_spread(mean, sd, digits) for mean, sd in pairs]

    def ratio(self, other: str) -> str:
        """Add the ratios to another method with their intervals; nothing if there are none.

        Args:
            other: `reference`, or `baseline`, the best of the methods without training.

        Returns:
            The heading; empty if nothing was added.
        """
        view, rows = self.view, self.view.rows
        column = f"{view.compared}_ratio" if other == "reference" else "baseline_ratio"
        if not view.has(column):
            return ""
        key, level = rows[other].iloc[0], rows[f"{view.compared}_ratio_level"].iloc[0]
        name = rows["label"][rows["method"] == key].iloc[0]
        label = f"{view.metrics[view.compared].label} / {name} [{100 * level:g} %]"
        self._ratios(label, column, key)
        return label

    def item_ratio(self, item: str) -> None:
        """Add the ratios to the reference of one item, such as a level; nothing if there are none.

        Args:
            item: name of the item.
        """
        view, rows = self.view, self.view.rows
        column = f"{item}_{view.compared}_ratio"
        if not view.has(column):
            return
        key = rows["reference"].iloc[0]
        name = rows["label"][rows["method"] == key].iloc[0]
        self._ratios(f"{item}: / {name}", column, key)

    def _ratios(self, label: str, column: str, key: str) -> None:
        """Add a column of ratios to the method `key`, with their intervals."""
        rows = self.view.rows
        values = (rows[column + end] for end in ("", "_low", "_high"))
        self.texts(
            label,
            [
                "1" if method == key else self._interval(*ratio)
                for method, *ratio in zip(rows["method"], *values, strict=True)
            ],
        )

    def times_better(self) -> list[str]:
        """Add how many times better than each method without training; return the headings."""
        rows, labels = self.view.rows, []
        for method, name in zip(rows["method"], rows["label"], strict=True):
            column = f"times_better_than_{method}"
            if self.view.has(column):
                labels.append(f"vs. {name.lower()}")
                self.texts(labels[-1], [self._times(value) for value in rows[column]])
        return labels

    def _interval(self, estimate: float, low: float, high: float) -> str:
        if math.isnan(estimate):
            return MISSING
        written = self.view.number
        ends = "" if math.isnan(low) else f" [{written(low)}, {written(high)}]"
        return written(estimate) + ends

    def _times(self, value: float) -> str:
        return MISSING if math.isnan(value) else f"{self.view.number(value)}×"

    def panel(self, name: str, heading: str) -> Panel:
        """Return the panel.

        Args:
            name: short name of the panel among those of the system.
            heading: what it shows; the system's title stands before it.
        """
        title = self.view.title
        return Panel(
            f"{title} {name}",
            f"{title}: {heading}",
            self.cells,
            tuple(dict.fromkeys(self._notes)),
            frozenset(self._bold),
            WORDS,
            frozenset(self._underlined),
        )
