"""The record of one evaluation on disk: one method, with one training seed, on one test set.

It has the same form for every task: what it is of (`RecordIdentity`), how the method is made
(`Design`), what it took (`Cost`), and two data sets.

- ``scores``: numbers case by case. Along ``case`` alone a variable is a score, named as a metric of
  the task; along an item and ``case``, as ``(field, case)``, it is that score of each item, and is
  named ``field_{metric}``. Variables with further dimensions are curves, for figures.
- ``examples``: a few cases whole, along ``example``.

`metrics.json` holds the means, for readers and programs; `scores.nc` what tables and the bootstrap
need; `examples.nc` what figures need. Each is written to a temporary name and moved into place, the
JSON file last. How things are called for readers (labels, titles of a configuration) is no part of
a record, so that another name computes nothing again.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from wdno.evaluation.facts import Cost, Design, RecordIdentity
from wdno.evaluation.metric import Metrics
from wdno.files import atomic_path, write_json

__all__ = ["CASE", "Cost", "Design", "EvaluationError", "Record", "RecordIdentity"]

COMPRESSION = {"zlib": True, "complevel": 4, "shuffle": True}
ENGINE: Any = "netcdf4"
CASE = "case"


class EvaluationError(ValueError):
    """A record of an evaluation that is absent, damaged, or does not fit the others."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One method, with one training seed, on the test set of one system.

    Attributes:
        identity: what it is of.
        design: how the method is made.
        cost: what it took.
        scores: scores and curves; dimension ``case``, and the coordinate ``block`` along it where
            cases overlap in time: those of one block do.
        examples: cases whole; dimension ``example``, whose coordinate is their position in the test
            set. None: not read.
        notes: what the method chose or found on the way, as plain values; it may differ from seed
            to seed.
        provenance: versions, commit and settings, as plain values.
        label: name of the method for readers; empty: that of the configuration's key. Not stored.
    """

    identity: RecordIdentity
    design: Design
    cost: Cost
    scores: xr.Dataset = field(repr=False)
    examples: xr.Dataset | None = field(default=None, repr=False)
    notes: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict, repr=False)
    label: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.identity.method)
        if CASE not in self.scores.dims:
            raise EvaluationError(f"{self.where}: scores have no dimension {CASE!r}")

    @property
    def system(self) -> str:
        """Name of the system."""
        return self.identity.system

    @property
    def method(self) -> str:
        """Name of the method."""
        return self.identity.method

    @property
    def seed(self) -> int:
        """Training seed."""
        return self.identity.seed

    @property
    def title(self) -> str:
        """Name of the data for readers."""
        return self.identity.title

    @property
    def where(self) -> str:
        """What the record is of, for messages."""
        return f"system {self.system!r}, method {self.method!r}, seed {self.seed}"

    @property
    def learned(self) -> bool:
        """Whether the method was trained."""
        return self.design.objective is not None

    @property
    def cases(self) -> int:
        """Number of test cases."""
        return int(self.scores.sizes[CASE])

    @property
    def blocks(self) -> NDArray[np.integer] | None:
        """Block of each case, ``[N]``; None: no cases overlap."""
        return self.scores["block"].values if "block" in self.scores else None

    @property
    def score_names(self) -> list[str]:
        """Names of the scores, in their order."""
        return [str(name) for name, v in self.scores.data_vars.items() if v.dims == (CASE,)]

    @property
    def kinds(self) -> list[str]:
        """Dimensions of items that have scores of their own, such as ``field``."""
        found = [v.dims[0] for v in self.scores.data_vars.values() if _of_items(v)]
        return [str(kind) for kind in dict.fromkeys(found)]

    def score(self, name: str) -> NDArray[np.float64]:
        """Return a score of each case, ``[N]``; NaN where the record does not have it."""
        if name not in self.score_names:
            return np.full(self.cases, np.nan)
        values: NDArray[np.float64] = self.scores[name].values
        return values

    def mean(self, name: str) -> float:
        """Return the mean of a score over the cases; NaN where the record does not have it."""
        return float(np.mean(self.score(name)))

    def items(self, kind: str) -> list[str]:
        """Return the names along a dimension such as ``field``; empty where there is none."""
        return [str(item) for item in self.scores[kind].values] if kind in self.scores.dims else []

    def score_of(self, kind: str, item: str, name: str) -> NDArray[np.float64]:
        """Return a score of one item, as of one field, ``[N]``; NaN where there is none."""
        variable = f"{kind}_{name}"
        if variable not in self.scores or item not in self.items(kind):
            return np.full(self.cases, np.nan)
        values: NDArray[np.float64] = self.scores[variable].sel({kind: item}).values
        return values

    def shown(self) -> xr.Dataset:
        """Return the examples.

        Raises:
            EvaluationError: they were not read.
        """
        if self.examples is None:
            raise EvaluationError(f"{self.where}: the record was read without its examples")
        return self.examples

    def check(self, metrics: Metrics) -> None:
        """Refuse scores that no metric of the task describes.

        Raises:
            MetricError: naming the first of them.
        """
        metrics.check(self.score_names)
        for name, variable in self.scores.data_vars.items():
            if _of_items(variable):
                metrics.check([str(name).removeprefix(f"{variable.dims[0]}_")])

    def write(self, folder: str | Path) -> None:
        """Write the three files into `folder`, each complete or not at all."""
        folder = Path(folder)
        identity = json.dumps(_plain(dataclasses.asdict(self.identity)), ensure_ascii=False)
        for name, dataset in (("scores", self.scores), ("examples", self.shown())):
            encoding: dict[Any, dict[str, Any]] = {
                key: dict(COMPRESSION)
                for key, variable in dataset.variables.items()
                if variable.dtype.kind == "f" and variable.ndim
            }
            whole = dataset.assign_attrs(
                identity=identity, provenance=json.dumps(self.provenance, ensure_ascii=False)
            )
            with atomic_path(folder / f"{name}.nc") as temporary:
                whole.to_netcdf(temporary, engine=ENGINE, format="NETCDF4", encoding=encoding)
        write_json(
            folder / "metrics.json",
            {
                "identity": _plain(dataclasses.asdict(self.identity)),
                "cases": self.cases,
                **self._means(),
                "design": _plain(dataclasses.asdict(self.design)),
                "cost": _plain(dataclasses.asdict(self.cost)),
                "notes": _plain(self.notes),
                "provenance": self.provenance,
            },
        )

    def _means(self) -> dict[str, Any]:
        """Means over the cases: ``scores``, and for each item dimension ``by_{item}``."""
        found: dict[str, Any] = {
            "scores": _plain({name: self.mean(name) for name in self.score_names})
        }
        for name, variable in self.scores.data_vars.items():
            if not _of_items(variable):
                continue
            kind = str(variable.dims[0])
            by_item = found.setdefault(f"by_{kind}", {item: {} for item in self.items(kind)})
            # As it will be read: sums of another order of memory round differently.
            means = np.ascontiguousarray(variable.values).mean(axis=1)
            for item, mean in zip(self.items(kind), means, strict=True):
                by_item[item] |= _plain({str(name).removeprefix(f"{kind}_"): float(mean)})
        return found

    @classmethod
    def read(cls, folder: str | Path, *, examples: bool = True) -> Record:
        """Read what :meth:`write` wrote.

        Args:
            folder: where it was written.
            examples: whether to read the examples too.

        Raises:
            EvaluationError: a file is absent, damaged or incomplete, or they are not of the same
                evaluation.
        """
        folder = Path(folder)
        values = _read_json(folder / "metrics.json")
        names = ("scores", "examples") if examples else ("scores",)
        data = {name: _read_netcdf(folder / f"{name}.nc") for name in names}
        try:
            identities = [json.loads(dataset.attrs["identity"]) for dataset in data.values()]
            record = cls(
                identity=RecordIdentity(**values["identity"]),
                design=Design(**values["design"]),
                cost=Cost(**{**values["cost"], "seconds": _number(values["cost"]["seconds"])}),
                notes=values["notes"],
                provenance=values["provenance"],
                scores=data["scores"],
                examples=data.get("examples"),
            )
            means = record._means()
            recorded = {name: values[name] for name in means}
        except (KeyError, TypeError) as error:
            raise EvaluationError(
                f"{folder}: the record lacks {error}; it was not written by this version: evaluate "
                "again"
            ) from error
        if any(found != values["identity"] for found in identities) or recorded != means:
            raise EvaluationError(
                f"{folder}: metrics.json and {', '.join(f'{name}.nc' for name in names)} are of "
                "different evaluations; evaluate again"
            )
        return record


def _of_items(variable: xr.DataArray) -> bool:
    """Whether a variable is a score of each item, along the item and the case."""
    return len(variable.dims) == 2 and variable.dims[1] == CASE


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
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
