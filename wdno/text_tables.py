"""Tables as files: a frame as CSV for machines, its panels as Markdown, LaTeX, HTML for readers."""

from __future__ import annotations

import html
import itertools
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from wdno.files import write_text

MISSING = "–"

_TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_TEX |= {letter: "\\" + letter for letter in "&%$#_{}"}
_TEX |= {"±": r"$\pm$", "×": r"$\times$", MISSING: "--", "η": r"$\eta$", "<": "$<$", ">": "$>$"}
_TEX |= {"|": r"\textbar{}", "`": r"\textasciigrave{}"}

# In running text and in cells; an underscore inside of a word, and a bracket, mean nothing.
_MARKDOWN = re.compile(
    r"[\\`*|$~]|(?<![^\W_])_|_(?![^\W_])|<(?=[A-Za-z/!?])|\](?=[(\[])|&(?=#?\w+;)|(?<!\S)#"
)

HTML_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 2em }}
div {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
td, th {{ padding: 0.3em 0.8em; border-bottom: 1px solid #ddd; white-space: nowrap }}
li, p {{ max-width: 60em }}
li {{ color: #555 }}
img {{ max-width: 100% }}
</style></head><body>"""


@dataclass(frozen=True)
class Panel:
    """A table for readers.

    Attributes:
        name: short name, for the LaTeX label.
        title: what it shows, a heading and a caption.
        cells: text of each cell; columns of words are aligned left, of numbers right.
        notes: what the columns mean, a line each.
        bold: (row, column) of the cells set in bold.
        words: columns of words, besides the first.
        underlined: (row, column) of the cells that are underlined, in Markdown italic.
    """

    name: str
    title: str
    cells: pd.DataFrame
    notes: Sequence[str] = ()
    bold: frozenset[tuple[int, str]] = frozenset()
    words: frozenset[str] = frozenset()
    underlined: frozenset[tuple[int, str]] = frozenset()

    @property
    def sides(self) -> list[str]:
        """`left` or `right` for each column."""
        return [
            "left" if index == 0 or name in self.words else "right"
            for index, name in enumerate(self.cells.columns)
        ]


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with so many significant digits: `0.00931`, `1.40e-4`, `12345`, `–`."""
    if value is None or math.isnan(value):
        return MISSING
    if value == 0 or math.isinf(value):
        return f"{value:g}"
    mantissa, exponent = _split(value, digits)
    if -3 <= exponent < 6:
        return f"{value:.{max(digits - 1 - exponent, 0)}f}"
    return f"{mantissa:.{digits - 1}f}e{exponent}"


def with_spread(mean: float, sd: float, digits: int = 3) -> str:
    """Write mean and standard deviation: `0.00931 ± 0.00042`, `(1.40 ± 0.12)e-4`."""
    if not (math.isfinite(mean) and math.isfinite(sd)) or mean == 0:
        return number(mean, digits)
    _, exponent = _split(mean, digits)
    fixed = -3 <= exponent < 6
    scale = 1.0 if fixed else 10.0**exponent
    decimals = max(digits - 1 - exponent, 0) if fixed else digits - 1
    spread = f"{sd / scale:.{decimals}f}"
    if sd > 0 and float(spread) == 0:
        return f"{number(mean, digits)} ± {number(sd, 1)}"
    text = f"{mean / scale:.{decimals}f} ± {spread}"
    return text if fixed else f"({text})e{exponent}"


def _split(value: float, digits: int) -> tuple[float, int]:
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return float(mantissa), int(exponent)


def count(value: float | None) -> str:
    """Write a count in a unit that reads well: `4096`, `521 k`, `140.7 M`."""
    if value is None or pd.isna(value):
        return MISSING
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            scaled = value / (1e3 if unit == "k" else size)
            return f"{scaled:.1f} {unit}" if scaled < 1000 else f"{scaled:.0f} {unit}"
    return f"{value:.0f}"


def tex(text: str) -> str:
    """Escape text for LaTeX; `1.4e-4` becomes a power of ten."""
    escaped = "".join(_TEX.get(letter, letter) for letter in text)
    return re.sub(r"(?<=[\d)])e(-?\d+)\b", r"$\\times 10^{\1}$", escaped)


def markdown(text: str) -> str:
    """Escape text for Markdown, cells of tables included."""
    return _MARKDOWN.sub(lambda found: f"\\{found[0]}", text)


def write_table(path: str | Path, title: str, frame: pd.DataFrame, panels: Sequence[Panel]) -> None:
    """Write `{path}.csv`, `.md`, `.tex` and `.html`, each complete or not at all.

    Args:
        path: without suffix.
        title: heading of the Markdown and HTML files.
        frame: everything, full precision, for the CSV file.
        panels: what readers see.
    """
    path = Path(path)
    write_csv(path.parent / f"{path.name}.csv", frame)
    write_text(path.parent / f"{path.name}.md", _markdown(title, panels))
    write_text(path.parent / f"{path.name}.tex", _latex(path.name, panels))
    write_text(path.parent / f"{path.name}.html", _html(title, panels))


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as CSV at full precision, complete or not at all."""
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def _mark(
    cells: pd.DataFrame,
    marked: Iterable[tuple[int, str]],
    form: str,
    heading: Callable[[str], str] = str,
) -> None:
    """Put cells, named by their row and column, into a form; `heading` writes a column's name."""
    for row, column in marked:
        name = heading(column)
        cells.loc[row, name] = form.format(cells.loc[row, name])


def _markdown(title: str, panels: Sequence[Panel]) -> str:
    parts = [f"# {markdown(title)}"]
    for panel in panels:
        cells = panel.cells.map(markdown).rename(columns=markdown)
        _mark(cells, panel.bold, "**{}**", markdown)
        _mark(cells, panel.underlined, "_{}_", markdown)
        table = cells.to_markdown(index=False, disable_numparse=True, colalign=panel.sides)
        parts += [f"## {markdown(panel.title)}", table]
    notes = dict.fromkeys(note for panel in panels for note in panel.notes)
    if notes:
        parts.append("\n".join(["Notes", "", *(f"- {markdown(note)}" for note in notes)]))
    return "\n\n".join(parts) + "\n"


def _html(title: str, panels: Sequence[Panel]) -> str:
    parts = [HTML_HEAD.format(title=html.escape(title)), f"<h1>{html.escape(title)}</h1>"]
    for name, panel in zip(_identifiers(r"\W", [one.name for one in panels]), panels, strict=True):
        cells = panel.cells.map(html.escape).rename(columns=html.escape)
        _mark(cells, panel.bold, "<strong>{}</strong>", html.escape)
        _mark(cells, panel.underlined, "<u>{}</u>", html.escape)
        align = {
            heading: [{"selector": "td, th", "props": f"text-align: {side}"}]
            for heading, side in zip(cells.columns, panel.sides, strict=True)
        }
        style = cells.style.hide(axis="index").set_table_styles(align)
        table = style.set_uuid(name).to_html()
        parts += [f"<h2>{html.escape(panel.title)}</h2>", f"<div>{table}</div>"]
    notes = dict.fromkeys(note for panel in panels for note in panel.notes)
    if notes:
        parts += ["<ul>", *(f"<li>{html.escape(note)}</li>" for note in notes), "</ul>"]
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _latex(name: str, panels: Sequence[Panel]) -> str:
    parts = ["% Needs \\usepackage{booktabs,graphicx}."]
    names = [f"{name}-{panel.name}".lower() for panel in panels]
    for label, panel in zip(_identifiers("[^a-z0-9]+", names), panels, strict=True):
        cells = panel.cells.map(tex).rename(columns=tex)
        _mark(cells, panel.bold, r"\textbf{{{}}}", tex)
        _mark(cells, panel.underlined, r"\underline{{{}}}", tex)
        # `{}` keeps a cell that begins with a bracket from being read as an option of `\\`.
        cells.iloc[:, 0] = "{}" + cells.iloc[:, 0]
        sides = "".join(side[0] for side in panel.sides)
        tabular = cells.style.hide(axis="index").to_latex(hrules=True, column_format=sides)
        lines = [
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{tex(panel.title)}}}",
            rf"\label{{tab:{label}}}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            tabular.rstrip() + "}",
        ]
        if panel.notes:
            notes = " ".join(tex(note) for note in panel.notes)
            lines.append(rf"\par\smallskip\parbox{{\linewidth}}{{\footnotesize {notes}}}")
        parts.append("\n".join([*lines, r"\end{table*}"]))
    return "\n\n".join(parts) + "\n"


def _identifiers(unfit: str, names: Sequence[str]) -> list[str]:
    """Return identifiers made of names, each once and the same every time.

    Args:
        unfit: pattern of what an identifier does not have.
        names: such as those of panels.
    """
    found: list[str] = []
    for name in names:
        identifier = plain = re.sub(unfit, "-", name)
        for copy in itertools.count(2):
            if identifier not in found:
                break
            identifier = f"{plain}-{copy}"
        found.append(identifier)
    return found
