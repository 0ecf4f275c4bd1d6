"""Ranks of methods over all systems, as rows for programs and as panels for readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wdno.evaluation.bootstrap import FEWEST_BLOCKS
from wdno.evaluation.grouping import group, scores_of
from wdno.evaluation.metric import Metric
from wdno.evaluation.ranks import Contest, mean_ranks
from wdno.evaluation.record import Record
from wdno.text_tables import MISSING, Panel

ALIKE = "Not told apart from"
COLUMNS = ("score", "method", "label", "mean_rank", "mean_rank_low", "mean_rank_high", "level")


def rank_frame(
    records: Sequence[Record], metrics: Sequence[Metric], *, level: float, resamples: int
) -> pd.DataFrame:
    """Return a row for each score and each method that all systems have that score of.

    Args:
        records: of several systems.
        metrics: what is ranked by.
        level: coverage of the intervals.
        resamples: bootstrap resamples.

    Returns:
        Columns score, method, label, mean_rank, mean_rank_low, mean_rank_high, level,
        not_told_apart (names of methods, with commas between), and `{system}_rank`; best first.

    Raises:
        EvaluationError: the records do not fit together.
    """
    systems = group(records)
    labels = {
        name: seeds[0].label for methods in systems.values() for name, seeds in methods.items()
    }
    rows: list[dict[str, Any]] = []
    for metric in metrics:
        contests = {
            system: Contest(
                {name: scores_of(seeds, metric.name) for name, seeds in methods.items()},
                next(iter(methods.values()))[0].blocks,
            )
            for system, methods in systems.items()
        }
        for one in mean_ranks(contests, metric, level=level, resamples=resamples):
            mean = one.mean
            found = (metric.name, one.name, labels[one.name], *(mean.estimate, mean.low, mean.high))
            row = dict(zip(COLUMNS, (*found, mean.level), strict=True))
            row["not_told_apart"] = ", ".join(one.like)
            rows.append(row | {f"{system}_rank": rank for system, rank in one.of_system.items()})
    columns = [*COLUMNS, "not_told_apart", *(f"{system}_rank" for system in systems)]
    return pd.DataFrame(rows, columns=columns)


def rank_panels(
    frame: pd.DataFrame, metrics: Sequence[Metric], titles: Mapping[str, str]
) -> list[Panel]:
    """Return a panel for each score that methods are ranked by.

    Args:
        frame: of :func:`rank_frame`.
        metrics: what is ranked by.
        titles: names of the systems for readers, by their keys.
    """
    panels = []
    for metric in metrics:
        rows = frame[frame["score"] == metric.name]
        if len(rows):
            panels.append(_panel(rows, metric, titles))
    return panels


def _panel(rows: pd.DataFrame, metric: Metric, titles: Mapping[str, str]) -> Panel:
    labels = dict(zip(rows["method"], rows["label"], strict=True))
    level = rows["level"].iloc[0]
    ends = zip(rows["mean_rank"], rows["mean_rank_low"], rows["mean_rank_high"], strict=True)
    cells = pd.DataFrame({"Method": rows["label"]})
    cells[f"Mean rank [{100 * level:g} %]"] = [
        f"{mean:.2f} [{low:.2f}, {high:.2f}]" for mean, low, high in ends
    ]
    for system, title in titles.items():
        cells[title] = [f"{rank:g}" for rank in rows[f"{system}_rank"]]
    cells[ALIKE] = [
        ", ".join(labels[name] for name in filter(None, like.split(", "))) or MISSING
        for like in rows["not_told_apart"]
    ]
    title = f"All systems: methods ranked by {metric.label}"
    return Panel(
        f"ranks {metric.name}",
        title,
        cells.reset_index(drop=True),
        [
            f"Ranks: 1 is the best {metric.label} of those methods that every system has, equal "
            "ones share a rank; mean over the systems, each counting the same. Interval and 'not "
            "told apart': by a bootstrap in which test cases and trainings are drawn anew and all "
            "is ranked again; not of the choice of systems. A system whose cases overlap and fill "
            f"fewer than {FEWEST_BLOCKS} periods is not drawn anew."
        ],
        words=frozenset({ALIKE}),
    )
