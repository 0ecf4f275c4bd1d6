"""Which records belong together, and whether they may be compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wdno.evaluation.record import Design, EvaluationError, Record

Group = dict[str, list[Record]]
"""The records of each method, one for each seed, by method name."""

Fact = Callable[[Record], Any]


def _of_design(name: str) -> Fact:
    return lambda record: getattr(record.design, name)


_OF_METHOD: Mapping[str, Fact] = {
    "label": lambda record: record.label,
    **{item.name: _of_design(item.name) for item in dataclasses.fields(Design)},
    "parameters": lambda record: record.cost.parameters,
}
_OF_SYSTEM: Mapping[str, Fact] = {
    "run": lambda record: record.identity.run,
    "title": lambda record: record.title,
    "items": lambda record: {kind: record.items(kind) for kind in record.kinds},
    "cases": lambda record: record.cases,
    "grid": lambda record: record.identity.grid,
}


def group(
    records: Iterable[Record], methods: Sequence[str] | None = None, *, one_grid: bool = True
) -> dict[str, Group]:
    """Sort records of one task by system, method and seed.

    Args:
        records: in any order of seeds.
        methods: the methods to take, in this order; None takes all as they first occur.
        one_grid: whether the methods of a system must be of the same grid.

    Returns:
        system -> method -> records by rising seed; systems as they first occur.

    Raises:
        EvaluationError: there are no records, or of several tasks, one of `methods` is missing, one
            seed occurs twice, the seeds of a method differ in more than the training, or the
            methods of a system were not evaluated on the same cases.
    """
    systems: dict[str, Group] = {}
    tasks: dict[str, Record] = {}
    for record in records:
        tasks.setdefault(record.identity.task, record)
        of_method = systems.setdefault(record.system, {}).setdefault(record.method, [])
        if any(other.seed == record.seed for other in of_method):
            raise EvaluationError(f"{record.where}: given twice; give each record once")
        of_method.append(record)
    if not systems:
        raise EvaluationError("expected at least one evaluation, got none")
    if len(tasks) > 1:
        found = ", ".join(f"{task} ({record.where})" for task, record in tasks.items())
        raise EvaluationError(f"expected evaluations of one task, got {found}")
    for system, of_system in systems.items():
        if methods is not None:
            systems[system] = {name: _take(system, of_system, name) for name in methods}
        for seeds in systems[system].values():
            seeds.sort(key=lambda record: record.seed)
            _check_same(seeds, _OF_METHOD, "seeds of one method")
        first = [seeds[0] for seeds in systems[system].values()]
        shared = {name: of for name, of in _OF_SYSTEM.items() if one_grid or name != "grid"}
        _check_same(first, shared, "methods of a system")
        for seeds in systems[system].values():
            _check_same(seeds, _OF_SYSTEM, "seeds of one method")
    return systems


def only_system(records: Iterable[Record], methods: Sequence[str] | None = None) -> Group:
    """Sort the records of one system, as :func:`group`.

    Raises:
        EvaluationError: as :func:`group`, or the records are of several systems.
    """
    systems = group(records, methods)
    if len(systems) > 1:
        raise EvaluationError(f"expected evaluations of one system, got {', '.join(systems)}")
    return next(iter(systems.values()))


def scores_of(
    seeds: Sequence[Record], score: str, of: tuple[str, str] | None = None
) -> NDArray[np.float64]:
    """Return a score of each seed and case, `[S, N]`; NaN where a record does not have it.

    Args:
        seeds: records of one method.
        score: name of the score.
        of: kind and name of the item whose score it is; None: of all together.
    """
    return np.stack(
        [record.score(score) if of is None else record.score_of(*of, score) for record in seeds]
    )


def _take(system: str, found: Group, name: str) -> list[Record]:
    if name not in found:
        raise EvaluationError(
            f"system {system!r}: method {name!r} has no evaluation; there are: {', '.join(found)}"
        )
    return found[name]


def _check_same(records: Sequence[Record], facts: Mapping[str, Fact], what: str) -> None:
    first = records[0]
    for record in records[1:]:
        for name, fact in facts.items():
            one, other = fact(first), fact(record)
            if one != other:
                raise EvaluationError(
                    f"{what} must agree in {name}, found {one!r} ({first.where}) and {other!r} "
                    f"({record.where}); evaluate both again with one configuration"
                )
