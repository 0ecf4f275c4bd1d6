from __future__ import annotations

import math
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from wdno.text_tables import Panel, count, markdown, number, tex, with_spread, write_table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0093149, "0.00931"),
        (0.00014, "1.40e-4"),
        (12.8329, "12.8"),
        (0.99996, "1.00"),
        (140703, "140703"),
        (2.5e7, "2.50e7"),
        (-0.5, "-0.500"),
        (0.0, "0"),
        (math.nan, "–"),
        (None, "–"),
        (math.inf, "inf"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        (0.00931, 0.00042, "0.00931 ± 0.00042"),
        (1.4e-4, 1.2e-5, "(1.40 ± 0.12)e-4"),
        (0.5, 1e-7, "0.500 ± 1e-7"),
        (0.5, 12.34, "0.500 ± 12.340"),
        (0.5, 0.0, "0.500 ± 0.000"),
        (0.5, math.nan, "0.500"),
        (math.nan, math.nan, "–"),
    ],
)
def test_with_spread(mean, sd, text):
    assert with_spread(mean, sd) == text


def test_count():
    found = [count(value) for value in (None, math.nan, pd.NA, 0, 4096, 521300, 140_748_553)]
    assert found == ["–", "–", "–", "0", "4096", "521.3 k", "140.7 M"]


def test_tex():
    assert tex("(1.40 ± 0.12)e-4") == r"(1.40 $\pm$ 0.12)$\times 10^{-4}$"
    assert tex(r"a_b \ 5% {x}") == r"a\_b \textbackslash{} 5\% \{x\}"
    assert tex("one-eye DDIM 10, eta 0") == "one-eye DDIM 10, eta 0"


def test_digits():
    assert number(0.0093149, 2) == "0.0093"
    assert number(1.4e-4, 5) == "1.4000e-4"
    assert with_spread(0.00931, 0.00042, 2) == "0.0093 ± 0.0004"
    assert with_spread(1.4e-4, 1.2e-5, 4) == "(1.400 ± 0.120)e-4"


NASTY = [
    "a|b",
    "*bold* **x**",
    "_it_ a_b __c__",
    r"back\slash \| \*",
    "$x^2$ and $",
    "<b>tag</b> & &lt; > 1",
    "`code` ~~no~~",
    "[link](http://x) [a][b] [1, 2]",
    "# 1 #",
    r"\frac{1}{2} {brace} %",
    "η ± 1 × é",
]
"""Names for readers that mean something in Markdown, HTML, LaTeX or a formula."""


def nasty_panel(name: str, of: list[str] = NASTY) -> Panel:
    headings = ["Method", *(f"vs. {text}" for text in of)]
    rows = [[text, *of] for text in of]
    cells = pd.DataFrame(rows, columns=headings)
    bold = frozenset({(0, headings[1]), (len(of) - 1, headings[-1])})
    return Panel(name, f"Title {of[0]} {of[-1]}", cells, [f"Note: {text}" for text in of], bold)


class Cells(HTMLParser):
    """Text of the elements of a page, by their tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self.identifiers: list[str] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self._open.append(tag)
        self.found.setdefault(tag, []).append("")
        self.identifiers += [value for key, value in attrs if key == "id"]

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        for tag in set(self._open):
            self.found[tag][-1] += data


@pytest.mark.parametrize("kind", ["md", "html"])
def test_text_is_shown_as_it_is(tmp_path, kind):
    panel = nasty_panel("errors")
    title = " ".join(NASTY)
    write_table(tmp_path / "a", title, panel.cells, [panel])
    text = (tmp_path / f"a.{kind}").read_text(encoding="utf-8")
    if kind == "md":
        text = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    found = Cells(text).found
    plain = {tag: [one.strip() for one in texts] for tag, texts in found.items()}
    assert plain["h1"] == [title]
    assert plain["h2"] == [panel.title]
    assert plain["th"] == list(panel.cells.columns)
    assert plain["td"] == panel.cells.to_numpy().ravel().tolist()
    assert plain["li"] == list(panel.notes)
    assert plain["strong"] == [NASTY[0], NASTY[-1]], "bold, and nothing else"
    assert not {"em", "code", "a", "s", "b", "del"} & set(found)


def test_text_is_no_formula_in_markdown():
    # GitHub sets what stands between dollars.
    assert markdown("$a$") == r"\$a\$"
    assert markdown("spectrum_error, 0.5 ± 0.1 [0.4, 0.6] (x) - 1e-4") == (
        "spectrum_error, 0.5 ± 0.1 [0.4, 0.6] (x) - 1e-4"
    ), "what means nothing stays as it is"


def test_text_is_no_command_in_latex(tmp_path):
    panel = nasty_panel("errors")
    write_table(tmp_path / "a", "title", panel.cells, [panel])
    text = (tmp_path / "a.tex").read_text(encoding="utf-8")
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    rows = [row for row in body.split("\n") if row.endswith(r"\\")]
    assert len(rows) == 1 + len(NASTY)
    for row in rows:
        # Every cell is one cell: no column more, no comment, no formula that is left open.
        assert len(re.split(r"(?<!\\)&", row)) == 1 + len(NASTY)
        assert not re.search(r"(?<!\\)[%#]", row)
        assert len(re.findall(r"(?<!\\)\$", row)) % 2 == 0
        assert row.count("{") == row.count("}")
    assert r"a\textbar{}b" in body and r"\textbackslash{}frac\{1\}\{2\}" in body
    assert r"\$x\textasciicircum{}2\$ and \$" in body


def test_every_panel_has_names_of_its_own(tmp_path):
    names = ("A* errors", "A+ errors", "Ä", "Ö", "A* errors")
    panels = [nasty_panel(name, NASTY[:2]) for name in names]
    write_table(tmp_path / "a", "title", panels[0].cells, panels)
    labels = re.findall(r"\\label\{(.*?)\}", (tmp_path / "a.tex").read_text(encoding="utf-8"))
    assert len(labels) == len(set(labels)) == len(panels)
    assert labels[0] == "tab:a-a-errors", "the first keeps its name"
    page = Cells((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert len(page.identifiers) == len(set(page.identifiers)) > len(panels)
