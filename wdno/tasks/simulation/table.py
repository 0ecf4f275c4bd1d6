"""The table of simulation results: a row for each system and method, everything in columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wdno.evaluation.bootstrap import mean_and_sd, paired_bootstrap
from wdno.evaluation.grouping import Group, group
from wdno.evaluation.record import Evaluation, EvaluationError
from wdno.evaluation.scores.pointwise import METRICS
from wdno.evaluation.tables.labels import sampler_label
from wdno.tasks.simulation.panels import write_simulation_table
from wdno.tasks.simulation.published import METRICS as PUBLISHED_METRICS
from wdno.tasks.simulation.published import Published, key

__all__ = ["simulation_table", "write_simulation_table"]

FIELD_METRICS = ("mse", "mae", "max_error")
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
        published: values of papers (:mod:`.published`); looked up by
            the method's name, then by its label; not beside data that stand in for a record.
        reference: method that the others' errors are divided by; None leaves the ratio out.
        persistence: method that repeats the last given state; None leaves the comparison with
            untrained methods out.
        level: coverage of the intervals.
        resamples: bootstrap resamples.

    Returns:
        Columns system, title, run, task, method, label, learned, representation, network,
        objective, sampler, sampler_steps, eta, sampler_label, samples, seeds, cases, blocks, grid;
        each metric and its `_sd` over seeds (NaN for one seed, or where the metric needs several
        samples); mse_first_frame, mse_last_frame (normalised where there are several fields) and
        mse_growth_per_frame, the factor between them; root_mse_weighted and spread_skill
        (:mod:`.forecast`); of systems of several fields, or with series, the MSE, MAE and largest
        error of each, `{field}_{metric}`; `times_better_than_`
        each untrained method; reference, mse_ratio, mse_ratio_low, mse_ratio_high,
        mse_ratio_level; where there are several untrained methods the same of the best of them,
        baseline, baseline_ratio and so on; published_mse, published_mae, published_max_error;
        evaluations, seconds_per_trajectory, training_seconds and training_steps (means over seeds),
        parameters, device.

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
            row = _settings(records) | _errors(records) | _over_time(records)
            row |= _forecast(records) | _by_field(records)
            row |= _compared(name, methods, reference, persistence, level, resamples)
            row |= _compared_with_best(name, methods, level, resamples)
            rows.append(row | _published(system, records[0], published) | _costs(records))
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
    names = ("system", "title", "run", "task", "method", "label", "learned")
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
        "blocks": first.cases if first.blocks is None else len(np.unique(first.blocks)),
        "grid": " x ".join(map(str, first.grid.values())),
    }


def _errors(records: Sequence[Evaluation]) -> dict[str, float]:
    row = {}
    for name in METRICS:
        values = [record.metrics.get(name, math.nan) for record in records]
        row[name], row[f"{name}_sd"] = mean_and_sd(values)
    return row


def _over_time(records: Sequence[Evaluation]) -> dict[str, float]:
    """MSE of the first and the last frame, and the factor a frame between them.

    Of several fields, each in units of its spread in training, where that is known.
    """
    frames = np.mean([_mse_of_frames(record) for record in records], axis=0)
    first, last = float(frames[0]), float(frames[-1])
    defined = len(frames) > 1 and first > 0
    growth = (last / first) ** (1 / (len(frames) - 1)) if defined else math.nan
    return {"mse_first_frame": first, "mse_last_frame": last, "mse_growth_per_frame": growth}


def _mse_of_frames(record: Evaluation) -> NDArray[np.float64]:
    """Mean over cases and fields, `[T]`."""
    by_field = record.scores.mse_over_time.mean(axis=0)
    for row, errors in zip(by_field, record.scores.fields.values(), strict=True):
        if "mse_normalised" in errors and len(by_field) > 1 and errors["mse"].mean() > 0:
            row *= errors["mse_normalised"].mean() / errors["mse"].mean()
    frames: NDArray[np.float64] = by_field.mean(axis=0)
    return frames


def _forecast(records: Sequence[Evaluation]) -> dict[str, float]:
    """Root of the weighted MSE, and the spread-skill ratio; means over seeds."""
    found = [record.metrics for record in records]
    weighted = [one.get("mse_weighted", math.nan) for one in found]
    skills = [one.get("mse_mean_weighted", one.get("mse_mean", math.nan)) for one in found]
    spreads = [one.get("spread", math.nan) for one in found]
    ratios = [math.sqrt(s / e) if e > 0 else math.nan for s, e in zip(spreads, skills, strict=True)]
    roots = mean_and_sd([math.sqrt(value) for value in weighted])
    return {
        "root_mse_weighted": roots[0],
        "root_mse_weighted_sd": roots[1],
        "spread_skill": mean_and_sd(ratios)[0],
    }


def _by_field(records: Sequence[Evaluation]) -> dict[str, float]:
    """Errors of each field and series in its own units, where there are several; over seeds."""
    items = (*records[0].fields, *records[0].series)
    row = {}
    for field in items if len(items) > 1 else ():
        for name in FIELD_METRICS:
            found = [(record.scores.fields | record.scores.series)[field] for record in records]
            values = [float(one[name].mean()) for one in found]
            row[f"{field}_{name}"], row[f"{field}_{name}_sd"] = mean_and_sd(values)
    return row


def _published(system: str, record: Evaluation, published: Published) -> dict[str, float]:
    row = dict.fromkeys((f"published_{name}" for name in PUBLISHED_METRICS), math.nan)
    keys = ((system, key(record.method)), (system, key(record.label)))
    for item in () if record.stand_in else reversed(keys):
        row |= {f"published_{name}": value for name, value in published.get(item, {}).items()}
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
    untrained = [key for key, records in methods.items() if not records[0].learned]
    for other in untrained if persistence is not None and own.mean() > 0 else ():
        row[f"times_better_than_{other}"] = _case_errors(methods[other]).mean() / own.mean()
    columns = ("mse_ratio", "mse_ratio_low", "mse_ratio_high")
    ratio = _ratio(name, reference, methods, level, resamples)
    return row | dict(zip(columns, ratio, strict=True)) | {"mse_ratio_level": level}


def _compared_with_best(name: str, methods: Group, level: float, resamples: int) -> dict[str, Any]:
    """Compare with the best of the untrained methods, where there are several."""
    untrained = [key for key, records in methods.items() if not records[0].learned]
    best = None
    if len(untrained) > 1:
        best = min(untrained, key=lambda key: _case_errors(methods[key]).mean())
    columns = ("baseline_ratio", "baseline_ratio_low", "baseline_ratio_high")
    ratio = _ratio(name, best, methods, level, resamples)
    return {"baseline": best} | dict(zip(columns, ratio, strict=True))


def _ratio(
    name: str, other: str | None, methods: Group, level: float, resamples: int
) -> tuple[float, float, float]:
    """Ratio of the MSE to that of another method, with its interval."""
    if other is None:
        return math.nan, math.nan, math.nan
    if other == name:
        return 1.0, 1.0, 1.0
    interval = paired_bootstrap(
        _case_errors(methods[name]),
        _case_errors(methods[other]),
        blocks=methods[name][0].blocks,
        level=level,
        resamples=resamples,
    )
    return interval.estimate, interval.low, interval.high


def _costs(records: Sequence[Evaluation]) -> dict[str, Any]:
    means = {}
    for name in COSTS:
        values = [getattr(record, name) for record in records]
        known = [math.nan if value is None else float(value) for value in values]
        means[name] = mean_and_sd(known)[0]
    devices = ", ".join(dict.fromkeys(record.device for record in records))
    return means | {"device": devices}
