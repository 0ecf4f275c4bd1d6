"""Predictions of a trained model for given cases of one's own: :func:`wdno.predict`.

No configuration is needed: the model's file says what is given and generated, and on which grid.

| module | holds |
|---|---|
| `inputs` | the given parts of each case, from a file that is checked against the model |
| `axes` | where the values of a file are, and whether the model's are there, too |
| `sampler` | how samples are drawn, checked against the model |
| `ensemble` | all together: from a model and a file to a data set of samples |
"""

from wdno.prediction.ensemble import Forecast, predict

__all__ = ["Forecast", "predict"]
