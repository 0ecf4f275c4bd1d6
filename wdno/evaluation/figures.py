"""The figures of an evaluation, and of a data set. Each takes a path without suffix: PNG and PDF.

An animation is a GIF.
"""

from wdno.evaluation.figures_animation import animation
from wdno.evaluation.figures_curves import error_over_time, error_vs_evaluations, spectra
from wdno.evaluation.figures_scene import scene
from wdno.evaluation.figures_series import series
from wdno.evaluation.figures_training import training_curves
from wdno.evaluation.figures_trajectories import trajectories

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
