"""The record of one evaluation on disk: one method, with one training seed, on one test set.

`metrics.json` holds what a table needs, `evaluation.nc` what figures and the bootstrap need: errors
case by case, errors over time, energy spectra, and a few trajectories whole. Both are written to a
temporary name and moved into place, the JSON file last.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from wdno.evaluation.scene import Scene
from wdno.evaluation.scores import Scores
from wdno.evaluation.scores_file import from_dataset, to_variables
from wdno.files import atomic_path, write_json

COMPRESSION = {"zlib": True, "complevel": 4, "shuffle": True}
ENGINE: Any = "netcdf4"


class EvaluationError(ValueError):
    """A record of an evaluation that is absent, damaged, or does not fit the others."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One method, with one training seed, on the test set of one system.

    Attributes:
        run: name of the run.
        system: name of the system.
        title: its name for readers.
        task: name of the task.
        method: name of the method, the key in the configuration.
        label: its name in tables and figures.
        seed: training seed.
        scores: errors on the N cases.
        coordinates: `time` (of the T generated frames) and the space axes, in the order of the
            arrays' axes.
        example_cases: `[E]`, positions in the test set of the trajectories kept whole.
        example_truth: `[E, F, T, *S]`, without the given frames.
        example_prediction: `[E, F, T, *S]`, the first sample.
        example_given: `[E, F, *S]`, the last given frame; None: not kept.
        example_series_truth: `[E, S, T]`, of the series.
        example_series_prediction: `[E, S, T]`, the first sample.
        representation: first axis of the design; None for a method without training.
        network: second axis of the design, or None.
        objective: third axis of the design, or None.
        sampler: `name`, `steps`, `eta` and whatever else it has; None where nothing is sampled.
        samples: samples of each case, M.
        evaluations: network evaluations of one trajectory (one sample).
        seconds_per_trajectory: time of one trajectory (one sample).
        training_seconds: time of training, or None.
        training_steps: optimiser steps of training, or None.
        parameters: parameters of the model, or None.
        device: where the prediction was timed.
        units: units of fields and coordinates, by name.
        given_time: time of the last given frame.
        scene: obstacles, buckets and control frame; None: there are none.
        blocks: `[N]`, block of each case; cases that overlap in time share one. None: none do.
        stand_in: whether the data are made in place of a record that could not be had.
        provenance: versions, commit and settings, as plain values.
    """

    run: str
    system: str
    title: str
    task: str
    method: str
    label: str
    seed: int
    scores: Scores = field(repr=False)
    coordinates: dict[str, NDArray[np.floating]] = field(repr=False)
    example_cases: NDArray[np.integer] = field(repr=False)
    example_truth: NDArray[np.floating] = field(repr=False)
    example_prediction: NDArray[np.floating] = field(repr=False)
    example_series_truth: NDArray[np.floating] = field(repr=False)
    example_series_prediction: NDArray[np.floating] = field(repr=False)
    example_given: NDArray[np.floating] | None = field(default=None, repr=False)
    given_time: float = 0.0
    scene: Scene | None = field(default=None, repr=False)
    representation: str | None = None
    network: str | None = None
    objective: str | None = None
    sampler: dict[str, Any] | None = None
    samples: int = 1
    evaluations: int = 0
    seconds_per_trajectory: float = math.nan
    training_seconds: float | None = None
    training_steps: int | None = None
    parameters: int | None = None
    device: str = ""
    units: dict[str, str] = field(default_factory=dict, repr=False)
    blocks: NDArray[np.integer] | None = field(default=None, repr=False)
    stand_in: bool = False
    provenance: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if next(iter(self.coordinates), None) != "time":
            raise EvaluationError(
                f"{self.where}: coordinates {list(self.coordinates)} must begin with 'time'"
            )
        grid = tuple(len(values) for values in self.coordinates.values())
        cases, fields, series = len(self.example_cases), len(self.fields), len(self.series)
        state = ("[examples, fields, time, *space]", (cases, fields, *grid))
        of_series = ("[examples, series, time]", (cases, series, *grid[:1]))
        shapes = {
            "example_truth": state,
            "example_prediction": state,
            "example_given": ("[examples, fields, *space]", (cases, fields, *grid[1:])),
            "example_series_truth": of_series,
            "example_series_prediction": of_series,
        }
        for name, (axes, expected) in shapes.items():
            values = getattr(self, name)
            if values is not None and values.shape != expected:
                raise EvaluationError(
                    f"{self.where}: {name} has shape {values.shape}, expected {axes} = {expected} "
                    "from the cases, fields and coordinates"
                )
        if self.scores.mse_over_time.shape[2] != grid[0]:
            raise EvaluationError(
                f"{self.where}: errors at {self.scores.mse_over_time.shape[2]} times, coordinates "
                f"of {grid[0]}"
            )

    @property
    def where(self) -> str:
        """What the record is of, for messages."""
        return f"system {self.system!r}, method {self.method!r}, seed {self.seed}"

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the state fields."""
        return tuple(self.scores.fields)

    @property
    def series(self) -> tuple[str, ...]:
        """Names of the series."""
        return tuple(self.scores.series)

    @property
    def cases(self) -> int:
        """Number of test cases."""
        return self.scores.count

    @property
    def grid(self) -> dict[str, int]:
        """Length of each axis of a trajectory."""
        return {name: len(values) for name, values in self.coordinates.items()}

    @property
    def learned(self) -> bool:
        """Whether the method was trained."""
        return self.objective is not None

    @property
    def metrics(self) -> dict[str, float]:
        """Mean of each metric over the cases."""
        return _means(self.scores.cases)

    def write(self, folder: str | Path) -> None:
        """Write `evaluation.nc` and `metrics.json` into `folder`, each complete or not at all."""
        folder = Path(folder)
        dataset = self._dataset()
        encoding: dict[Any, dict[str, Any]] = {
            name: dict(COMPRESSION)
            for name, variable in dataset.variables.items()
            if variable.dtype.kind == "f"
        }
        with atomic_path(folder / "evaluation.nc") as temporary:
            dataset.to_netcdf(temporary, engine=ENGINE, format="NETCDF4", encoding=encoding)
        record = {name: getattr(self, name) for name in _SCALARS}
        items = self.scores.fields | self.scores.series
        by_field = {name: _plain(_means(values)) for name, values in items.items()}
        results = {"fields": by_field, "cases": self.cases, "grid": self.grid}
        write_json(
            folder / "metrics.json",
            {
                **{name: record[name] for name in _IDENTITY},
                **_plain(self.metrics),
                **results,
                **_plain({name: record[name] for name in _SCALARS if name not in _IDENTITY}),
            },
        )

    def _dataset(self) -> xr.Dataset:
        axes = tuple(self.coordinates)
        variables = to_variables(self.scores)
        if self.blocks is not None:
            variables["block"] = ("case", np.asarray(self.blocks))
        if self.example_given is not None:
            given = np.asarray(self.example_given, dtype=np.float32)
            variables["example_given"] = (("example", "field", *axes[1:]), given)
        if self.scene is not None:
            variables |= self.scene.to_variables()
        dims = {"example": ("field", *axes), "example_series": ("series", "time")}
        for name, own in dims.items() if self.series else [("example", dims["example"])]:
            for part in ("truth", "prediction"):
                values = np.asarray(getattr(self, f"{name}_{part}"), dtype=np.float32)
                variables[f"{name}_{part}"] = (("example", *own), values)
        coordinates: dict[str, Any] = {
            name: (name, values, {"units": self.units.get(name, "")})
            for name, values in self.coordinates.items()
        }
        coordinates["example"] = ("example", np.asarray(self.example_cases))
        attributes = {name: getattr(self, name) for name in _IDENTITY}
        provenance = json.dumps(self.provenance, ensure_ascii=False)
        return xr.Dataset(variables, coordinates, {**attributes, "provenance": provenance})

    @classmethod
    def read(cls, folder: str | Path) -> Evaluation:
        """Read what :meth:`write` wrote.

        Raises:
            EvaluationError: a file is absent, damaged or incomplete, or the two are not of the same
                evaluation.
        """
        folder = Path(folder)
        values = _read_json(folder / "metrics.json")
        dataset = _read_netcdf(folder / "evaluation.nc")
        try:
            axes = dataset["example_truth"].dims[2:]
            scores = from_dataset(dataset)
            no_series = np.zeros((dataset.sizes["example"], 0, dataset.sizes["time"]))
            arrays: dict[str, Any] = {
                "coordinates": {str(name): dataset[name].values for name in axes},
                "scene": Scene.from_dataset(dataset),
                "blocks": dataset["block"].values if "block" in dataset else None,
                "example_cases": dataset["example"].values,
                "example_truth": dataset["example_truth"].values,
                "example_given": (
                    dataset["example_given"].values if "example_given" in dataset else None
                ),
                "example_prediction": dataset["example_prediction"].values,
                **{
                    name: dataset[name].values if scores.series else no_series
                    for name in ("example_series_truth", "example_series_prediction")
                },
            }
            plain = {name: values[name] for name in _SCALARS}
            recorded = {name: values[name] for name in scores.cases}
            identity = {name: dataset.attrs[name] for name in _IDENTITY}
        except KeyError as error:
            raise EvaluationError(
                f"{folder}: the record lacks {error}; it was not written by this version: evaluate "
                "again"
            ) from error
        if plain["seconds_per_trajectory"] is None:
            plain["seconds_per_trajectory"] = math.nan
        same = all(identity[name] == plain[name] for name in _IDENTITY)
        if not same or recorded != _plain(_means(scores.cases)):
            raise EvaluationError(
                f"{folder}: metrics.json and evaluation.nc are of different evaluations; evaluate "
                "again"
            )
        return cls(scores=scores, **arrays, **plain)


_IDENTITY = ("run", "system", "title", "task", "method", "label", "seed")
_ARRAYS = ("scores", "coordinates", "scene", "blocks")
_SCALARS = tuple(
    item.name
    for item in dataclasses.fields(Evaluation)
    if item.name not in _ARRAYS and not item.name.startswith("example_")
)


def _means(values: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    return {name: float(np.mean(cases)) for name, cases in values.items()}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Replace numbers that JSON does not have (NaN, infinity) by None."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EvaluationError(f"{path} does not exist: evaluate the method first") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise EvaluationError(f"{path} is damaged ({error}): evaluate again") from error
    if not isinstance(values, dict):
        raise EvaluationError(f"{path}: expected a JSON object, found {type(values).__name__}")
    return values


def _read_netcdf(path: Path) -> xr.Dataset:
    if not path.is_file():
        raise EvaluationError(f"{path} does not exist: evaluate the method first")
    try:
        return xr.load_dataset(path, engine=ENGINE, decode_times=False)
    except (OSError, RuntimeError, ValueError) as error:
        size = path.stat().st_size
        raise EvaluationError(
            f"{path} ({size} bytes) is damaged or incomplete ({error}): delete it and evaluate "
            "again"
        ) from error
