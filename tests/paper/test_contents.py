"""What stands in the paper's tables: the description fits the program and its files."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from wdno import systems
from wdno.evaluation.record import Cost
from wdno.paper import contents as module
from wdno.paper.contents import Excerpt, Missing, Source, contents, page_names, published
from wdno.paper.matching import described
from wdno.tasks import REGISTRY as TASKS
from wdno.tasks.control import published as control
from wdno.tasks.simulation import published as simulation

PARTS = [part for entry in contents().entries for part in entry.parts]


def test_every_table_and_the_figures_with_data_have_a_page() -> None:
    tables = sorted(number for entry in contents().entries for number in entry.table)
    assert tables == list(range(1, 18))
    names = page_names()
    assert names[0] == "index" and len(set(names)) == len(names)
    headings = {entry.page: entry.heading for entry in contents().entries}
    assert headings["table_16"] == "Tables 16 and 17: Super-resolution"
    assert headings["table_03"].startswith("Tables 3, 4 and 6: ")
    assert headings["figure_05"].startswith("Figure 5: ")


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.published.file}-{part.title}")
def test_parts_name_what_there_is(part: Excerpt) -> None:
    rows = published(part.published)
    assert rows, "no published numbers"
    if part.absent:
        return
    assert part.system in systems.REGISTRY.names()
    assert part.value is not None
    if part.value.score:
        assert part.value.score in TASKS.module(part.task, "metrics").METRICS
    if part.value.cost:
        assert hasattr(Cost(), part.value.cost)
    for name in [part.of] if part.of else [name for name, _ in rows]:
        design = contents().design(part.task, name)
        assert design != Missing(missing="not described here"), f"{name} has no design"
        assert isinstance(design, Missing) or all(described(one) for one in design)


def test_pictures_are_figures_that_tasks_draw() -> None:
    for entry in contents().entries:
        for picture in entry.pictures:
            assert picture.name in TASKS.module(picture.task, "figures").FIGURES


def test_numbers_are_those_that_the_tables_of_tasks_show() -> None:
    found = {part.title: dict(published(part.published)) for part in _parts(1)}
    of_table = simulation.simulation()
    for title, system in (("Burgers", "burgers"), ("Smoke", "smoke"), ("ERA5", "era5")):
        for method, (value,) in found[title].items():
            assert of_table[system, simulation.key(method)]["mse"] == value
    noise = dict(published(_parts(9)[0].published))
    assert noise["WDNO"] == [control.control("burgers")["WDNO"]["j_noise"]] == [0.0305]
    assert "BC (surrogate-solver)" not in noise, "the paper has no such number"
    linear = dict(published(_parts(16)[0].published))
    assert linear["WDNO"] == [0.00259, 0.00074, 0.00036, 0.00035]
    nearest = dict(published(_parts(16)[1].published))["FNO"]
    assert nearest[:2] == [0.00439, 0.02473] and all(math.isnan(one) for one in nearest[2:])
    steps = published(_parts(7)[0].published)
    assert steps[2] == ("50", [0.00014])


def _parts(table: int) -> list[Excerpt]:
    return next(entry.parts for entry in contents().entries if table in entry.table)


def test_a_file_that_lacks_a_column_is_named() -> None:
    source = Source(file="paper/published/cost_smoke.csv", column="energy")
    with pytest.raises(ValueError, match=r"cost_smoke.csv: expected the columns .*energy; found"):
        published(source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"entries": [{"title": "A", "caption": "B"}]}, "A: expected numbers of tables or"),
        ({"entries": [{"table": [1], "title": "A", "caption": "B"}] * 2}, "Table 1: expected once"),
        (
            {
                "entries": [
                    {
                        "table": [1],
                        "title": "A",
                        "caption": "B",
                        "parts": [{"title": "C", "published": {"file": "a.csv", "column": "d"}}],
                    }
                ]
            },
            "C: expected task, system and value, or absent",
        ),
    ],
)
def test_a_wrong_description_is_refused(change: dict[str, object], message: str) -> None:
    text = Path(module.__file__).with_name(module.CONTENTS).read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        module.Contents.model_validate(yaml.safe_load(text) | change)
