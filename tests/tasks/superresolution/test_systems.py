"""Systems of other boundaries, fields and given frames, by the same code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archive_files import field, write
from finer_data import SAMPLER, Files, MakeJob
from models import build
from small_era5 import fetched
from small_era5 import options as era5
from waves import make_data

from wdno import model as models
from wdno import systems
from wdno.data.statistics import write_statistics
from wdno.tasks.superresolution.evaluation import evaluate
from wdno.tasks.superresolution.options import Options

SYSTEMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "advection": ({"grid": {"time": 8, "x": 16}}, {"grid": {"time": 16, "x": 32}}),
    "compressible_ns": (
        {"grid": {"time": 4, "x": 16}, "cells": 64},
        {"grid": {"time": 8, "x": 32}, "cells": 64},
    ),
}


@pytest.mark.parametrize("name", [*SYSTEMS, "era5"])
def test_a_model_refines_every_system(name: str, tmp_path: Path, make_job: MakeJob) -> None:
    task = Options(methods=["own"], time=name != "era5")
    if name == "era5":
        degrees = np.arange(8) / 2
        record = write(tmp_path / "era5.nc", field(600, 50.0 + degrees, degrees))
        kinds = [
            era5(
                source="file",
                file=str(record),
                horizon=4,
                grid={"latitude": n, "longitude": n, "coarsen": c},
            )
            for n, c in ((4, 2), (8, 1))
        ]
        made = [fetched(kind, tmp_path / str(k)) for k, kind in enumerate(kinds)]
    else:
        load = systems.REGISTRY.light(name).Options
        made = [
            systems.REGISTRY.load(name)(load.model_validate(options)) for options in SYSTEMS[name]
        ]
    stored, fine = (
        make_data(tmp_path / f"{k}.nc", system=one, count=4) for k, one in enumerate(made)
    )
    files = Files(name, made[0], stored, fine, task)
    write_statistics(stored, tmp_path / "statistics.nc")
    levels = files.data(levels=1)
    model = build(levels, representation={"name": "identity"})
    path = tmp_path / "model.safetensors"
    facts = {"training_seconds": 1.0, "training_steps": 2}
    models.save(path, model, model.state_dict(), facts)
    job = make_job(files, {"model": "model", "sampler": SAMPLER}, model="model")
    job.models["model"] = path  # type: ignore[index]
    record = evaluate(job)
    assert len(record.items("level")) == 2
    assert np.isfinite(record.score("mse")).all()
    cubic = evaluate(make_job(files, {"baseline": "cubic"}))
    # Untrained networks begin at nothing, so that the residual is what is drawn from noise.
    assert (cubic.score("mse") > 0).all()
    assert np.allclose(cubic.score("mse_old"), 0, atol=1e-4 * cubic.score("mse").mean() + 1e-6)
