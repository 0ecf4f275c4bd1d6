"""Panels for readers, of a task that tables know nothing of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from toy_records import METRICS, record

from wdno.evaluation.record import Record
from wdno.evaluation.tables.collect import collect
from wdno.evaluation.tables.columns import Columns, View, views
from wdno.evaluation.tables.panels import cost_panel, error_panel, item_panel, score_panel


def view(records: Sequence[Record], compared: str = "effort", digits: int = 3) -> View:
    table = collect(records, METRICS, compared, reference="a", resamples=50, of_items=("effort",))
    return views(table, records, METRICS, compared, digits)[0]


@pytest.fixture
def three() -> list[Record]:
    """Two learned methods and one that is not, which has the lowest effort and surprise."""
    rng = np.random.default_rng(0)
    steps = {"a": 1.0, "b": 2.0, "c": 0.5}
    return [
        record(
            name,
            {
                "effort": k * rng.uniform(0.9, 1.1, 10),
                "reached": np.full(10, 3 * k),
                "surprise": np.full(10, k),
                "truth": np.full(10, 0.25),
            },
            learned=name != "c",
            label={"a": "A", "b": "B", "c": "Standing still"}[name],
        )
        for name, k in steps.items()
    ]


def test_the_best_is_marked_among_its_rivals(three: list[Record]) -> None:
    columns = Columns(view(three))
    for name in METRICS:
        assert columns.score(name)
    panel = columns.panel("errors", "errors")
    assert panel.bold == {(0, "Effort"), (1, "Reached"), (2, "Surprise")}
    assert panel.underlined == {(0, "Surprise")}, "of two there is no second best"
    assert panel.cells["Reached"].tolist() == ["3.00", "6.00", "1.50"]
    assert panel.notes == ("Reached: how much.", "Effort: how hard.", "Surprise: among all.")
    assert (panel.name, panel.title) == ("Pendulum errors", "Pendulum: errors")


def test_a_score_without_values_has_no_column_and_no_note(three: list[Record]) -> None:
    bare = [record(r.method, {"effort": r.score("effort")}, learned=r.learned) for r in three]
    columns = Columns(view(bare))
    assert not columns.score("surprise")
    panel = columns.panel("errors", "errors")
    assert list(panel.cells) == ["Method", "Sampler"]
    assert panel.notes == ()


def test_one_value_is_not_the_best_of_any() -> None:
    columns = Columns(view([record("a", {"effort": [1.0]})]))
    columns.score("effort")
    assert not columns.panel("errors", "errors").bold


def test_what_seeds_differ_in_is_said_of_every_number_that_has_it() -> None:
    rows = [record("a", {"effort": [1.0, 3.0]}, seed=seed) for seed in (0, 1)]
    seen = view(rows)
    seen.rows["last"], seen.rows["last_sd"] = 2.0, 0.5
    columns = Columns(seen)
    columns.numbers("Last", "last")
    columns.numbers("Seconds", "seconds_per_trajectory")
    assert columns.cells["Last"].tolist() == ["2.00 ± 0.50"]
    assert columns.cells["Seconds"].tolist() == ["0.500"]


def test_digits_are_those_asked_for(three: list[Record]) -> None:
    for digits, text in ((2, "0.50"), (5, "0.50000")):
        columns = Columns(view(three, digits=digits))
        columns.score("surprise")
        assert columns.cells["Surprise"][2] == text
    panel = cost_panel(view(three, digits=5))
    assert panel.cells["Seconds"].tolist() == ["0.50000"] * 3


def test_the_main_panel_compares(three: list[Record]) -> None:
    panel = error_panel(
        view(three),
        ["effort"],
        beside={"Paper": ["1", "2", "3"]},
        further=["reached"],
        notes=["Of the task."],
    )
    assert panel.cells.columns.tolist() == [
        *("Method", "Sampler", "Seeds", "Effort", "Effort / A [95 %]", "vs. standing still"),
        *("Paper", "Reached", "Seconds", "Parameters"),
    ]
    ratio = panel.cells["Effort / A [95 %]"]
    assert ratio[0] == "1"
    assert ratio[1].startswith(("1.9", "2.0", "2.1")) and ratio[1].endswith("]")
    assert panel.cells["vs. standing still"][2] == "1.00×"
    assert panel.title == "Pendulum: errors on 10 test cases of 4 (time x space)"
    notes = " ".join(panel.notes)
    assert "above 1 is worse" in notes
    assert "vs. standing still: how many times lower the Effort is" in notes
    assert panel.notes[-1] == "Of the task."


def test_where_higher_is_better_the_notes_say_so(three: list[Record]) -> None:
    other = record("d", {"reached": np.full(10, 0.5)}, learned=False, label="D")
    panel = error_panel(view([*three, other], "reached"), ["reached"])
    notes = " ".join(panel.notes)
    assert "below 1 is worse" in notes
    assert "whole interval is above 1" in notes
    assert "how many times higher the Reached is" in notes
    assert panel.cells["Reached / Standing still [95 %]"].tolist()[2] == "1"


def test_cases_that_overlap_are_counted_by_their_windows(three: list[Record]) -> None:
    blocks = [
        record(r.method, {"effort": r.score("effort")}, blocks=np.arange(10) // 4) for r in three
    ]
    assert (
        "on 10 test cases (in 3 periods of a window's length) of 4"
        in error_panel(view(blocks), ()).title
    )


def test_items_have_a_panel_where_there_are_several() -> None:
    records = [
        record(name, {"effort": [1.0] * 4}, items={"x": [1.0 * k] * 4, "y": [30.0 / k] * 4})
        for k, name in enumerate("ab", 1)
    ]
    panel = item_panel(view(records), ["effort"])
    assert panel is not None
    assert panel.cells["x: Effort"].tolist() == ["1.00", "2.00"]
    assert panel.bold == {(0, "x: Effort"), (1, "y: Effort")}
    assert item_panel(view([record("a", {"effort": [1.0]})]), ["effort"]) is None


def test_a_panel_of_scores_that_no_method_has_is_left_out(three: list[Record]) -> None:
    panel = score_panel(view(three), ["reached", "truth"], "further", "further scores")
    assert panel is not None
    assert panel.cells.columns.tolist()[2:] == ["Reached", "Truth"]
    bare = [record(r.method, {"effort": r.score("effort")}) for r in three]
    assert score_panel(view(bare), ["reached", "truth"], "further", "further scores") is None


def test_missing_costs_are_dashes() -> None:
    records = [
        record("a", {"effort": [1.0]}, network="unet", parameters=521_300, training_seconds=61.23),
        record("c", {"effort": [1.0]}, learned=False),
    ]
    cells = cost_panel(view(records)).cells
    assert cells["Network"].tolist() == ["unet", "–"]
    assert cells["Objective"].tolist() == ["regression", "–"]
    assert cells["Parameters"].tolist() == ["521.3 k", "–"]
    assert cells["Training seconds"].tolist() == ["61.2", "–"]
    assert cells["Device"].tolist() == ["–", "–"]
