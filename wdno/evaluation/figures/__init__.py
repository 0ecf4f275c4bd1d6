"""Figures that tasks share: of evaluations, of trainings, and of a data set.

Each takes a path without suffix and writes PNG and PDF; an animation is a GIF. Those of
evaluations are drawn from records (:class:`~wdno.evaluation.record.Record`) and say which of their
variables they read.
"""

from wdno.evaluation.figures.animation import animation
from wdno.evaluation.figures.curves import error_by_steepness, error_over_time, spectra
from wdno.evaluation.figures.scene_figure import scene
from wdno.evaluation.figures.series import series
from wdno.evaluation.figures.training import training_curves
from wdno.evaluation.figures.trajectories import trajectories

__all__ = [
    "animation",
    "error_by_steepness",
    "error_over_time",
    "scene",
    "series",
    "spectra",
    "training_curves",
    "trajectories",
]
