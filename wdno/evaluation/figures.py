"""The figures of an evaluation. Each takes records and a path without suffix: PNG and PDF."""

from wdno.evaluation.figures_curves import error_over_time, error_vs_evaluations, spectra
from wdno.evaluation.figures_training import training_curves
from wdno.evaluation.figures_trajectories import trajectories

__all__ = ["error_over_time", "error_vs_evaluations", "spectra", "training_curves", "trajectories"]
