"""Tables of Markdown files, read."""

from __future__ import annotations

import pandas as pd


def read_markdown(text: str) -> list[pd.DataFrame]:
    """Parse the tables of a Markdown file."""
    tables = []
    for block in text.split("\n\n"):
        if block.startswith("|"):
            lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.split("\n")]
            tables.append(pd.DataFrame(lines[2:], columns=lines[0]))
    return tables
