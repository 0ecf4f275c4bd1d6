"""What came of a study: the records of its variations, and how its options are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wdno.evaluation.grouping import group
from wdno.evaluation.metric import Metric
from wdno.evaluation.record import EvaluationError, Record
from wdno.evaluation.tables.labels import sampler_label
from wdno.options import plain_number

if TYPE_CHECKING:
    from wdno.studies.expand import Variation


@dataclass(frozen=True)
class VariedMethod:
    """A variation and its records.

    Attributes:
        variation: which method is varied, on which system, and the value of each option.
        records: one for each training seed, by rising seed.
    """

    variation: Variation
    records: Sequence[Record]

    def means(self, metric: Metric) -> NDArray[np.float64]:
        """Return the mean of a metric over the cases, for each seed, ``[seeds]``."""
        return np.array([record.mean(metric.name) for record in self.records])


@dataclass(frozen=True)
class StudyResults:
    """All variations of a study, as its table and its figure need them.

    Attributes:
        name: name of the study.
        title: its name for readers.
        metrics: metrics that it shows; the first is the one that variations are compared by.
        labels: names of the methods that are varied, for readers.
        systems: of each system the variations, in the order of the study.
    """

    name: str
    title: str
    metrics: tuple[Metric, ...]
    labels: Mapping[str, str]
    systems: Mapping[str, Sequence[VariedMethod]]

    @classmethod
    def collect(
        cls,
        variations: Sequence[Variation],
        records: Iterable[Record],
        *,
        title: str,
        metrics: Sequence[Metric],
        labels: Mapping[str, str],
    ) -> StudyResults:
        """Find the records of each variation.

        Args:
            variations: of one study, on one or several systems.
            records: of the varied methods, in any order.
            title: name of the study for readers.
            metrics: at least one; the first is the one that variations are compared by.
            labels: names of the methods that are varied, for readers; default: their keys.

        Raises:
            EvaluationError: there are no variations, one has no record, a trained one has other
                seeds than the rest, a record is of no variation, or the records do not fit
                together.
        """
        if not variations:
            raise EvaluationError("a study has no variations: no system has its task")
        name = variations[0].study
        # A study may vary the grid that methods are asked on.
        found = group(records, one_grid=False)
        wanted = {(one.system, one.method) for one in variations}
        for system, methods in found.items():
            for method, seeds in methods.items():
                if (system, method) not in wanted:
                    raise EvaluationError(f"{seeds[0].where}: no variation of the study {name!r}")
        systems: dict[str, list[VariedMethod]] = {}
        for one in variations:
            if one.method not in found.get(one.system, {}):
                raise EvaluationError(
                    f"study {name!r}, system {one.system!r}: variation {one.method!r} has no "
                    "evaluation; evaluate it first"
                )
            seeds = found[one.system][one.method]
            systems.setdefault(one.system, []).append(VariedMethod(one, seeds))
        for varied in systems.values():
            _check_seeds(name, varied)
        used = {one.of: labels.get(one.of, one.of) for one in variations}
        return cls(name, title, tuple(metrics), used, systems)

    @property
    def variations(self) -> list[Variation]:
        """All variations."""
        return [one.variation for varied in self.systems.values() for one in varied]

    @property
    def varied(self) -> list[str]:
        """Options that have several values; where none has, all that the study names."""
        values = {
            key: {value_text(key, one.values[key]) for one in self.variations}
            for key in self.variations[0].values
        }
        return [key for key, texts in values.items() if len(texts) > 1] or list(values)

    @property
    def fixed(self) -> list[str]:
        """Options that the study sets to one value, beside those that it varies."""
        return [key for key in self.variations[0].values if key not in self.varied]

    def heading(self, key: str) -> str:
        """Name an option for readers: the last part of its key, with more where two share it."""
        parts = key.split(".")
        others = [other.split(".") for other in self.variations[0].values if other != key]
        count = 1
        while count < len(parts) and any(parts[-count:] == other[-count:] for other in others):
            count += 1
        return " ".join(parts[-count:]).replace("_", " ")

    def phrase(self, key: str, value: Any) -> str:
        """Say what an option is: `steps 4`; a section with a name says so itself."""
        text = value_text(key, value)
        named = isinstance(value, Mapping) and "name" in value
        return text if named else f"{self.heading(key)} {text}"


def value_text(key: str, value: Any) -> str:
    """Write a value of an option for readers; a section by its name and what else it sets.

    Args:
        key: of the option, such as `sampler.steps`.
        value: plain, as a configuration has it.
    """
    if isinstance(value, Mapping):
        if key == "sampler":
            return sampler_label(value)
        name = [str(value["name"])] if "name" in value else []
        others = (
            f"{inner.replace('_', ' ')} {value_text(inner, item)}"
            for inner, item in value.items()
            if inner != "name"
        )
        return ", ".join([*name, *others]) or "none"
    if isinstance(value, list | tuple):
        return " ".join(value_text(key, item) for item in value) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return plain_number(value) if isinstance(value, float) else str(value)


def is_number(value: Any) -> bool:
    """Whether a value of an option is a number that can stand on an axis."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_seeds(name: str, varied: Sequence[VariedMethod]) -> None:
    """Refuse trained methods of other seeds; what is not trained is evaluated once."""
    trained = [one for one in varied if one.variation.model is not None]
    for other in trained[1:]:
        seeds, found = ([one.seed for one in each.records] for each in (trained[0], other))
        if found != seeds:
            raise EvaluationError(
                f"study {name!r}: {other.records[0].where} has the seeds {found}, "
                f"{trained[0].variation.method!r} has {seeds}; evaluate both with the same seeds"
            )
