"""What a trained model is not asked: other cases, other samplers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import models as small
import numpy as np
import pytest
import xarray as xr
from saved_models import DDIM, REGRESSION, content, saved, spoilt
from waves import Waves, make_data

import wdno
from wdno import model as models
from wdno.data.dataset import Trajectories
from wdno.data.netcdf import DataError
from wdno.prediction.sampler import SamplerError
from wdno.problem import ProblemError
from wdno.tasks.superresolution import problem as superresolution


def test_a_model_of_a_grid_takes_no_other(file: Path, tmp_path: Path) -> None:
    wavelet = {"name": "wavelet", "family": "bior2.4", "mode": "periodization"}
    model = saved(
        tmp_path / "m.safetensors", Trajectories(file), "simulation", representation=wavelet
    )
    odd = make_data(tmp_path / "odd.nc", system=Waves(8, 24), count=1)
    with pytest.raises(DataError, match=r"the grid is 8 x 24, .*trained on 16 x 24 and cannot"):
        wdno.predict(model, odd)


def test_a_model_that_is_given_more_than_files_hold_is_refused(file: Path, tmp_path: Path) -> None:
    data = superresolution.data(Trajectories(file))
    axes = {"representation": small.REPRESENTATIONS[0], "objective": REGRESSION}
    model = saved(tmp_path / "m.safetensors", data, "superresolution", **axes)
    with pytest.raises(ProblemError, match=r"task 'superresolution', given .*coarse.*evaluate"):
        wdno.predict(model, file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.drop_vars("f"), r"needs the variables u, f; f is missing, there are: u"),
        (lambda d: d.rename(u="v"), r"needs the variables u, f; u is missing, there are: v, f"),
        (lambda d: spoilt(d, "u", 0), r"'u0' of case 4, given as 'first', is missing or"),
        (lambda d: spoilt(d, "f", 7), r"'f' of case 4, given as 'forcing', is missing or"),
        (lambda d: d.isel(time=slice(5)), r"5 frames and 16 intervals of forcing"),
        (lambda d: d.isel(time=slice(0)), r"needs 1 given frames, there are 0"),
        (lambda d: d.isel(sample=slice(0)), r"holds 0 cases"),
        (lambda d: d.isel(x=0), r"'u' has the dimensions sample, time; expected .* and 1 of space"),
        (lambda d: d.rename(interval="step"), r"'f' has the dimensions sample, step, x, expected"),
        (lambda d: d.isel(x=slice(12)), "'x' has 12 points at 0 to 0.458"),
        (lambda d: d.assign_coords(x=d["x"].assign_attrs(boundary="open")), "boundary of 'x' is"),
        (lambda d: d.assign_coords(time=np.arange(17).astype("m8[s]")), "decode_times=False"),
        (lambda d: d.assign_coords(time=d["time"] + 1), "frames are at 1 to 2, those of the model"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_are_refused(
    file: Path, regression: Path, change: Callable[[xr.Dataset], xr.Dataset], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        wdno.predict(regression, change(content(file)))


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        ({"name": "ddmi", "steps": 2}, "unknown 'ddmi'; expected one of ddim, ddpm"),
        ({"name": "ddim"}, "'ddim': its steps are missing"),
        ({"name": "ddim", "steps": 1001}, "steps = 1001: the model is trained at 1000 noise"),
        ({"name": "ddim", "steps": 2, "eat": 1.0}, "eat: unknown option.*options are steps"),
        ({"name": "ddim", "steps": 2, "eta": 2.0}, "eta = 2.0"),
        ({"name": "heun", "steps": 2, "eta": 0.0}, "eta: unknown option"),
    ],
)
def test_samplers_that_do_not_fit_are_refused(
    file: Path, drawing: Path, sampler: dict[str, Any], words: str
) -> None:
    with pytest.raises(SamplerError, match=words):
        wdno.predict(drawing, file, sampler=sampler)


def test_nothing_is_drawn_of_a_regression(file: Path, regression: Path) -> None:
    with pytest.raises(SamplerError, match=r"expected none, got .*'regression' draws nothing"):
        wdno.predict(regression, file, sampler=DDIM)
    with pytest.raises(SamplerError, match=r"expected 1, got 4.*would be the same"):
        wdno.predict(regression, file, samples=4)


def test_what_diverges_is_refused(file: Path, tmp_path: Path) -> None:
    built = small.build(Trajectories(file), objective=REGRESSION)
    tensors = {name: values * 1e30 for name, values in built.state_dict().items()}
    facts = {"system": "waves", "task": "simulation", "model": "small", "seed": 0}
    models.save(tmp_path / "m.safetensors", built, tensors, facts)
    with pytest.raises(FloatingPointError, match="case 0 is not finite"):
        wdno.predict(tmp_path / "m.safetensors", file)
