"""The sampler study: error against network evaluations, on checkpoints that are already trained.

One file `sampler_study.csv` for each model and seed, a line for each sampler, eta and number of
steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from wdno.evaluation.bootstrap import mean_and_sd
from wdno.evaluation.record import EvaluationError
from wdno.evaluation.tables.labels import sampler_label
from wdno.evaluation.tables.text import Panel, count, number, with_spread, write_table
from wdno.files import write_text

COLUMNS = (
    *("system", "title", "task", "model", "seed", "sampler", "eta", "steps", "cases", "mse"),
    "seconds_per_trajectory",
)
"""`steps` are network evaluations of one trajectory; `eta` is empty where a sampler has none."""

SETTING = ["system", "title", "task", "model", "sampler", "eta", "steps", "cases"]


def write_sampler_study(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the study of one model and seed as CSV, whole or not at all.

    Args:
        path: the file.
        rows: one mapping for each setting, with the keys :data:`COLUMNS`; `eta` may be None.

    Raises:
        EvaluationError: there are no rows, or one lacks or adds a key.
    """
    if not rows:
        raise EvaluationError(f"{path}: the study has no rows")
    for row in rows:
        if set(row) != set(COLUMNS):
            raise EvaluationError(
                f"{path}: expected the keys {', '.join(COLUMNS)}, got {', '.join(row)}"
            )
    frame = pd.DataFrame(list(rows), columns=list(COLUMNS))
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def read_sampler_study(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Read the studies of several models and seeds into one frame.

    Raises:
        EvaluationError: a file is absent or damaged, there is none, or a setting occurs twice.
    """
    frames = [_read(Path(path)) for path in paths]
    if not frames:
        raise EvaluationError("sampler study: expected at least one file sampler_study.csv")
    frame = pd.concat(frames, ignore_index=True)
    repeated = frame[frame.duplicated([*SETTING, "seed"])]
    if len(repeated):
        first = repeated.iloc[0][[*SETTING, "seed"]].to_dict()
        raise EvaluationError(f"sampler study: {first} occurs twice; give each file once")
    return frame


def _read(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values={"eta": [""], "mse": [""]})
    except FileNotFoundError as error:
        raise EvaluationError(f"{path} does not exist: run the sampler study first") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} is damaged ({error}): run the study again") from error
    if tuple(frame.columns) != COLUMNS or frame.empty:
        raise EvaluationError(
            f"{path}: expected rows of {', '.join(COLUMNS)}; found {len(frame)} rows of "
            f"{', '.join(map(str, frame.columns))}: run the study again"
        )
    try:
        return frame.astype(
            {"seed": int, "eta": float, "steps": int, "cases": int, "mse": float}
            | {"seconds_per_trajectory": float}
        )
    except ValueError as error:
        raise EvaluationError(f"{path} is damaged ({error}): run the study again") from error


def sampler_study_table(study: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over seeds of each setting.

    Args:
        study: rows of :func:`read_sampler_study`.

    Returns:
        Columns system, title, task, model, sampler, eta, steps, cases, seeds, mse, mse_sd (NaN for
        one seed), seconds_per_trajectory; ordered as the models and samplers first occur, then by
        eta and steps.
    """
    groups = study.groupby(SETTING, sort=False, dropna=False)
    table = groups.agg(
        seeds=("seed", "nunique"),
        mse=("mse", lambda values: mean_and_sd(values.to_numpy())[0]),
        mse_sd=("mse", lambda values: mean_and_sd(values.to_numpy())[1]),
        seconds_per_trajectory=("seconds_per_trajectory", "mean"),
    ).reset_index()
    order = {
        name: {value: rank for rank, value in enumerate(dict.fromkeys(study[name]))}
        for name in ("system", "task", "model", "sampler")
    }
    return table.sort_values(
        ["system", "task", "model", "sampler", "eta", "steps"],
        key=lambda column: column.map(order[column.name]) if column.name in order else column,
        ignore_index=True,
    )


def write_sampler_study_table(
    table: pd.DataFrame, path: str | Path, *, labels: Mapping[str, str] | None = None
) -> None:
    """Write the table of the study as `{path}.csv`, `.md`, `.tex` and `.html`.

    Args:
        table: rows of :func:`sampler_study_table`.
        path: without suffix.
        labels: names of the models for readers; default: the keys.
    """
    panels = []
    for system, rows in table.groupby("system", sort=False):
        rows = rows.reset_index(drop=True)
        settings = zip(rows["sampler"], rows["eta"], strict=True)
        cells = pd.DataFrame(
            {
                "Model": rows["model"].replace(dict(labels or {})),
                "Sampler": [sampler_label({"name": name, "eta": eta}) for name, eta in settings],
                "Evaluations": rows["steps"].map(count),
                "Seeds": rows["seeds"].map(count),
                "MSE": [
                    with_spread(*pair) for pair in zip(rows["mse"], rows["mse_sd"], strict=True)
                ],
                "Seconds": rows["seconds_per_trajectory"].map(number),
            }
        )
        best = rows.dropna(subset="mse").groupby("model", sort=False)["mse"].idxmin()
        name, cases = rows["title"].iloc[0], rows["cases"].iloc[0]
        title = f"{name}: MSE of one sample on {cases} test cases, by sampler"
        bold = frozenset((int(row), "MSE") for row in best)
        panels.append(Panel(str(system), title, cells, NOTES, bold, frozenset({"Sampler"})))
    write_table(path, "Sampler study", table, panels)


NOTES = (
    "MSE: of one draw, mean over cases, then mean ± sample standard deviation over training seeds; "
    "bold: lowest of each model. Evaluations: of the network for one trajectory. Seconds: for one "
    "trajectory.",
    "Few steps come nearer to the conditional mean, which has a lower MSE than a perfect sample: a "
    "minimum at few steps does not mean that the samples are better.",
)
