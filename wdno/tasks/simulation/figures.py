"""The figures of simulation: which of the shared figures it has, and which methods they show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from wdno.evaluation import figures
from wdno.evaluation.figures.choice import legible
from wdno.evaluation.record import Record

if TYPE_CHECKING:
    from wdno.config import EvaluationOptions

Draw = Callable[[Sequence[Record], Path, "EvaluationOptions"], None]


def trajectories(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Draw examples of the methods of `evaluation.show` that there are; of none of them, of all.

    Forecasts are beside those of every method without training.

    Args:
        records: of one system, with examples.
        stem: path without suffix.
        options: how predictions are shown.

    Raises:
        EvaluationError: the records do not fit together, or cannot be drawn.
    """
    methods = dict.fromkeys(record.method for record in records)
    shown = [method for method in options.show if method in methods]
    chosen = list(dict.fromkeys([*shown, *_beside(records)]))
    figures.trajectories(records, stem, methods=chosen or None)


def spectra(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Draw energy spectra of the methods that were trained; of forecasts, of all.

    A method that repeats what is given has its spectrum, whatever comes of it. Arguments and errors
    as for :func:`trajectories`.
    """
    some = legible(records, options.show)
    trained = dict.fromkeys(record.method for record in some if record.learned)
    figures.spectra(some, stem, methods=[*trained, *_beside(some)] or None)


def animation(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Draw the frames of an example, of every method; as :func:`trajectories`."""
    figures.animation(records, stem)


def series(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Draw the series of the examples, of every method; as :func:`trajectories`."""
    figures.series(records, stem)


def error_over_time(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Draw the error over time of every method, of many those of `evaluation.show`.

    Arguments and errors as for :func:`trajectories`.
    """
    figures.error_over_time(legible(records, options.show), stem)


def error_by_steepness(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Draw the error where the truth is flat and where it is steep; as :func:`error_over_time`."""
    figures.error_by_steepness(legible(records, options.show), stem)


def _beside(records: Sequence[Record]) -> list[str]:
    """Methods without training, where they are what a forecast must beat; else none."""
    if all(record.blocks is None for record in records):
        return []
    return list(dict.fromkeys(record.method for record in records if not record.learned))


FIGURES: Mapping[str, Draw] = MappingProxyType(
    {
        "trajectories": trajectories,
        "animation": animation,
        "series": series,
        "error_over_time": error_over_time,
        "error_by_steepness": error_by_steepness,
        "spectra": spectra,
    }
)
"""Draws each figure from the records of one system."""
