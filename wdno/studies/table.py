"""The table of a study: a row for each variation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from wdno.evaluation.bootstrap import mean_and_sd
from wdno.evaluation.grouping import scores_of
from wdno.evaluation.metric import Metric
from wdno.evaluation.tables.collect import costs, with_whole_numbers
from wdno.evaluation.tables.marks import NOTE, Marks, marks
from wdno.studies.results import StudyResults, VariedMethod, is_number, value_text
from wdno.text_tables import Panel, count, number, with_spread, write_table


def study_frame(results: StudyResults) -> pd.DataFrame:
    """Return a row for each variation.

    Args:
        results: of the study.

    Returns:
        Columns study, system, title, task, of (the method that is varied), label (its name for
        readers), method, a column for each option of the study under its key (sections as readers
        see them), cases, seeds, each metric (mean over cases and seeds; NaN where the records do
        not have it) and `{metric}_sd` (sample standard deviation over seeds; NaN for one), and the
        costs evaluations, seconds_per_trajectory, training_seconds, training_steps, parameters,
        memory_mb and batch.
    """
    rows = [_row(one, results) for varied in results.systems.values() for one in varied]
    return with_whole_numbers(pd.DataFrame(rows))


def _row(one: VariedMethod, results: StudyResults) -> dict[str, Any]:
    first, variation = one.records[0], one.variation
    row: dict[str, Any] = {
        "study": results.name,
        "system": variation.system,
        "title": first.title,
        "task": first.identity.task,
        "of": variation.of,
        "label": results.labels[variation.of],
        "method": variation.method,
    }
    row |= {
        key: value if is_number(value) else value_text(key, value)
        for key, value in variation.values.items()
    }
    row |= {"cases": first.cases, "seeds": len(one.records)}
    for metric in results.metrics:
        row[metric.name], row[f"{metric.name}_sd"] = mean_and_sd(one.means(metric))
    return row | costs(one.records)


def study_table(
    results: StudyResults,
    path: str | Path,
    *,
    digits: int = 3,
    level: float = 0.95,
    resamples: int = 2000,
) -> None:
    """Write the table of a study as `{path}.csv`, `.md`, `.tex` and `.html`.

    The CSV file has the columns of :func:`study_frame`. The others have a panel for each system; of
    each method that is varied, the best variations in the compared metric are marked, as
    :mod:`wdno.evaluation.tables.marks` says.

    Args:
        results: of the study.
        path: without suffix.
        digits: significant digits of metrics.
        level: coverage of the intervals by which the best are told apart.
        resamples: bootstrap resamples.
    """
    frame = study_frame(results)
    panels = [
        _panel(
            results,
            str(system),
            rows.reset_index(drop=True),
            digits,
            _marks(results, str(system), level=level, resamples=resamples),
        )
        for system, rows in frame.groupby("system", sort=False)
    ]
    write_table(path, results.title, frame, panels)


def _marks(results: StudyResults, system: str, **bootstrap: Any) -> Marks:
    """Marked rows of a system: of each method that is varied, in the compared metric."""
    metric, varied = results.metrics[0], results.systems[system]
    best: frozenset[int] = frozenset()
    second: frozenset[int] = frozenset()
    for of in dict.fromkeys(one.variation.of for one in varied):
        rivals = [
            scores_of(one.records, metric.name) if one.variation.of == of else None
            for one in varied
        ]
        found = marks(rivals, metric, blocks=varied[0].records[0].blocks, **bootstrap)
        best, second = best | found.best, second | found.second
    return Marks(best, second)


def _panel(
    results: StudyResults, system: str, rows: pd.DataFrame, digits: int, marked: Marks
) -> Panel:
    cells = pd.DataFrame({"Method": rows["label"]})
    words = set()
    for key in results.varied:
        heading = _capital(results.heading(key))
        cells[heading] = [value_text(key, value) for value in rows[key]]
        if not pd.api.types.is_numeric_dtype(rows[key]):
            words.add(heading)
    cells["Seeds"] = rows["seeds"].map(count)
    compared = results.metrics[0]
    shown = [
        metric
        for metric in results.metrics
        if metric == compared or rows[metric.name].notna().any()
    ]
    for metric in shown:
        pairs = zip(rows[metric.name], rows[f"{metric.name}_sd"], strict=True)
        cells[metric.label] = [with_spread(*pair, digits) for pair in pairs]
    cells["Seconds"] = rows["seconds_per_trajectory"].map(number)
    if rows["batch"].nunique() > 1:
        cells["Memory (MB)"] = rows["memory_mb"].map(number)
    if rows["training_seconds"].nunique() > 1:
        cells["Training seconds"] = rows["training_seconds"].map(number)
    if rows["parameters"].nunique() > 1:
        cells["Parameters"] = rows["parameters"].map(count)
    bold, underlined = (frozenset((row, compared.label) for row in of) for of in marked)
    title = f"{rows['title'].iloc[0]}: {results.title}, on {rows['cases'].iloc[0]} test cases"
    for key in results.fixed:
        title += f", {results.phrase(key, results.variations[0].values[key])}"
    notes = _notes(results, shown, memory="Memory (MB)" in cells)
    return Panel(system, title, cells, notes, bold, frozenset(words), underlined)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _notes(results: StudyResults, shown: Sequence[Metric], *, memory: bool) -> list[str]:
    compared = results.metrics[0]
    notes = [
        "Each row is the method with the options shown, and everything else as the method has it. "
        "Errors are means over test cases, then mean ± sample standard deviation over training "
        "seeds (no ± for one seed). Seconds: for one sample of one case."
    ]
    if compared.better != "neither":
        notes.append(f"{NOTE} Of {compared.label}, among the rows of each method.")
    notes += [metric.note for metric in shown if metric.note]
    if memory:
        notes.append("Memory: the most that predicting a batch took at once, beyond the weights.")
    if any(key.split(".")[0] == "sampler" for key in results.varied):
        notes.append(
            "With few steps a sample comes near to the conditional mean, whose squared error is "
            "half that of a perfect sample: a squared error that is lowest at few steps does not "
            "mean that the samples are better."
        )
    return notes
