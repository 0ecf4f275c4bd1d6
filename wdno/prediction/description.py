"""What an ensemble says of itself: dimensions, coordinates, units, and where it comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from wdno import __version__
from wdno.data.netcdf import MEMBER
from wdno.files import digest_of
from wdno.provenance import provenance

if TYPE_CHECKING:
    from wdno.prediction.inputs import GivenCases
    from wdno.problem import Problem

MEMBER_ATTRIBUTES = {"standard_name": MEMBER, "long_name": "sample of a case", "units": "1"}
KEPT = ("system", "title", "equation", "stand_in", "mass_density", "divergence_free")
"""Attributes of the inputs that hold of what is predicted from them."""


def described(inputs: GivenCases, problem: Problem, drawn: Mapping[str, np.ndarray]) -> xr.Dataset:
    """Put names, coordinates and units to samples; they are those of the inputs.

    Args:
        inputs: the cases.
        problem: of the model, on their grid.
        drawn: samples of each generated part, ``[N, M, C, ...]``.

    Returns:
        A data set with the dimensions ``sample``, ``realization``, those of each field, and what of
        the inputs is static.
    """
    dataset = inputs.dataset
    cases, members = next(iter(drawn.values())).shape[:2]
    variables: dict[str, Any] = {}
    for part in problem.generated:
        time = "interval" if part.name == "forcing" else "time"
        dims = ("sample", MEMBER, time, *(inputs.space if part.span == "space_time" else ()))
        for number, name in enumerate(part.fields):
            known = dataset[name].attrs if name in dataset else {}
            attributes = {"long_name": name, "role": part.name, **known}
            variables[name] = (dims, drawn[part.name][:, :, number], attributes)
    static = {n: v for n, v in dataset.data_vars.items() if v.attrs.get("role") == "static"}
    coordinates: dict[str, Any] = {
        "sample": ("sample", np.arange(cases), {"long_name": "sample"}),
        MEMBER: (MEMBER, np.arange(members), MEMBER_ATTRIBUTES),
    }
    for name, points in inputs.coordinates.items():
        values = points[inputs.given :] if name == "time" else points
        known = dataset[name].attrs if name in dataset.coords else {"long_name": name}
        coordinates[name] = (name, values, known)
    if any(part.name == "forcing" for part in problem.generated):
        coordinates |= _intervals(inputs)
    for key, one in dataset.coords.items():
        along = set(one.dims)
        if along == {"sample"}:
            if one.attrs.get("role") != "diagnostic":
                coordinates[str(key)] = ("sample", one.to_numpy()[:cases], one.attrs)
        elif key not in coordinates and any(along <= set(v.dims) for v in static.values()):
            coordinates[str(key)] = (one.dims, one.to_numpy(), one.attrs)
    found = xr.Dataset(variables, coords=coordinates)
    return found.assign({n: (v.dims, v.to_numpy(), v.attrs) for n, v in static.items()})


def _intervals(inputs: GivenCases) -> dict[str, Any]:
    """Return the centres of the intervals that are predicted, and their bounds."""
    times = inputs.coordinates["time"][inputs.given - 1 :]
    bounds = np.stack([times[:-1], times[1:]], axis=1)
    known = inputs.dataset["time"].attrs.get("units") if "time" in inputs.dataset.coords else None
    attributes = {"long_name": "centre of the forcing interval", "bounds": "interval_bounds"}
    return {
        "interval": ("interval", bounds.mean(1), attributes | ({"units": known} if known else {})),
        "interval_bounds": (("interval", "bound"), bounds),
    }


def origin(
    inputs: GivenCases,
    model: Path,
    facts: Mapping[str, Any],
    *,
    source: str | Path | xr.Dataset,
    sampler: Mapping[str, Any] | None,
    seed: int,
    samples: int,
    device: str,
) -> dict[str, str | int]:
    """Return attributes that say where an ensemble comes from.

    Args:
        inputs: the cases.
        model: file of the model.
        facts: what its training left: names, options, data, provenance.
        source: what the inputs were read from.
        sampler: how samples were drawn; None: nothing was.
        seed: of the noise.
        samples: of each case.
        device: where they were drawn.
    """
    known = inputs.dataset.attrs
    now = datetime.now(UTC).isoformat(timespec="seconds")
    file = None if isinstance(source, xr.Dataset) else Path(source)
    title = str(known.get("title", facts.get("system", "")))
    kept = {name: known[name] for name in KEPT if name in known}
    return {
        "Conventions": "CF-1.10",
        **kept,
        "title": f"{title}: {samples} predictions of each case",
        "source": f"wdno {__version__}, model {facts.get('model')!r} of the task "
        f"{facts.get('task')!r}",
        "history": f"{now} predicted by wdno {__version__}",
        "date_created": now,
        "model_file": os.fspath(model),
        "model_sha256": digest_of(model),
        "model_facts": json.dumps({name: facts[name] for name in facts if name != "problem"}),
        "inputs_file": "in memory" if file is None else os.fspath(file),
        "inputs_sha256": "" if file is None else digest_of(file),
        "inputs_provenance": str(known.get("provenance", "")),
        "sampler": json.dumps(dict(sampler)) if sampler else "none",
        "seed": seed,
        "device": device,
        "provenance": json.dumps(provenance()),
    }
