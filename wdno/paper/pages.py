"""A page for each table and figure of the paper, and an index of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wdno.evaluation.tables.labels import sampler_label
from wdno.options import shown
from wdno.paper.comparison import Comparison, Row, RunResults, compare
from wdno.paper.contents import Entry, Excerpt, Picture, contents
from wdno.paper.differences import differences
from wdno.paper.writing import Cell, Listing, PageSection, WrittenPage
from wdno.text_tables import MISSING, count, number, with_spread

PAPER = '"Wavelet Diffusion Neural Operator" (ICLR 2025, arXiv 2412.04833)'
MATCHED = (
    "A method of the run stands beside one of the paper if it is made of the same: representation, "
    "network, objective, and what else `wdno/paper/contents.yaml` says. Its name and label do not "
    "count. Where several are, all stand there."
)
INTERVAL = (
    "Ours: mean over test cases, then mean ± sample standard deviation over trainings (no ± for "
    "one). Interval: of the mean, by a bootstrap over test cases crossed with trainings; with one "
    "training it covers the choice of test cases alone. Where sizes differ, a ratio says how far "
    "this run is from the paper, and nothing of the method."
)


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """How numbers are shown.

    Attributes:
        digits: significant digits.
        level: coverage of the intervals.
        resamples: bootstrap resamples.
        figures: figures of the run, by the names of their files without suffix.
    """

    digits: int = 3
    level: float = 0.95
    resamples: int = 2000
    figures: Mapping[str, Path]

    @property
    def bootstrap(self) -> dict[str, Any]:
        """Options of the bootstrap."""
        return {"level": self.level, "resamples": self.resamples}


def pages(run: RunResults, how: Presentation) -> list[WrittenPage]:
    """Make all pages, the index first.

    Args:
        run: what the run has.
        how: how numbers are shown.
    """
    found, lines = [], []
    for entry in contents().entries:
        compared = [compare(part, run, **how.bootstrap) for part in entry.parts]
        pictures = [one for picture in entry.pictures for one in _pictures(picture, how)]
        found.append(_page(entry, compared, pictures, run, how))
        lines.append((entry, _status(entry, compared, pictures, run)))
    return [_index(run, lines), *found]


def _pictures(picture: Picture, how: Presentation) -> list[Path]:
    names = [f"{system}_{picture.task}_{picture.name}" for system in picture.systems]
    return [how.figures[name] for name in names if name in how.figures]


def _page(
    entry: Entry,
    compared: Sequence[Comparison],
    pictures: Sequence[Path],
    run: RunResults,
    how: Presentation,
) -> WrittenPage:
    text = [f"{entry.caption} From {PAPER}, beside the run `{run.run}`."]
    text += [entry.remark] if entry.remark else []
    text += [INTERVAL, MATCHED] if any(not one.part.absent for one in compared) else []
    sections = [_section(one, how) for one in compared]
    if entry.pictures:
        reasons = _unpictured(entry, run)
        sections.append(PageSection("Figures of this run", items=reasons, pictures=pictures))
    return WrittenPage(entry.page, entry.heading, text, sections, home="index")


def _unpictured(entry: Entry, run: RunResults) -> list[str]:
    reasons = [
        run.unconfigured(system, picture.task)
        for picture in entry.pictures
        for system in picture.systems
    ]
    return list(dict.fromkeys(filter(None, reasons)))


def _section(one: Comparison, how: Presentation) -> PageSection:
    part = one.part
    text = [part.remark] if part.remark else []
    if any(here.first.identity.stand_in for here in one.here):
        text.append(f"The data of this run stand in for a record: {one.here[0].first.title}.")
    return PageSection(part.title, text, _listing(one, how), [*differences(one), *one.reasons])


def _listing(one: Comparison, how: Presentation) -> Listing:
    part = one.part
    if part.value is None:
        bare = [[Cell(row.paper), Cell(number(row.published, how.digits))] for row in one.rows]
        return Listing(["In the paper", "Paper"], bare, words=1)
    first = ["In the paper", "Here"]
    if part.option:
        first = [part.option.removeprefix("model."), "Of"]
    columns = [
        *(*first, "Sampler", part.value.label, f"[{100 * how.level:g} %]"),
        *("Paper", "Ours / paper", "Trainings"),
    ]
    return Listing(columns, [_cells(row, part, how) for row in one.rows], words=3)


def _cells(row: Row, part: Excerpt, how: Presentation) -> list[Cell]:
    here, value = row.here, row.value
    whole = part.value is not None and part.value.cost == "parameters"
    name = row.setting or row.paper
    if here is None or value is None:
        ours = [MISSING] * 4
        trainings = MISSING
    else:
        design = here.first.design
        mean = count(value.mean) if whole else with_spread(value.mean, value.sd, how.digits)
        ends = MISSING
        if not math.isnan(value.low):
            ends = f"[{number(value.low, how.digits)}, {number(value.high, how.digits)}]"
        sampler = sampler_label(design.sampler, design.samples)
        ours = [f"{here.first.label} (`{here.method}`)", sampler, mean, ends]
        trainings = str(len(here.records)) if here.first.learned else MISSING
    paper = count(row.published) if whole else number(row.published, how.digits)
    texts = [name, *ours, paper, number(row.ratio, how.digits), trainings]
    return [Cell(text) for text in texts]


def _status(
    entry: Entry, compared: Sequence[Comparison], pictures: Sequence[Path], run: RunResults
) -> str:
    """Say how much of a table or figure this run has."""
    reasons = [reason for one in compared for reason in one.reasons] or _unpictured(entry, run)
    if entry.pictures:
        found, wanted = len(pictures), sum(len(one.systems) for one in entry.pictures)
        said = f"{found} of {wanted} figures"
    else:
        counts = [one.counts for one in compared]
        found, wanted = (sum(each) for each in zip(*counts, strict=True))
        said = f"{found} of {wanted} numbers"
    return said if found or not reasons else f"{said}. {reasons[0]}"


def _index(run: RunResults, lines: Sequence[tuple[Entry, str]]) -> WrittenPage:
    text = [
        f"Every table and figure with data of {PAPER} beside the run `{run.run}`: what of it this "
        "run has, and at which size. All options of the run are in `config.yaml`, one folder up.",
    ]
    sections = [PageSection("Sizes", listing=_sizes(run))]
    for kind in ("Table", "Figure"):
        rows = [
            [Cell(f"{kind} {number}", entry.page), Cell(entry.title), Cell(status)]
            for entry, status in lines
            if entry.kind == kind
            for number in entry.numbers
        ]
        rows.sort(key=lambda row: int(row[0].text.split()[1]))
        listing = Listing([kind, "Shows", "In this run"], rows, words=3)
        sections.append(PageSection(f"{kind}s", listing=listing))
    sections.append(PageSection("Which method is which", [MATCHED]))
    title = f"The paper's tables and figures, run {run.run}"
    return WrittenPage("index", title, text, sections)


def _sizes(run: RunResults) -> Listing:
    """Sizes of each task and system of the run beside the paper's."""
    first = {(one.task, one.system): one for one in reversed(run.evaluated) if one.listed}
    rows = []
    for (task, system), one in sorted(first.items()):
        paper = contents().settings.get(task, {}).get(system)
        own = [shown(list(one.first.identity.grid.values())), one.training_samples, one.first.cases]
        said: list[object] = [None] * 3
        if paper is not None:
            grid = shown(paper.grid) if paper.grid else None
            said = [grid, paper.training_samples, paper.test_cases]
        pairs = [value for pair in zip(own, said, strict=True) for value in pair]
        texts = [MISSING if value is None else str(value) for value in pairs]
        rows.append([Cell(one.first.title), Cell(task), *map(Cell, texts)])
    columns = ["System", "Task"]
    for name in ("Grid", "Training samples", "Test cases"):
        columns += [name, f"{name}, paper"]
    return Listing(columns, rows)
