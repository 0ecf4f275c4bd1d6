"""Table and figures of control, of systems on one axis of space and on two."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image
from small_smoke import smoke
from waves import make_data

from wdno.config import EvaluationOptions
from wdno.data.statistics import write_statistics
from wdno.evaluation.figures.moving import MovingPicture
from wdno.evaluation.job import Job
from wdno.evaluation.record import EvaluationError, Record
from wdno.tasks.control.evaluation import evaluate
from wdno.tasks.control.figures import FIGURES
from wdno.tasks.control.table import table
from wdno.text_tables import number

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
    reported = rows.loc["descent", ["published_j_noise", "published_parameters"]]
    assert list(reported) == [0.0305, 140748553] and pd.isna(rows.loc["zero", "published_j_sd"])
    spread = records[0].score("j").std(ddof=1)
    assert rows.loc["zero", "j_spread"] == pytest.approx(spread)
    text = (tmp_path / "control.md").read_text(encoding="utf-8")
    assert "WDNO failed, and has no scores: a control that is not finite, of case 3" in text
    assert "J on 6 test cases" in text
    assert "what the paper reports" in text and "| 140.7 M" in " ".join(text.split())


@pytest.mark.parametrize("figure", ["controls", "cost"])
def test_figures_of_one_axis(
    records: list[Record], figure: str, drawn: list[Any], tmp_path: Path
) -> None:
    FIGURES[figure](records, tmp_path / figure, EvaluationOptions())
    assert (tmp_path / f"{figure}.png").is_file() and (tmp_path / f"{figure}.pdf").is_file()
    words = " ".join(text.get_text() for axis in drawn[0].axes for text in [axis.title])
    if figure == "controls":
        assert "own" in words and words.count("J = ") == 3
        return
    calls, seconds = drawn[0].axes[:2]
    (line,) = [one for one in calls.lines if len(one.get_xdata()) == 5]
    assert list(line.get_xdata()) == [1, 2, 3, 4, 5]
    (same,) = [one for one in seconds.lines if len(one.get_xdata()) == 5]
    each = records[2].notes["seconds of a gradient"]
    assert 0 < 5 * each <= records[2].cost.seconds * (1 + 1e-9)
    np.testing.assert_allclose(np.diff(same.get_xdata()), each)
    assert same.get_xdata()[-1] == pytest.approx(records[2].cost.seconds)
    assert "from zero" in [text.get_text() for text in calls.texts]


def test_what_a_start_saves_is_read_off_the_best_line_without_training(
    records: list[Record], drawn: list[Any], tmp_path: Path
) -> None:
    def line(name: str, j: list[float], objective: str | None = None, calls: int = 0) -> Record:
        curve = np.tile(j, (records[2].cases, 1))
        scores = (
            records[2]
            .scores.drop_dims("gradient")
            .assign(
                j=("case", curve[:, -1]),
                solver_gradients=("case", np.full(len(curve), float(len(j)))),
                solver_calls=("case", np.full(len(curve), float(calls))),
                j_after_gradients=(("case", "gradient"), curve),
            )
        )
        identity = dataclasses.replace(records[2].identity, method=name)
        design = dataclasses.replace(records[2].design, objective=objective)
        return dataclasses.replace(
            records[2], identity=identity, design=design, scores=scores, label=""
        )

    slow = line("slow", [1.0, 0.5, 0.4, 0.3, 0.2, 0.1])
    fast = line("fast", [0.8, 0.4, 0.16, 0.04])
    guided = line("guided", [0.16, 0.08], objective="diffusion", calls=1)
    FIGURES["cost"]([slow, fast, guided], tmp_path / "cost", EvaluationOptions())
    # Half way between 0.16 and 0.04 on the logarithmic axis: 3.5 calls; two gradients and a call.
    said = [text.get_text() for text in drawn[0].axes[0].texts]
    assert "saves 0.50 calls" in said


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


def test_a_case_moves_under_few_methods(
    make_job: MakeJob, of_smoke: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*values: float) -> dict[str, Any]:
        controller = {"name": "constant", "values": list(values)}
        return {"baseline": "constant", "control": {"controller": controller}}

    adjoint = {"name": "adjoint", "start": "data", "gradients": 2}
    methods: dict[str, dict[str, Any]] = {
        "own": METHODS["own"],
        "weak": held(0.5, 0.0),
        "strong": held(3.0, 0.0),
        "zero": METHODS["zero"],
        "optimum": {"baseline": "adjoint", "control": {"controller": adjoint}},
    }
    found = [
        evaluate(make_job(method, name=name, smoke=of_smoke)) for name, method in methods.items()
    ]
    saved: list[Any] = []
    original = MovingPicture.save

    def save(self: MovingPicture, path: Path, panels: Any) -> None:
        saved.append((self, panels))
        original(self, path, panels)

    monkeypatch.setattr(MovingPicture, "save", save)
    FIGURES["animation"](found, tmp_path / "animation", EvaluationOptions(reference="own"))
    picture, panels = saved[0]
    # None of these is among the methods of `show`: by their roles.
    assert [panel.name for panel in panels] == ["zero", "own", "weak", "optimum"]
    # Of the two examples the one in which one of these has the lowest J.
    shown_j = np.stack([found[k].score("j")[:2] for k in (3, 0, 1, 4)])
    case = int(shown_j.min(axis=0).argmin())
    assert [panel.said[0] for panel in panels] == [f"J = {number(j, 3)}" for j in shown_j[:, case]]
    assert picture.heading.endswith(f"case {case}")
    examples = found[1].shown()
    assert panels[2].frames.shape == (9, 16, 16) == (len(picture.time), 16, 16)
    np.testing.assert_array_equal(panels[2].frames[0], examples["first"][case, 0])
    np.testing.assert_array_equal(panels[2].frames[1:], examples["state"][case, 0])
    # A wind of 0.5 in y, at the blocks of the frame and nowhere else.
    arrows = panels[2].arrows
    np.testing.assert_allclose(arrows.vectors[:, 0], 0.5)
    np.testing.assert_allclose(arrows.vectors[:, 1], 0.0)
    assert (panels[0].arrows.vectors == 0).all()
    assert 20 < len(arrows.x) < 64 and np.hypot(arrows.x - 64, arrows.y - 64).min() > 40
    with Image.open(tmp_path / "animation.gif") as moving:
        assert moving.n_frames == 9
    shown = EvaluationOptions(show=["strong", "zero", "absent"])
    FIGURES["animation"](found, tmp_path / "animation", shown)
    assert [panel.name for panel in saved[1][1]] == ["strong", "zero"]


def test_an_animation_needs_two_axes(records: list[Record], tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="needs two space axes"):
        FIGURES["animation"](records, tmp_path / "animation", EvaluationOptions())


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
