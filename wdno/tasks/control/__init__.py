"""Control: the forcing that lowers J, which the true solver judges.

Given are the initial state and, of a system that has one, the state to be reached. A controller
finds the forcing of all intervals; the solver, started from the given state and driven by that
forcing alone, says what J is. Whatever a model believes of its own trajectory counts for nothing.

| module | holds |
|---|---|
| `options` | the task's section of the configuration and of methods |
| `problem` | which parts are given and generated, made from a data file |
| `cases` | what a controller is given, made of a data file |
| `objective` | J by the solver with its gradient, counted |
| `controllers` | a file for each way to find a control, with its options |
| `setting` | from a job to what a controller works with |
| `collection` | training cases under a method's controls, solved: further training data |
| `closed_loop` | the loss of a policy that is trained by what it leads to |
| `rewards` | what policies learn from, of each interval of a data set |
| `noise` | what of a control reaches the solver |
| `prior` | a model of the controls alone, beside a guided one |
| `lbfgs` | descent along true gradients, many cases at once |
| `evaluation` | from a method and a test set to a record |
| `metrics` | what the scores mean: labels, units, notes |
| `table`, `panels` | from records to the table, as CSV and for readers |
| `published` | what papers report, beside it |
| `figures`, `cost_figure`, `moving_smoke` | from records to figures |
"""
