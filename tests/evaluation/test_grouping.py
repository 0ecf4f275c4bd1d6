"""Which records are compared with which."""

from __future__ import annotations

import pytest
from synthetic_evaluations import changed, evaluation, evaluations

from wdno.evaluation.grouping import group, only_system
from wdno.evaluation.record import EvaluationError


def test_groups_keep_the_order_of_methods_and_sort_seeds() -> None:
    records = evaluations(("fno", "wdno"), seeds=2)
    systems = group([*reversed(records), evaluation("fno", system="advection")])
    assert list(systems) == ["burgers", "advection"]
    assert list(systems["burgers"]) == ["wdno", "fno"]
    assert [record.seed for record in systems["burgers"]["fno"]] == [0, 1]
    assert list(only_system(records, ["wdno"])) == ["wdno"]
    assert list(only_system(records, ["wdno", "fno"])) == ["wdno", "fno"]


@pytest.mark.parametrize(
    ("records", "methods", "message"),
    [
        ([], None, "at least one evaluation"),
        ([("wdno", {}), ("wdno", {})], None, "method 'wdno', seed 0: given twice"),
        ([("wdno", {})], ["wdno", "fno"], "method 'fno' has no evaluation; there are: wdno"),
        ([("wdno", {}), ("fno", {"cases": 5})], None, "must agree in cases, found 12 .* and 5"),
        ([("wdno", {}), ("fno", {"run": "paper"})], None, "must agree in run"),
        ([("wdno", {}), ("fno", {"fields": ("v",)})], None, "must agree in items"),
        ([("wdno", {}), ("wdno", {"seed": 1, "samples": 2})], None, "must agree in samples"),
        ([("wdno", {}), ("wdno", {"seed": 1, "label": "W"})], None, "must agree in label"),
        ([("wdno", {}), ("wdno", {"seed": 1, "stepwise": True})], None, "must agree in stepwise"),
        ([("wdno", {}), ("wdno", {"seed": 1, "parameters": 3})], None, "must agree in parameters"),
        ([("wdno", {}), ("wdno", {"seed": 1, "grid": (8, 8)})], None, "must agree in grid"),
    ],
)
def test_records_that_do_not_belong_together(records, methods, message) -> None:
    with pytest.raises(EvaluationError, match=message):
        group([evaluation(name, **options) for name, options in records], methods)


def test_tasks_are_not_mixed() -> None:
    one, other = evaluation("wdno"), changed(evaluation("fno"), task="control")
    with pytest.raises(EvaluationError, match=r"of one task, got simulation \(.*control \(system"):
        group([one, other])


def test_one_system_is_asked_for() -> None:
    with pytest.raises(EvaluationError, match="of one system, got burgers, advection"):
        only_system([evaluation("wdno"), evaluation("wdno", system="advection")])
