"""What a number in a table means: its name, its label, its unit, and which way is better."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher", "neither"]
Rivals = Literal["learned", "all"]


class MetricError(ValueError):
    """A score that no metric describes, or two metrics of one name."""


@dataclass(frozen=True)
class Metric:
    """A score of a case, as tables and figures show it.

    Attributes:
        name: key in records and files.
        label: heading of its column.
        scale: unit, or what it is a multiple of: `field`, `field^2` (the units of the fields and
            their squares), `relative`, `decades`, `1`.
        better: which way is better; `neither` for what is shown beside the others.
        rivals: methods among which the best one is marked: those that were trained, or all.
        note: sentences for readers, below the table; empty: the label says enough.
    """

    name: str
    label: str
    scale: str
    better: Better = "lower"
    rivals: Rivals = "learned"
    note: str = ""


class Metrics(Mapping[str, Metric]):
    """The metrics of a task, by name, in the order in which they are listed."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        """List them.

        Raises:
            MetricError: two have one name.
        """
        self._metrics: dict[str, Metric] = {}
        for metric in metrics:
            if metric.name in self._metrics:
                raise MetricError(f"metric {metric.name!r} is listed twice")
            self._metrics[metric.name] = metric

    def __getitem__(self, name: str) -> Metric:
        """Return a metric.

        Raises:
            MetricError: there is none of that name.
        """
        if name not in self._metrics:
            raise MetricError(
                f"score {name!r} has no metric: add a `Metric` of that name where the task lists "
                f"its metrics; there are: {', '.join(self._metrics)}"
            )
        return self._metrics[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    def __contains__(self, name: object) -> bool:
        return name in self._metrics

    def check(self, names: Iterable[str]) -> None:
        """Refuse scores without a metric.

        Raises:
            MetricError: naming the first of them.
        """
        for name in names:
            self[name]
