"""The figures of an evaluation, and of a data set. Each takes a path without suffix: PNG and PDF.

An animation is a GIF.
"""

from wdno.evaluation.figures.animation import animation
from wdno.evaluation.figures.curves import error_over_time, error_vs_evaluations, spectra
from wdno.evaluation.figures.scene import scene
from wdno.evaluation.figures.series import series
from wdno.evaluation.figures.training import training_curves
from wdno.evaluation.figures.trajectories import trajectories

__all__ = [
    "animation",
    "error_over_time",
    "error_vs_evaluations",
    "scene",
    "series",
    "spectra",
    "training_curves",
    "trajectories",
]
