"""Figures of curves: error over time, energy spectra, error against network evaluations."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter
from numpy.typing import NDArray

from wdno.evaluation.figures.style import (
    WIDTH,
    axis_label,
    drawing,
    look,
    looks,
    plot_with_range,
    shared_legend,
)
from wdno.evaluation.grouping import Group, group
from wdno.evaluation.record import Evaluation, EvaluationError
from wdno.evaluation.tables.labels import sampler_label

RANGE = "line: mean\nband: range of seeds"
DECADES = 1e6
"""Most that the error over time spans; smaller errors are not seen."""
SHELLS = slice(1, -1)
"""Shells of a spectrum that are drawn: neither the mean nor the last, which is but half filled."""


def error_over_time(
    evaluations: Iterable[Evaluation], path: str | Path, *, methods: Sequence[str] | None = None
) -> None:
    """Draw the mean squared error of one draw at each time, a panel for each field and series.

    Lines are means over cases and seeds; the band is the range of the seeds' means.

    Args:
        evaluations: of one or several systems.
        path: without suffix.
        methods: methods to draw, in this order; None: all.

    Raises:
        EvaluationError: a method has no evaluation, or the records do not fit together.
    """
    evaluations = list(evaluations)
    styles = looks(evaluations)
    systems = group(evaluations, methods)
    panels = [
        (system, found, index)
        for system, found in systems.items()
        for index in range(len(_items(_first(found))))
    ]
    with drawing(path, *_size(len(panels))) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        several = any(len(records) > 1 for found in systems.values() for records in found.values())
        for axis, (_, found, index) in zip(axes, panels, strict=True):
            for method, records in found.items():
                lines = [_errors_over_time(item)[index] for item in records]
                time = records[0].coordinates["time"]
                options = {"marker": ""} if len(time) > 1 else {}
                style = styles[method]
                plot_with_range(axis, time, np.stack(lines), records[0].label, style, **options)
            first = _first(found)
            axis.set_xlabel(axis_label("time", "t", first.units.get("time", "")))
            axis.set_yscale("log")
            # Repeating a share of zero is right to many digits before smoke arrives.
            largest = float(axis.dataLim.y1)
            if axis.get_ylim()[0] < largest / DECADES:
                axis.set_ylim(largest / DECADES, 2 * largest)
            _finish(axis, _panel_title(first, index))
        axes[0].set_ylabel("MSE at time t")
        shared_legend(figure, axes, RANGE if several else None)


def _first(found: Group) -> Evaluation:
    return next(iter(found.values()))[0]


def _items(record: Evaluation) -> tuple[str, ...]:
    return (*record.fields, *record.series)


def _errors_over_time(record: Evaluation) -> NDArray[np.float64]:
    """Means over cases, of fields, then of series, `[F + S, T]`."""
    scores = record.scores
    both = np.concatenate([scores.mse_over_time, scores.series_mse_over_time], axis=1)
    mean: NDArray[np.float64] = both.mean(axis=0)
    return mean


def _panel_title(first: Evaluation, index: int) -> str:
    """Name the system and, where it has several, the field or series."""
    name, items = textwrap.fill(first.title, 34), _items(first)
    return f"{name}\n{items[index]}" if len(items) > 1 else name


def spectra(
    evaluations: Iterable[Evaluation], path: str | Path, *, methods: Sequence[str] | None = None
) -> None:
    """Draw energy spectra over space, of the truth and of each method, a panel for each field.

    Energies are means over times, cases and samples; lines are means over seeds, the band is their
    range. Arguments and errors as for :func:`error_over_time`; the records' truths must agree.
    """
    evaluations = list(evaluations)
    styles = looks(evaluations)
    systems = group(evaluations, methods)
    columns = max(len(item.fields) for item in evaluations)
    width, height = _size(columns)
    with drawing(path, width, height * len(systems)) as figure:
        axes = figure.subplots(len(systems), columns, squeeze=False)
        for row, found in zip(axes, systems.values(), strict=True):
            first = _first(found)
            for index, axis in enumerate(row):
                if index >= len(first.fields):
                    axis.set_axis_off()
                    continue
                _draw_spectra(axis, [item for items in found.values() for item in items], index)
                for method, records in found.items():
                    lines = [item.scores.spectrum_prediction[index, SHELLS] for item in records]
                    wavenumber = first.scores.wavenumber[SHELLS]
                    style = {**styles[method], "marker": ""}
                    plot_with_range(axis, wavenumber, np.stack(lines), records[0].label, style)
                _finish(axis, _panel_title(first, index))
                axis.set_xlabel("wavenumber k (cycles per length)")
            row[0].set_ylabel("energy E(k)")
        several = any(len(items) > 1 for found in systems.values() for items in found.values())
        shared_legend(figure, axes.ravel(), RANGE if several else None)


def _draw_spectra(axis: Axes, records: Sequence[Evaluation], index: int) -> None:
    """Draw the truth's spectrum and set the axes to what can be seen of it."""
    truth = records[0].scores.spectrum_truth[index]
    for other in records[1:]:
        if not np.allclose(other.scores.spectrum_truth[index], truth, rtol=1e-3, atol=0):
            raise EvaluationError(
                f"{other.where}: the truth has another spectrum than for {records[0].where}; "
                "evaluate both on the same test set"
            )
    wavenumber = records[0].scores.wavenumber[SHELLS]
    style = {"color": "black", "linewidth": 2.5, "alpha": 0.9}
    plot_with_range(axis, wavenumber, truth[None, SHELLS], "Truth", style)
    axis.set_xscale("log")
    axis.set_yscale("log")
    if (top := float(truth[SHELLS].max())) > 0:
        axis.set_ylim(max(1e-9 * top, 0.2 * _smallest(records, index)), 5 * top)
    _whole_ticks(axis, 2 ** np.arange(int(np.log2(wavenumber[-1])) + 1))


def _smallest(records: Sequence[Evaluation], index: int) -> float:
    spectra = [
        values[index, SHELLS]
        for item in records
        for values in (item.scores.spectrum_truth, item.scores.spectrum_prediction)
    ]
    energies = np.concatenate(spectra)
    positive = energies[np.isfinite(energies) & (energies > 0)]
    return float(positive.min()) if positive.size else 0.0


def error_vs_evaluations(
    study: pd.DataFrame, path: str | Path, *, labels: Mapping[str, str] | None = None
) -> None:
    """Draw the error of one draw against network evaluations, a line for each model and sampler.

    Lines are means over seeds, bands their range; colours tell models, dashes and markers samplers.

    Args:
        study: rows of :func:`wdno.studies.sampler_study.read_sampler_study`.
        path: without suffix.
        labels: names of the models; default: the keys.

    Raises:
        EvaluationError: the study has no rows.
    """
    if study.empty:
        raise EvaluationError("sampler study: expected at least one row, got none")
    labels = labels or {}
    systems = list(dict.fromkeys(study["system"]))
    models = {model: look(index) for index, model in enumerate(dict.fromkeys(study["model"]))}
    pairs = study[["sampler", "eta"]].drop_duplicates().itertuples(index=False, name=None)
    samplers = {
        sampler_label({"name": name, "eta": eta}): look(index)
        for index, (name, eta) in enumerate(pairs)
    }
    with drawing(path, *_size(len(systems))) as figure:
        axes = figure.subplots(1, len(systems), squeeze=False)[0]
        for axis, system in zip(axes, systems, strict=True):
            rows = study[study["system"] == system]
            keys = ["model", "sampler", "eta"]
            for (model, sampler, eta), line in rows.groupby(keys, sort=False, dropna=False):
                name = sampler_label({"name": sampler, "eta": eta})
                style: dict[str, Any] = {**samplers[name], "color": models[model]["color"]}
                label = f"{labels.get(model, model)}, {name}"
                table = line.pivot(index="seed", columns="steps", values="mse")
                steps = table.columns.to_numpy()
                plot_with_range(axis, steps, table.to_numpy(), label, style, markersize=4)
            axis.set_xscale("log")
            axis.set_yscale("log")
            _whole_ticks(axis, np.unique(rows["steps"]))
            axis.set_xlabel("network evaluations")
            _finish(axis, textwrap.fill(rows["title"].iloc[0], 34))
        axes[0].set_ylabel("MSE of one sample")
        several = study["seed"].nunique() > 1
        shared_legend(figure, axes, RANGE if several else None)


def _whole_ticks(axis: Axes, ticks: Any) -> None:
    axis.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(ScalarFormatter())


def _size(panels: int) -> tuple[float, float]:
    """Width and height in inches: room for the legend on the right."""
    return (5.4 if panels == 1 else max(WIDTH, 2.3 * panels + 1.6)), 2.7


def _finish(axis: Axes, title: str) -> None:
    axis.set_title(title)
    axis.grid(True)
    axis.spines[["top", "right"]].set_visible(False)
