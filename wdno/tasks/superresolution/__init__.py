"""Super-resolution: the trajectory on grids that are finer than any of training.

A base model predicts on the grid of its training, or the exact solution is taken there; a
super-resolution model, which was trained on that grid and on coarser ones, doubles the grid again
and again (arXiv 2412.04833, section 3.3). What it is given on every grid is the coarser prediction,
the forcing and the given frames. Scored is every level on its own grid, and on the finest one.

| module | holds |
|---|---|
| `options` | the task's section of the configuration, and its sections of models and methods |
| `problem` | which parts are given and generated, and the data at every level |
| `cascade` | a method: the base prediction, and level after level |
| `evaluation` | from a method and the finer test set to a record |
| `metrics` | what the scores mean |
| `table`, `panels` | from records to the table, as CSV and for readers |
| `figures` | from records to figures |
| `published` | what papers report, beside it |
"""
