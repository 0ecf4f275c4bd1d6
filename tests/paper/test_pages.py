"""Pages of the paper's tables, of records whose errors are known."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown import read_markdown
from PIL import Image
from synthetic_evaluations import evaluation

from wdno.evaluation.bootstrap import mean_interval
from wdno.paper.comparison import RunResults, compare
from wdno.paper.contents import Excerpt, contents
from wdno.paper.differences import differences
from wdno.paper.evaluated import Evaluated
from wdno.paper.pages import Presentation, pages
from wdno.paper.writing import Cell, Listing, PageSection, WrittenPage, write_page

UNET = {"network": {"name": "unet"}, "objective": {"name": "diffusion", "schedule": "cosine"}}
MADE: dict[str, dict[str, Any]] = {
    "wdno": {"model": {**UNET, "representation": {"name": "wavelet"}}},
    "ddpm": {"model": {**UNET, "representation": {"name": "identity"}}},
    "fno": {
        "model": {
            "network": {"name": "fno"},
            "objective": {"name": "regression"},
            "representation": {"name": "identity"},
        }
    },
    "persistence": {"model": None},
}


def made(
    method: str,
    seeds: Sequence[int] = (0, 1),
    key: str = "",
    listed: bool = True,
    varied: Sequence[str] = (),
    **changes: Any,
) -> Evaluated:
    """A method of Burgers, by the name of a synthetic one."""
    sampler = changes.pop("sampler", {"name": "ddim", "steps": 10, "eta": 0.0})
    records = [evaluation(method, seed=seed, **changes) for seed in seeds]
    return Evaluated(
        system=records[0].system,
        task="simulation",
        method=key or method,
        listed=listed,
        varied=frozenset(varied),
        options={"sampler": sampler, **MADE[method]},
        network="" if method == "persistence" else "unet, width 16",
        training_samples=3000,
        records=records,
    )


def run_of(*evaluated: Evaluated, systems: Sequence[str] = ("burgers",)) -> RunResults:
    return RunResults("laptop", {system: ["simulation"] for system in systems}, evaluated)


def part(table: int, number: int) -> Excerpt:
    return next(one.parts for one in contents().entries if table in one.table)[number]


def test_numbers_stand_beside_those_of_the_paper() -> None:
    wdno = made("wdno")
    found = compare(part(1, 1), run_of(wdno, made("fno"), made("persistence", [0])), resamples=200)
    rows = {row.paper: row for row in found.rows}
    assert list(rows) == ["WNO", "MWT", "OFormer", "FNO", "CNN", "DDPM", "WDNO"]
    row = rows["WDNO"]
    scores = np.stack([record.score("mse") for record in wdno.records])
    interval = mean_interval(scores, resamples=200)
    assert row.value is not None and row.here is wdno
    assert row.value.mean == pytest.approx(scores.mean())
    assert row.value.sd == pytest.approx(scores.mean(axis=1).std(ddof=1))
    assert (row.value.low, row.value.high) == (interval.low, interval.high)
    assert row.ratio == pytest.approx(scores.mean() / 0.00014)
    assert rows["DDPM"].value is None and rows["DDPM"].published == 0.00013
    assert found.counts == (2, 7)
    reasons = " ".join(found.reasons)
    assert "DDPM: not in this run; it is `model.representation.name: identity`" in reasons
    assert "FNO" not in reasons


def test_all_methods_of_one_design_stand_there_but_not_those_of_studies() -> None:
    twice = run_of(made("wdno"), made("wdno", key="again"), made("wdno", key="b", listed=False))
    rows = [row for row in compare(part(1, 1), twice, resamples=20).rows if row.paper == "WDNO"]
    assert [row.here.method for row in rows if row.here] == ["wdno", "again"]


def test_settings_are_found_by_the_option_and_others_stand_below() -> None:
    samplers = [
        made(
            "wdno",
            key=f"steps_{steps}",
            listed=False,
            varied=["sampler.steps"],
            sampler={**DDIM, "steps": steps},
        )
        for steps in (50, 4, 100)
    ]
    of_another = made(
        "wdno", key="wide", listed=False, varied=["network.width"], sampler={**DDIM, "steps": 40}
    )
    other = made("wdno", key="eta_0", sampler={**DDIM, "steps": 20, "eta": 0.0})
    found = compare(part(7, 0), run_of(*samplers, other, of_another), resamples=20)
    said = [(row.setting, row.value is not None, row.published) for row in found.rows[:5]]
    assert said == [
        *(("20", False, 0.00022), ("40", False, 0.00017), ("50", True, 0.00014)),
        *(("100", True, 0.00015), ("200", False, 0.00017)),
    ]
    assert [row.setting for row in found.rows[5:]] == ["4"], "eta 0 is of no row"
    assert found.counts == (2, 5)
    (reason,) = found.reasons
    assert "`sampler.steps` of 20, 40, 200" in reason and "vary: {sampler.steps: [...]}" in reason
    families = compare(part(7, 2), run_of(made("wdno")), resamples=20)
    assert [row.setting for row in families.rows] == ["bior2.4"], "the default, where it is null"
    assert families.counts == (0, 0)


DDIM = {"name": "ddim", "eta": 1.0}


def test_what_is_not_configured_is_said() -> None:
    found = compare(part(2, 0), run_of(made("wdno")))
    assert found.counts == (0, 10) and not found.here
    assert "add `systems.burgers.tasks.control`" in found.reasons[0]
    elsewhere = compare(part(1, 0), run_of(made("wdno")))
    assert "add `systems.advection`" in elsewhere.reasons[0]
    never = compare(part(3, 2), run_of(made("wdno")))
    assert never.counts == (0, 2) and "Not part of a run" in never.reasons[0]


def test_data_that_stand_in_are_no_comparison() -> None:
    era5 = made("wdno", system="era5", stand_in=True, title="ERA5 stand-in")
    run = run_of(era5, systems=("era5",))
    row = next(r for r in compare(part(1, 5), run, resamples=20).rows if r.paper == "WDNO")
    assert row.value is not None and np.isnan(row.ratio)
    (page,) = [page for page in pages(run, HOW) if page.name == "table_01"]
    section = page.sections[5]
    assert "stand in for a record: ERA5 stand-in" in " ".join(section.text)


HOW = Presentation(figures={}, resamples=20)


def test_pages_for_readers(tmp_path: Path) -> None:
    wdno = made("wdno", samples=4, label="Ours <b> | best")
    for page in pages(run_of(wdno, made("fno", [0])), HOW):
        write_page(page, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert "index.html" in names and "table_17.md" not in names and "table_16.md" in names
    text = (tmp_path / "table_01.md").read_text(encoding="utf-8")
    burgers = read_markdown(text.replace(r"\|", "/"))[1].set_index("In the paper")
    assert burgers.loc["WDNO", "Here"] == "Ours &lt;b> / best (`wdno`)"
    assert burgers.loc["WDNO", "Sampler"] == "DDIM 10, eta 0, 4 samples"
    assert burgers.loc["WDNO", "Trainings"] == "2" and burgers.loc["FNO", "Trainings"] == "1"
    assert " ± " in burgers.loc["WDNO", "MSE"] and " ± " not in burgers.loc["FNO", "MSE"]
    assert burgers.loc["DDPM"].tolist()[:4] == ["–"] * 4
    assert "grid 16 x 24 (paper: 80 x 120); training samples 3000 (paper: 40000)" in text
    assert "network unet, width 16 (521.3 k parameters); 1000 training steps" in text
    assert "DDIM 50, eta 1" in text
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    sizes, tables, figures = read_markdown(index)
    assert sizes["Training samples, paper"].tolist() == ["40000"]
    assert tables["Table"].tolist()[16] == "[Table 17](table_16.md)"
    assert tables["In this run"][0].startswith("2 of ")
    assert figures["In this run"][0].startswith("0 of 2 figures")
    markup = (tmp_path / "table_01.html").read_text(encoding="utf-8")
    assert "Ours &lt;b&gt; | best (<code>wdno</code>)" in markup and "<b>" not in markup
    for tag in ("table", "tr", "td", "ul", "p", "code", "div"):
        assert len(re.findall(rf"<{tag}[ >]", markup)) == markup.count(f"</{tag}>"), tag
    assert not re.findall(r"(?:src|href)=[\"'](?:https?:)?//", markup), "needs the network"


def test_links_of_the_index_lead_to_pages(tmp_path: Path) -> None:
    for page in pages(run_of(made("wdno")), HOW):
        write_page(page, tmp_path)
    for kind, pattern in (("md", r"\]\(([^)]+)\)"), ("html", r'href="([^"]+)"')):
        links = re.findall(pattern, (tmp_path / f"index.{kind}").read_text(encoding="utf-8"))
        assert len(links) == 21
        assert all((tmp_path / link).is_file() for link in links)


def test_methods_made_alike_are_said_together_and_times_with_their_device() -> None:
    alike = [made("wdno", key=key, label=key.upper()) for key in ("one", "two")]
    lines = differences(compare(part(11, 3), run_of(*alike, made("persistence", [0]))))
    assert lines[1:3] == [
        "ONE, TWO: network unet, width 16 (521.3 k parameters); 1000 training steps.",
        "Ours took that time on: CPU, 2 threads.",
    ]
    assert "grid 16 x 24 (paper: 80 x 120)" in lines[0] and "trainings of each method 2" in lines[0]
    assert differences(compare(part(2, 0), run_of(*alike))) == [], "nothing to compare"


def test_pictures_are_linked_and_held(tmp_path: Path) -> None:
    picture = tmp_path / "figures" / "burgers_simulation_trajectories.png"
    picture.parent.mkdir()
    Image.new("RGB", (4, 4)).save(picture)
    how = Presentation(figures={picture.stem: picture}, resamples=20)
    (page,) = [one for one in pages(run_of(made("wdno")), how) if one.name == "figure_02"]
    write_page(page, tmp_path / "paper")
    text = (tmp_path / "paper/figure_02.md").read_text(encoding="utf-8")
    assert "(../figures/burgers_simulation_trajectories.png)" in text
    assert "add `systems.compressible_ns`" in text
    assert "data:image/png;base64," in (tmp_path / "paper/figure_02.html").read_text()


def test_text_is_escaped(tmp_path: Path) -> None:
    listing = Listing(["A & B", "C"], [[Cell("x|y"), Cell("`a<b` <i>", "other")]])
    section = PageSection("S <s>", ["1 < 2"], listing, ["`k: {v}`"])
    write_page(WrittenPage("page", "T & <t>", ["p"], [section]), tmp_path)
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert r"x\|y" in text and "[`a<b` &lt;i>](other.md)" in text and "1 &lt; 2" in text
    markup = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert html.escape("T & <t>") in markup and "<code>a&lt;b</code> &lt;i&gt;</a>" in markup
    assert "<s>" not in markup and "<i>" not in markup
