"""Training: one loop for every model, resumable, and the files that come of it.

- `loop`: `train`, from a model and data to averaged weights.
- `settings`: how; and the learning rate.
- `trainer`: a step, a validation, and the state to and from a file.
- `batches`: which samples and random numbers a step takes.
- `ema`, `optimiser`, `watch`: average of the weights, AdamW, means and non-finite values.
- `checkpoint`: model files and training states.
- `log`, `interruption`, `distributed`: JSON lines, signals, several processes.
"""
