"""The table of simulation results: a row for each system and method, everything in columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wdno.evaluation.bootstrap import mean_and_sd, paired_bootstrap
from wdno.evaluation.grouping import Group, group
from wdno.evaluation.labels import sampler_label
from wdno.evaluation.metrics import METRICS
from wdno.evaluation.published import Published, key
from wdno.evaluation.results import Evaluation, EvaluationError
from wdno.evaluation.simulation_panels import write_simulation_table

__all__ = ["simulation_table", "write_simulation_table"]

WHOLE = ["sampler_steps", "evaluations", "training_steps", "parameters"]
COSTS = (
    *("evaluations", "seconds_per_trajectory", "training_seconds", "training_steps"),
    "parameters",
)


def simulation_table(
    evaluations: Iterable[Evaluation],
    published: Published,
    *,
    reference: str | None = "wdno",
    persistence: str | None = "persistence",
    level: float = 0.95,
    resamples: int = 2000,
) -> pd.DataFrame:
    """Collect evaluations into a row for each system and method, in the order they first occur.

    Args:
        evaluations: one for each system, method and seed.
        published: values of the paper, :func:`wdno.evaluation.published.simulation`; looked up by
            the method's name, then by its label.
        reference: method that the others' errors are divided by; None leaves the ratio out.
        persistence: method that repeats the initial state; None leaves the comparison out.
        level: coverage of the intervals.
        resamples: bootstrap resamples.

    Returns:
        Columns system, run, task, method, label, learned, representation, network, objective,
        sampler, sampler_steps, eta, sampler_label, samples, seeds, cases, grid; each metric and its
        `_sd` over seeds (NaN for one seed, or where the metric needs several samples);
        times_better_than_persistence; reference, mse_ratio, mse_ratio_low, mse_ratio_high,
        mse_ratio_level; published_mse; evaluations, seconds_per_trajectory, training_seconds and
        training_steps (means over seeds), parameters, device.

    Raises:
        EvaluationError: the records do not fit together, or `reference` or `persistence` has none.
    """
    rows = []
    for system, methods in group(evaluations).items():
        for name in filter(None, (reference, persistence)):
            if name not in methods:
                raise EvaluationError(
                    f"system {system!r}: method {name!r}, which the others are compared with, has "
                    f"no evaluation; there are: {', '.join(methods)}"
                )
        for name, records in methods.items():
            row = _settings(records) | _errors(records)
            row |= _compared(name, methods, reference, persistence, level, resamples)
            keys = ((system, key(name)), (system, key(records[0].label)))
            row["published_mse"] = next(
                (published[item] for item in keys if item in published), math.nan
            )
            rows.append(row | _costs(records))
    table = pd.DataFrame(rows)
    return table.astype({name: _whole(table[name]) for name in WHOLE})


def _whole(column: pd.Series[Any]) -> str:
    """Integers stay integers beside missing values; a mean over seeds may not be one."""
    values = column.astype(float).dropna()
    return "Int64" if (values == values.round()).all() else "float64"


def _settings(records: Sequence[Evaluation]) -> dict[str, Any]:
    first = records[0]
    sampler = first.sampler or {}
    eta = sampler.get("eta")
    names = ("system", "run", "task", "method", "label", "learned")
    return {
        **{name: getattr(first, name) for name in names},
        **{name: getattr(first, name) for name in ("representation", "network", "objective")},
        "sampler": sampler.get("name"),
        "sampler_steps": sampler.get("steps"),
        "eta": math.nan if eta is None else float(eta),
        "sampler_label": sampler_label(first.sampler, first.samples),
        "samples": first.samples,
        "seeds": len(records),
        "cases": first.cases,
        "grid": " x ".join(map(str, first.grid.values())),
    }


def _errors(records: Sequence[Evaluation]) -> dict[str, float]:
    row = {}
    for name in METRICS:
        values = [record.metrics.get(name, math.nan) for record in records]
        row[name], row[f"{name}_sd"] = mean_and_sd(values)
    return row


def _case_errors(records: Sequence[Evaluation]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.stack([record.scores.cases["mse"] for record in records])


def _compared(
    name: str,
    methods: Group,
    reference: str | None,
    persistence: str | None,
    level: float,
    resamples: int,
) -> dict[str, Any]:
    own = _case_errors(methods[name])
    row: dict[str, Any] = {"times_better_than_persistence": math.nan, "reference": reference}
    if persistence is not None and own.mean() > 0:
        row["times_better_than_persistence"] = (
            _case_errors(methods[persistence]).mean() / own.mean()
        )
    ratio = (math.nan, math.nan, math.nan)
    if reference == name:
        ratio = (1.0, 1.0, 1.0)
    elif reference is not None:
        interval = paired_bootstrap(
            own, _case_errors(methods[reference]), level=level, resamples=resamples
        )
        ratio = (interval.estimate, interval.low, interval.high)
    columns = ("mse_ratio", "mse_ratio_low", "mse_ratio_high")
    return row | dict(zip(columns, ratio, strict=True)) | {"mse_ratio_level": level}


def _costs(records: Sequence[Evaluation]) -> dict[str, Any]:
    means = {}
    for name in COSTS:
        values = [getattr(record, name) for record in records]
        known = [math.nan if value is None else float(value) for value in values]
        means[name] = mean_and_sd(known)[0]
    devices = ", ".join(dict.fromkeys(record.device for record in records))
    return means | {"device": devices}
