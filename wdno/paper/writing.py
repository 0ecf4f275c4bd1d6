"""Pages of text, tables and pictures, as Markdown and as HTML that stands by itself."""

from __future__ import annotations

import base64
import html
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from wdno.files import write_text
from wdno.text_tables import HTML_HEAD


class Cell(NamedTuple):
    """Text of a table.

    Attributes:
        text: of it.
        page: page that it leads to, by its name; empty: none.
    """

    text: str
    page: str = ""


@dataclass(frozen=True)
class Listing:
    """A table of a page.

    Attributes:
        columns: headings.
        rows: cells of each row.
        words: how many columns from the left are words, which are aligned left.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    words: int = 2

    @property
    def sides(self) -> list[str]:
        """`left` or `right` for each column."""
        return ["left" if index < self.words else "right" for index in range(len(self.columns))]


@dataclass(frozen=True)
class PageSection:
    """A heading and what stands below it.

    Attributes:
        title: heading.
        text: paragraphs, with code between backticks.
        listing: table; None: none.
        items: of a list, after the table.
        pictures: image files, after that.
    """

    title: str
    text: Sequence[str] = ()
    listing: Listing | None = None
    items: Sequence[str] = ()
    pictures: Sequence[Path] = field(default_factory=tuple)


@dataclass(frozen=True)
class WrittenPage:
    """A page.

    Attributes:
        name: of its files, without suffix.
        title: heading.
        text: paragraphs below it.
        sections: what follows.
        home: page that it leads back to; empty: none.
    """

    name: str
    title: str
    text: Sequence[str]
    sections: Sequence[PageSection]
    home: str = ""


def write_page(page: WrittenPage, folder: Path) -> None:
    """Write `{name}.md` and `{name}.html` into a folder, each complete or not at all.

    Markdown names pictures by their way from the folder; HTML holds them.

    Args:
        page: the page.
        folder: where it is written, beside the pages that it leads to.
    """
    write_text(folder / f"{page.name}.md", _markdown(page, folder))
    write_text(folder / f"{page.name}.html", _html(page))


def _markdown(page: WrittenPage, folder: Path) -> str:
    parts = [f"# {_plain(page.title)}", *map(_plain, page.text)]
    for section in page.sections:
        parts += [f"## {_plain(section.title)}", *map(_plain, section.text)]
        if section.listing is not None:
            parts.append(_markdown_table(section.listing))
        if section.items:
            parts.append("\n".join(f"- {_plain(item)}" for item in section.items))
        parts += [
            f"![{picture.stem}]({Path(os.path.relpath(picture, folder)).as_posix()})"
            for picture in section.pictures
        ]
    if page.home:
        parts.append(f"[All tables and figures]({page.home}.md)")
    return "\n\n".join(parts) + "\n"


def _markdown_table(listing: Listing) -> str:
    rows = [[_markdown_cell(cell) for cell in row] for row in listing.rows]
    frame = pd.DataFrame(rows, columns=[_cell(column) for column in listing.columns])
    return str(frame.to_markdown(index=False, disable_numparse=True, colalign=listing.sides))


def _markdown_cell(cell: Cell) -> str:
    return f"[{_cell(cell.text)}]({cell.page}.md)" if cell.page else _cell(cell.text)


def _cell(text: str) -> str:
    return _plain(text).replace("|", r"\|")


def _plain(text: str) -> str:
    """Keep what looks like HTML from being taken for it."""
    return "".join(
        part if index % 2 else part.replace("<", "&lt;")
        for index, part in enumerate(re.split(r"(`[^`]*`)", text))
    )


def _html(page: WrittenPage) -> str:
    title = html.escape(page.title)
    parts = [HTML_HEAD.format(title=title), f"<h1>{title}</h1>"]
    parts += [f"<p>{_inline(text)}</p>" for text in page.text]
    for section in page.sections:
        parts.append(f"<h2>{html.escape(section.title)}</h2>")
        parts += [f"<p>{_inline(text)}</p>" for text in section.text]
        if section.listing is not None:
            parts.append(_html_table(section.listing))
        if section.items:
            items = [f"<li>{_inline(item)}</li>" for item in section.items]
            parts += ["<ul>", *items, "</ul>"]
        parts += [_html_picture(picture) for picture in section.pictures]
    if page.home:
        parts.append(f'<p><a href="{page.home}.html">All tables and figures</a></p>')
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _html_table(listing: Listing) -> str:
    styles = [
        f' style="text-align: {side}{"; white-space: normal" if side == "left" else ""}"'
        for side in listing.sides
    ]
    pairs = zip(styles, listing.columns, strict=True)
    heads = [f"<th{style}>{html.escape(text)}</th>" for style, text in pairs]
    lines = ["<div><table>", f"<tr>{''.join(heads)}</tr>"]
    for row in listing.rows:
        cells = [
            f"<td{style}>{_html_cell(cell)}</td>" for style, cell in zip(styles, row, strict=True)
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</table></div>"])


def _html_cell(cell: Cell) -> str:
    text = _inline(cell.text)
    return f'<a href="{html.escape(cell.page)}.html">{text}</a>' if cell.page else text


def _html_picture(picture: Path) -> str:
    data = base64.b64encode(picture.read_bytes()).decode("ascii")
    name = html.escape(picture.stem)
    return f'<p><img alt="{name}" src="data:image/png;base64,{data}"></p>'


def _inline(text: str) -> str:
    """Escape a text; what stands between backticks is code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))
