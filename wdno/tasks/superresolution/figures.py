"""The figures of super-resolution: one case on every grid, and energy spectra by grid."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wdno.evaluation.figures.choice import legible
from wdno.evaluation.figures.images import (
    beyond,
    image,
    mse_text,
    scale_of_errors,
    scale_of_field,
    visible,
)
from wdno.evaluation.figures.style import (
    RANGE,
    WIDTH,
    drawing,
    finish,
    looks,
    plot_with_range,
    row_size,
    shared_legend,
    whole_ticks,
)
from wdno.evaluation.grouping import only_system
from wdno.evaluation.record import EvaluationError, Record

if TYPE_CHECKING:
    import xarray as xr

    from wdno.config import EvaluationOptions

Draw = Callable[[Sequence[Record], Path, "EvaluationOptions"], None]


def levels(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Draw the first case on every grid: truth, methods, and their absolute errors.

    A row of fields and one of errors for each grid, on two axes of space of the last frame. Of the
    methods of `evaluation.show` that there are; of none of them, of all.

    Args:
        records: of one system, with examples.
        stem: path without suffix.
        options: which methods are shown.

    Raises:
        EvaluationError: the records do not fit together, or have no examples.
    """
    found = only_system(list(records))
    shown = [name for name in options.show if name in found] or list(found)
    chosen = [found[name][0] for name in shown]
    first = chosen[0].shown()
    grids = chosen[0].items("level")
    columns = 1 + len(chosen)
    with drawing(stem, max(WIDTH, 1.45 * columns + 0.8), 2.6 * len(grids) + 0.8) as figure:
        case, field = int(first["example"].values[0]), str(first["field"].values[0])
        figure.suptitle(f"{chosen[0].title}, case {case}, {field}", x=0.01, ha="left", fontsize=9)
        axes = figure.subplots(2 * len(grids), columns, squeeze=False)
        colours = None
        for number, grid in enumerate(grids):
            rows = axes[2 * number : 2 * number + 2]
            pictures = [_picture(one, number) for one in chosen]
            truth = pictures[0][0]
            colours = colours or scale_of_field(truth)
            errors = [np.abs(drawn - truth) for _, drawn in pictures]
            names, across, up = _axes_of(first, number)
            values = [truth, *(drawn for _, drawn in pictures)]
            for axis, one in zip(rows[0], values, strict=True):
                last = image(axis, across, up, one, **colours)
            extend = beyond(values, colours["norm"])
            figure.colorbar(last, ax=rows[0].tolist(), aspect=12, pad=0.01, extend=extend)
            norm = scale_of_errors(errors, float(np.ptp(truth)), "log")
            rows[1, 0].set_axis_off()
            for axis, error in zip(rows[1, 1:], errors, strict=True):
                last = image(axis, across, up, visible(error, norm), cmap="magma", norm=norm)
                axis.set_title(mse_text(error))
            bar: dict[str, Any] = {"aspect": 12, "pad": 0.01, "label": "|error|"}
            extend = beyond(errors, norm)
            figure.colorbar(last, ax=rows[1].tolist(), extend=extend, **bar)
            rows[0, 0].set_ylabel(f"{grid}\n{names[0]}")
            for axis in rows.ravel():
                axis.tick_params(labelbottom=False, labelleft=False)
                if first[f"truth_{number}"].ndim > 4:
                    axis.set_aspect("equal")
        axes[0, 0].set_title("Truth")
        for axis, record in zip(axes[0, 1:], chosen, strict=True):
            axis.set_title(textwrap.fill(record.label, 18))
        for axis in axes[-1, 1:]:
            axis.set_xlabel(names[1])


def _axes_of(
    examples: xr.Dataset, number: int
) -> tuple[tuple[str, str], NDArray[Any], NDArray[Any]]:
    """Names and values of the axes of a picture: up and across."""
    up, across = examples[f"truth_{number}"].dims[-2:]
    names = tuple(str(name).rsplit("_", 1)[0] for name in (up, across))
    return (names[0], names[1]), examples[across].values, examples[up].values


def _picture(record: Record, number: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Truth and prediction of the first field of the first case, time and space or the last frame.

    Raises:
        EvaluationError: the examples lack the level.
    """
    examples = record.shown()
    if f"truth_{number}" not in examples:
        raise EvaluationError(f"{record.where}: its examples lack level {number}; evaluate again")
    truth, drawn = (
        np.asarray(examples[f"{kind}_{number}"][0, 0], dtype=np.float64)
        for kind in ("truth", "prediction")
    )
    return (truth[-1], drawn[-1]) if truth.ndim > 2 else (truth, drawn)


def spectra(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Draw energy spectra over space on every grid, of the truth and of each method.

    A line marks the highest wavenumber of the next coarser grid: what is beyond it is new. Of the
    first field, and of many methods those of `evaluation.show`; arguments and errors as for
    :func:`levels`.
    """
    found = only_system(legible(records, options.show))
    styles = looks([record for seeds in found.values() for record in seeds])
    first = next(iter(found.values()))[0]
    grids = first.items("level")
    with drawing(stem, *row_size(len(grids))) as figure:
        axes = figure.subplots(1, len(grids), squeeze=False)[0]
        for number, (axis, grid) in enumerate(zip(axes, grids, strict=True)):
            shells = slice(1, -1)
            wavenumber = first.scores[f"wavenumber_{number}"].values[shells]
            truth = first.scores[f"spectrum_truth_{number}"].values[0][shells]
            style = {"color": "black", "linewidth": 2.5, "alpha": 0.9}
            plot_with_range(axis, wavenumber, truth[None], "Truth", style)
            for method, seeds in found.items():
                lines = np.stack(
                    [r.scores[f"spectrum_prediction_{number}"].values[0][shells] for r in seeds]
                )
                own = {**styles[method], "marker": ""}
                plot_with_range(axis, wavenumber, lines, seeds[0].label, own)
            if number:
                known = first.scores[f"wavenumber_{number - 1}"].values[-1]
                axis.axvline(known, color="0.6", linewidth=0.8, linestyle=":")
            axis.set_xscale("log")
            axis.set_yscale("log")
            if (top := float(truth.max())) > 0:
                axis.set_ylim(1e-9 * top, 5 * top)
            whole_ticks(axis, 2 ** np.arange(int(np.log2(wavenumber[-1])) + 1))
            finish(axis, grid)
            axis.set_xlabel("wavenumber k (cycles per length)")
        axes[0].set_ylabel(f"energy E(k) of {first.shown()['field'].values[0]}")
        several = any(len(seeds) > 1 for seeds in found.values())
        shared_legend(figure, axes, RANGE if several else None)


FIGURES: Mapping[str, Draw] = MappingProxyType({"levels": levels, "spectra": spectra})
"""Draws each figure from the records of one system."""
