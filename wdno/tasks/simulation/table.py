"""The table of simulation: a row for each system and method, everything in columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from wdno.evaluation.bootstrap import mean_and_sd
from wdno.evaluation.record import Record
from wdno.evaluation.scores.forecast import MSE_MEAN_WEIGHTED, MSE_WEIGHTED, SPREAD
from wdno.evaluation.scores.pointwise import (
    CRPS,
    MAE,
    MAX_ERROR,
    MSE,
    MSE_MEAN,
    MSE_NORMALISED,
)
from wdno.evaluation.tables.task_table import TaskTable
from wdno.tasks.simulation import published as papers
from wdno.tasks.simulation.metrics import COMPARED, METRICS
from wdno.tasks.simulation.panels import OVER_TIME, panels
from wdno.tasks.simulation.published import Published

OF_FIELDS = (MSE.name, MAE.name, MAX_ERROR.name)
RANKED = (MSE.name, CRPS.name)


def beside(published: Published) -> TaskTable:
    """Return the table beside values of papers.

    Its rows have, beside the columns of :func:`wdno.evaluation.tables.collect.collect`, those of
    the MSE, the MAE and the largest error of each field and series, and mse_first_frame,
    mse_last_frame (normalised where there are several fields), mse_growth_per_frame, the factor
    between them, root_mse_weighted and spread_skill (:mod:`wdno.evaluation.scores.forecast`), each
    of these with its `_sd` over seeds, and published_mse, published_mae, published_max_error.

    Args:
        published: values of papers (:mod:`.published`); looked up by the method's name, then by its
            label; not beside data that stand in for a record.
    """
    return TaskTable(
        title="Simulation",
        metrics=METRICS,
        compared=COMPARED,
        panels=panels,
        further=partial(_further, published=published),
        of_items=OF_FIELDS,
        ranked=RANKED,
    )


def _further(seeds: Sequence[Record], published: Published) -> Mapping[str, float]:
    return _over_time(seeds) | _forecast(seeds) | _published(seeds[0], published)


def _over_time(seeds: Sequence[Record]) -> dict[str, float]:
    """MSE of the first and the last frame, and the factor a frame between them.

    Of several fields, each in units of its spread in training, where that is known.
    """
    of_seeds = [_first_last_growth(_mse_of_frames(record)) for record in seeds]
    row = {}
    for name, values in zip(OVER_TIME, zip(*of_seeds, strict=True), strict=True):
        row[name], row[f"{name}_sd"] = mean_and_sd(list(values))
    return row


def _first_last_growth(frames: NDArray[np.float64]) -> tuple[float, float, float]:
    first, last = float(frames[0]), float(frames[-1])
    defined = len(frames) > 1 and first > 0
    growth = (last / first) ** (1 / (len(frames) - 1)) if defined else math.nan
    return first, last, growth


def _mse_of_frames(record: Record) -> NDArray[np.float64]:
    """Mean over cases and fields, `[T]`."""
    by_field = record.scores["mse_over_time"].values.mean(axis=0)
    fields = record.items("field")
    for row, field in zip(by_field, fields, strict=True):
        mse = record.score_of("field", field, MSE.name).mean()
        normalised = record.score_of("field", field, MSE_NORMALISED.name).mean()
        if len(fields) > 1 and not math.isnan(normalised) and mse > 0:
            row *= normalised / mse
    frames: NDArray[np.float64] = by_field.mean(axis=0)
    return frames


def _forecast(seeds: Sequence[Record]) -> dict[str, float]:
    """Root of the weighted MSE, and the spread-skill ratio; means over seeds."""
    roots = mean_and_sd([math.sqrt(record.mean(MSE_WEIGHTED.name)) for record in seeds])
    skills = mean_and_sd([_spread_skill(record) for record in seeds])
    return {
        "root_mse_weighted": roots[0],
        "root_mse_weighted_sd": roots[1],
        "spread_skill": skills[0],
        "spread_skill_sd": skills[1],
    }


def _spread_skill(record: Record) -> float:
    weighted = MSE_MEAN_WEIGHTED.name in record.score_names
    skill = record.mean(MSE_MEAN_WEIGHTED.name if weighted else MSE_MEAN.name)
    return math.sqrt(record.mean(SPREAD.name) / skill) if skill > 0 else math.nan


def _published(record: Record, published: Published) -> dict[str, float]:
    row = dict.fromkeys((f"published_{name}" for name in papers.METRICS), math.nan)
    names = () if record.identity.stand_in else (record.label, record.method)
    for name in names:
        found = published.get((record.system, papers.key(name)), {})
        row |= {f"published_{metric}": value for metric, value in found.items()}
    return row


table = beside(papers.simulation()).make
