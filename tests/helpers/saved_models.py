"""Models with random weights on disk, and what is asked of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import models as small
import numpy as np
import xarray as xr

from wdno import model as models
from wdno.data.dataset import ProblemData, Trajectories

DDIM = {"name": "ddim", "steps": 2, "eta": 1.0}
REGRESSION = {"name": "regression"}


def saved(path: Path, data: ProblemData | Trajectories, task: str, **axes: Any) -> Path:
    """Write a model with random weights."""
    built = small.build(data, **axes)
    facts = {"system": "waves", "task": task, "model": "small", "seed": 0}
    models.save(path, built, built.state_dict(), facts)
    return path


def content(file: Path) -> xr.Dataset:
    return xr.load_dataset(file, decode_times=False)


def spoilt(data: xr.Dataset, name: str, frame: int) -> xr.Dataset:
    """Put a value that is missing into case 4."""
    values = data[name].copy()
    values[4, frame, 3] = np.nan
    return data.assign({name: values})
