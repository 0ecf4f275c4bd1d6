"""Rows of a table, collected from records: a row for each system and method, all in columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wdno.evaluation.bootstrap import mean_and_sd, paired_bootstrap
from wdno.evaluation.grouping import Group, group, scores_of
from wdno.evaluation.metric import Metric, Metrics
from wdno.evaluation.record import EvaluationError, Record
from wdno.evaluation.tables.labels import objective_label, sampler_label

WHOLE = ("sampler_steps", "evaluations", "training_steps", "parameters", "batch")
"""Columns of whole numbers."""
COSTS = {
    "evaluations": "evaluations",
    "seconds_per_trajectory": "seconds",
    "training_seconds": "training_seconds",
    "training_steps": "training_steps",
    "parameters": "parameters",
    "memory_mb": "memory",
    "batch": "batch",
}
"""Columns, and the costs of a record that they hold."""

Further = Callable[[Sequence[Record]], Mapping[str, Any]]
"""Columns that a task makes of the records of one method, one for each seed."""


def collect(
    records: Iterable[Record],
    metrics: Metrics,
    compared: str,
    *,
    reference: str | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    of_items: Sequence[str] = (),
    compare_items: bool = False,
    further: Further | None = None,
) -> pd.DataFrame:
    """Collect records of one task into a row for each system and method, as they first occur.

    Args:
        records: one for each system, method and seed.
        metrics: of the task.
        compared: name of the score that methods are compared by.
        reference: method that the others are divided by; None leaves the ratio out.
        level: coverage of the intervals.
        resamples: bootstrap resamples.
        of_items: scores that each field, series or level has a column of, where there are several.
        compare_items: whether the compared score is also compared item by item.
        further: columns that the task adds.

    Returns:
        Columns system, title, run, task, method, label, learned, representation, network,
        objective, sampler, sampler_steps, eta, sampler_label, samples, seeds, cases, blocks, grid;
        each metric and its `_sd` over seeds (NaN for one seed, or where there is no such score);
        what `further` returns; `{item}_{score}` and its `_sd`, and if items are compared
        `{item}_{score}_ratio`, `_low` and `_high`; `times_better_than_` each method
        without training; reference, and with C the compared score C_ratio, C_ratio_low,
        C_ratio_high, C_ratio_level; where there are several methods without training, baseline (the
        best of them), baseline_ratio, baseline_ratio_low and baseline_ratio_high; evaluations,
        seconds_per_trajectory, training_seconds and training_steps (means over seeds), parameters,
        memory_mb, batch, device.

    Raises:
        EvaluationError: the records do not fit together, or a system has none of `reference`.
        MetricError: there is no metric `compared`.
    """
    rows = []
    for system, methods in group(records).items():
        if reference is not None and reference not in methods:
            raise EvaluationError(
                f"system {system!r}: method {reference!r}, which the others are compared with, has "
                f"no evaluation; there are: {', '.join(methods)}"
            )
        comparison = _Comparison(methods, metrics[compared], reference, level, resamples)
        for name, seeds in methods.items():
            row = _settings(seeds) | _scores(seeds, metrics)
            row |= {} if further is None else further(seeds)
            row |= _by_item(seeds, of_items) | comparison.columns(name) | costs(seeds)
            if compare_items:
                row |= comparison.of_items(name)
            devices = dict.fromkeys(record.cost.device for record in seeds)
            rows.append(row | {"device": ", ".join(devices)})
    return with_whole_numbers(pd.DataFrame(rows))


def with_whole_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Make integers of the columns :data:`WHOLE` that are there and hold nothing else.

    They stay integers beside missing values; a mean over seeds may not be one.
    """
    kinds = {}
    for name in WHOLE:
        if name in table:
            values = table[name].astype(float).dropna()
            kinds[name] = "Int64" if (values == values.round()).all() else "float64"
    return table.astype(kinds)


def _settings(seeds: Sequence[Record]) -> dict[str, Any]:
    first = seeds[0]
    identity, design = first.identity, first.design
    sampler = design.sampler or {}
    eta = sampler.get("eta")
    return {
        "system": first.system,
        "title": first.title,
        "run": identity.run,
        "task": identity.task,
        "method": first.method,
        "label": first.label,
        "learned": first.learned,
        "representation": design.representation,
        "network": design.network,
        "objective": objective_label(design),
        "sampler": sampler.get("name"),
        "sampler_steps": sampler.get("steps"),
        "eta": math.nan if eta is None else float(eta),
        "sampler_label": sampler_label(design.sampler, design.samples),
        "samples": design.samples,
        "seeds": len(seeds),
        "cases": first.cases,
        "blocks": first.cases if first.blocks is None else len(np.unique(first.blocks)),
        "grid": " x ".join(map(str, identity.grid.values())),
    }


def _scores(seeds: Sequence[Record], metrics: Metrics) -> dict[str, float]:
    row = {}
    for name in metrics:
        row[name], row[f"{name}_sd"] = mean_and_sd([record.mean(name) for record in seeds])
    return row


def _by_item(seeds: Sequence[Record], scores: Sequence[str]) -> dict[str, float]:
    """Scores of each item in its own units, where there are several; over seeds."""
    items = items_of(seeds[0])
    row = {}
    for item, kind in items.items() if len(items) > 1 else ():
        for name in scores:
            values = [float(record.score_of(kind, item, name).mean()) for record in seeds]
            row[f"{item}_{name}"], row[f"{item}_{name}_sd"] = mean_and_sd(values)
    return row


def items_of(record: Record) -> dict[str, str]:
    """Return the items that have scores of their own, such as fields, and the kind of each."""
    return {item: kind for kind in record.kinds for item in record.items(kind)}


def costs(seeds: Sequence[Record]) -> dict[str, float]:
    """Return what a method took: means over seeds, by the names of columns."""
    means = {}
    for column, name in COSTS.items():
        values = [getattr(record.cost, name) for record in seeds]
        known = [math.nan if value is None else float(value) for value in values]
        means[column] = mean_and_sd(known)[0]
    return means


@dataclass(frozen=True)
class _Comparison:
    """The methods of a system compared by one score."""

    methods: Group
    metric: Metric
    reference: str | None
    level: float
    resamples: int

    def columns(self, name: str) -> dict[str, Any]:
        """Columns of one method."""
        best, ratio = self._best(), f"{self.metric.name}_ratio"
        return {
            **self._times_better(name),
            "reference": self.reference,
            **self._ratio(ratio, name, self.reference),
            f"{ratio}_level": self.level,
            "baseline": best,
            **self._ratio("baseline_ratio", name, best),
        }

    def of_items(self, name: str) -> dict[str, Any]:
        """Columns of one method that compare it with the reference item by item."""
        row: dict[str, Any] = {}
        for item, kind in items_of(self.methods[name][0]).items():
            column = f"{item}_{self.metric.name}_ratio"
            row |= self._ratio(column, name, self.reference, (kind, item))
        return row

    def _scores(self, name: str, of: tuple[str, str] | None = None) -> NDArray[np.float64]:
        """Score of each seed and case, ``[S, N]``; of an item, by its kind and name, or of all."""
        return scores_of(self.methods[name], self.metric.name, of)

    @property
    def _untrained(self) -> list[str]:
        return [name for name, seeds in self.methods.items() if not seeds[0].learned]

    def _best(self) -> str | None:
        """The best of the untrained methods, where there are several."""
        if len(self._untrained) < 2:
            return None
        choose = max if self.metric.better == "higher" else min
        return choose(self._untrained, key=lambda name: self._scores(name).mean())

    def _times_better(self, name: str) -> dict[str, float]:
        own, higher = self._scores(name).mean(), self.metric.better == "higher"
        row = {}
        for other in self._untrained:
            others = self._scores(other).mean()
            above, below = (own, others) if higher else (others, own)
            row[f"times_better_than_{other}"] = above / below if below > 0 else math.nan
        return row

    def _ratio(
        self, column: str, name: str, other: str | None, of: tuple[str, str] | None = None
    ) -> dict[str, float]:
        """Ratio of the score to that of another method, with its interval, as three columns."""
        values = (math.nan, math.nan, math.nan) if other is None else (1.0, 1.0, 1.0)
        if other not in (None, name):
            interval = paired_bootstrap(
                self._scores(name, of),
                self._scores(str(other), of),
                blocks=self.methods[name][0].blocks,
                level=self.level,
                resamples=self.resamples,
            )
            values = interval.estimate, interval.low, interval.high
        return dict(zip((column, f"{column}_low", f"{column}_high"), values, strict=True))
