"""Figure of training: loss against steps and against time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from wdno.evaluation.figures.style import WIDTH, drawing, look, shared_legend
from wdno.evaluation.record import EvaluationError

COLUMNS = ("step", "loss", "validation_loss", "seconds")
SMOOTHING = 40
"""The training loss is drawn as a running mean over this fraction (1 / 40) of the record."""

TRAINING: dict[str, Any] = {"linestyle": ":", "linewidth": 1.0, "alpha": 0.7}


def read_history(path: str | Path) -> pd.DataFrame:
    """Read the record of a training, a JSON object a line with at least `step`.

    Returns:
        Columns step, loss, validation_loss, seconds; NaN where a line has none.

    Raises:
        EvaluationError: the file is absent, damaged or empty, or its steps do not rise.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
    except FileNotFoundError as error:
        raise EvaluationError(f"{path} does not exist: train the model first") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise EvaluationError(f"{path} is damaged ({error}): train the model again") from error
    if not rows or any(not isinstance(row, dict) or "step" not in row for row in rows):
        raise EvaluationError(f"{path}: expected lines of JSON objects with the key 'step'")
    history = pd.DataFrame([{name: row.get(name) for name in COLUMNS} for row in rows])
    history = history.astype(float)
    # Loss and validation loss of a step may stand on lines of their own.
    if not history["step"].is_monotonic_increasing:
        raise EvaluationError(f"{path}: steps do not rise: two trainings wrote into one file")
    return history


def training_curves(
    histories: Mapping[str, Mapping[str, Sequence[str | Path]]], path: str | Path, *, title: str
) -> None:
    """Draw training and validation loss against steps (left) and seconds (right).

    Losses of different objectives are not comparable, and neither are those of different
    representations quite (each is a mean over its own normalised channels): hence a row of panels
    for each group.

    Args:
        histories: group (such as an objective) -> label of a model -> files `train.jsonl`, one for
            each seed.
        path: without suffix.
        title: name of the system for readers.

    Raises:
        EvaluationError: a file cannot be used, or there is none.
    """
    records = {
        name: {label: [read_history(file) for file in files] for label, files in models.items()}
        for name, models in histories.items()
    }
    if not any(seeds for models in records.values() for seeds in models.values()):
        raise EvaluationError("training_curves: expected at least one file train.jsonl, got none")
    labels = dict.fromkeys(label for models in records.values() for label in models)
    styles = {label: look(index) for index, label in enumerate(labels)}
    with drawing(path, WIDTH, 2.3 * len(records) + 0.5) as figure:
        figure.suptitle(title)
        axes = figure.subplots(len(records), 2, squeeze=False, sharey="row")
        for (left, right), (group, models) in zip(axes, records.items(), strict=True):
            for label, seeds in models.items():
                for index, history in enumerate(seeds):
                    name = label if index == 0 else ""
                    _draw(left, history, "step", name, styles[label]["color"])
                    _draw(right, history, "seconds", name, styles[label]["color"])
            left.set_title(group, loc="left")
            left.set_ylabel("loss")
            left.set_xlabel("optimiser step")
            right.set_xlabel("seconds of training")
            for axis in (left, right):
                axis.set_yscale("log")
                axis.grid(True)
                axis.spines[["top", "right"]].set_visible(False)
        grey: dict[str, Any] = {"color": "0.3"}
        axes[-1, -1].add_line(Line2D([], [], label="validation", **grey))
        axes[-1, -1].add_line(Line2D([], [], label="training (smoothed)", **grey, **TRAINING))
        several = any(len(seeds) > 1 for models in records.values() for seeds in models.values())
        shared_legend(figure, axes.ravel(), "a line for each seed" if several else None)


def _draw(axis: Axes, history: pd.DataFrame, x: str, label: str, colour: str) -> None:
    training = history.dropna(subset=["loss", x])
    window = max(1, len(training) // SMOOTHING)
    smooth = training["loss"].rolling(window, min_periods=1).mean()
    axis.plot(training[x], smooth, color=colour, **TRAINING)
    validation = history.dropna(subset=["validation_loss", x])
    marker = "o" if len(validation) < 30 else ""
    axis.plot([], [], color=colour, label=label or "_", linewidth=1.5)
    axis.plot(
        validation[x], validation["validation_loss"], color=colour, marker=marker, markersize=2.5
    )
