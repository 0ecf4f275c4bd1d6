"""Simulation: the trajectory from the given frames and the forcing.

Given are the frames at the start of a trajectory (one, for an equation; the history, for a
forecast), the forcing in every interval, and the first values of series. Generated are the frames
after them and the series. Of a method that samples, several samples can be drawn of each case.
Scored is what is generated, against the trajectory of the test set: errors of each case over all
fields and of each field, over time, of energy spectra, and, where the data speak of them, of
latitudes, of a climatology, of mass and of divergence. `mse` is what methods are compared by.

| module | holds |
|---|---|
| `options` | the task's section of the configuration, its figures and baselines |
| `problem` | which parts are given and generated, made from a data file |
| `baselines` | methods without training: persistence, and those of a climatology |
| `evaluation` | from a method and a test set to a record |
| `scores` | all scores of predictions, as a record holds them |
| `examples` | a few cases whole, as a record holds them |
| `metrics` | what the scores mean: labels, units, notes |
| `table`, `panels` | from records to the table, as CSV and for readers |
| `published` | what papers report, beside it |
| `figures` | from records to figures |

The forms that batches, problems and records have are those of every task: see
:mod:`wdno.problem`, :mod:`wdno.data.dataset`, :mod:`wdno.evaluation.record`.
"""
