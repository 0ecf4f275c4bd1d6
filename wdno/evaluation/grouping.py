"""Which records belong together, and whether they may be compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wdno.evaluation.record import Evaluation, EvaluationError

Group = dict[str, list[Evaluation]]
"""The evaluations of each method, one for each seed, by method name."""

_DESIGN = ("representation", "network", "objective")
_OF_METHOD = ("label", *_DESIGN, "sampler", "samples", "parameters")
_OF_SYSTEM = ("run", "title", "task", "fields", "cases", "grid")


def group(
    evaluations: Iterable[Evaluation], methods: Sequence[str] | None = None
) -> dict[str, Group]:
    """Sort records by system, method and seed.

    Args:
        evaluations: the records, in any order of seeds.
        methods: the methods to take, in this order; None takes all as they first occur.

    Returns:
        system -> method -> records by rising seed; systems as they first occur.

    Raises:
        EvaluationError: there are no records, one of `methods` is missing, one seed occurs twice,
            the seeds of a method differ in more than the training, or the methods of a system were
            not evaluated on the same cases.
    """
    systems: dict[str, Group] = {}
    for evaluation in evaluations:
        of_method = systems.setdefault(evaluation.system, {}).setdefault(evaluation.method, [])
        if any(other.seed == evaluation.seed for other in of_method):
            raise EvaluationError(f"{evaluation.where}: given twice; give each record once")
        of_method.append(evaluation)
    if not systems:
        raise EvaluationError("expected at least one evaluation, got none")
    for system, found in systems.items():
        if methods is not None:
            systems[system] = found = {name: _take(system, found, name) for name in methods}
        for records in found.values():
            records.sort(key=lambda record: record.seed)
            _check_same(records, _OF_METHOD, "seeds of one method")
        _check_same([records[0] for records in found.values()], _OF_SYSTEM, "methods of a system")
        for records in found.values():
            _check_same(records, _OF_SYSTEM, "seeds of one method")
    return systems


def only_system(evaluations: Iterable[Evaluation], methods: Sequence[str] | None = None) -> Group:
    """Sort the records of one system, as :func:`group`.

    Raises:
        EvaluationError: as :func:`group`, or the records are of several systems.
    """
    systems = group(evaluations, methods)
    if len(systems) > 1:
        raise EvaluationError(f"expected evaluations of one system, got {', '.join(systems)}")
    return next(iter(systems.values()))


def _take(system: str, found: Group, name: str) -> list[Evaluation]:
    if name not in found:
        raise EvaluationError(
            f"system {system!r}: method {name!r} has no evaluation; there are: {', '.join(found)}"
        )
    return found[name]


def _check_same(records: Sequence[Evaluation], names: Sequence[str], what: str) -> None:
    first = records[0]
    for record in records[1:]:
        for name in names:
            one, other = getattr(first, name), getattr(record, name)
            if one != other:
                raise EvaluationError(
                    f"{what} must agree in {name}, found {one!r} ({first.where}) and {other!r} "
                    f"({record.where}); evaluate both again with one configuration"
                )
