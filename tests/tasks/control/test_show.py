"""Table and figures of control, of systems on one axis of space and on two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr
from small_smoke import smoke
from waves import make_data

from wdno.config import EvaluationOptions
from wdno.data.statistics import write_statistics
from wdno.evaluation.job import Job
from wdno.evaluation.record import EvaluationError, Record
from wdno.tasks.control.evaluation import evaluate
from wdno.tasks.control.figures import FIGURES
from wdno.tasks.control.table import table

MakeJob = Callable[..., Job]
METHODS: dict[str, dict[str, Any]] = {
    "zero": {"baseline": "constant"},
    "own": {"baseline": "data"},
    "descent": {
        "baseline": "adjoint",
        "control": {"controller": {"name": "adjoint", "gradients": 5}},
    },
}


@pytest.fixture(scope="module")
def of_smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smoke")
    system = smoke(steps=16)
    write_statistics(
        make_data(folder / "test.nc", system=system, count=3), folder / "statistics.nc"
    )
    return folder


@pytest.fixture
def records(make_job: MakeJob) -> list[Record]:
    return [evaluate(make_job(method, name=name)) for name, method in METHODS.items()]


def test_the_table_says_what_the_paper_reports_and_what_failed(
    records: list[Record], tmp_path: Path
) -> None:
    failed = records[0].scores * float("nan")
    broken = Record(
        identity=records[2].identity,
        design=records[2].design,
        cost=records[2].cost,
        scores=failed[["j"]],
        examples=records[2].examples,
        notes={"failed": "a control that is not finite, of case 3 first"},
        label="WDNO",
    )
    table([*records[:2], broken], tmp_path / "control", EvaluationOptions(reference="zero"))
    rows = pd.read_csv(tmp_path / "control.csv").set_index("method")
    assert rows.loc["descent", "published_j"] == 0.0205 and pd.isna(rows.loc["descent", "j"])
    assert rows.loc["zero", "j_ratio"] == 1
    text = (tmp_path / "control.md").read_text(encoding="utf-8")
    assert "WDNO failed, and has no scores: a control that is not finite, of case 3" in text
    assert "J on 6 test cases" in text


@pytest.mark.parametrize("figure", ["controls", "cost"])
def test_figures_of_one_axis(
    records: list[Record], figure: str, drawn: list[Any], tmp_path: Path
) -> None:
    FIGURES[figure](records, tmp_path / figure, EvaluationOptions())
    assert (tmp_path / f"{figure}.png").is_file() and (tmp_path / f"{figure}.pdf").is_file()
    words = " ".join(text.get_text() for axis in drawn[0].axes for text in [axis.title])
    if figure == "controls":
        assert "own" in words and words.count("J = ") == 3
    else:
        (line,) = [one for one in drawn[0].axes[0].lines if len(one.get_xdata()) == 5]
        assert list(line.get_xdata()) == [1, 2, 3, 4, 5]


def test_controls_on_two_axes(
    make_job: MakeJob, of_smoke: Path, drawn: list[Any], tmp_path: Path
) -> None:
    wind = {"baseline": "constant", "control": {"controller": {"name": "constant"}}}
    wind["control"]["controller"]["values"] = [1.5, 0.0]
    found = [
        evaluate(make_job(method, name=name, smoke=of_smoke))
        for name, method in (("zero", METHODS["zero"]), ("wind", wind), ("own", METHODS["own"]))
    ]
    assert found[1].mean("missed") < found[0].mean("missed") == 1
    FIGURES["controls"](found, tmp_path / "controls", EvaluationOptions())
    rows = [axis.get_ylabel() for axis in drawn[0].axes if "J = " in axis.get_ylabel()]
    assert [row.split("\n")[0] for row in rows] == ["zero", "wind", "own"]


def test_methods_that_all_failed_have_no_figure(records: list[Record], tmp_path: Path) -> None:
    empty = [
        Record(
            identity=one.identity,
            design=one.design,
            cost=one.cost,
            scores=one.scores[["j"]],
            examples=xr.Dataset(),
        )
        for one in records
    ]
    with pytest.raises(EvaluationError, match="all of them failed"):
        FIGURES["controls"](empty, tmp_path / "controls", EvaluationOptions())
