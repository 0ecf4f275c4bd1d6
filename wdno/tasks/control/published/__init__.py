"""J that papers report, to stand beside ours; a file for each system."""

from __future__ import annotations

from importlib import resources

import pandas as pd


def control(system: str) -> dict[str, float]:
    """Return J by method, of arXiv 2412.04833; empty for a system that it does not control.

    Raises:
        ValueError: a file has no columns `method` and `j`.
    """
    source = resources.files(__name__) / f"{system}.csv"
    if not source.is_file():
        return {}
    with source.open(encoding="utf-8") as lines:
        table = pd.read_csv(lines, comment="#")
    if not {"method", "j"} <= set(table.columns):
        raise ValueError(f"{source}: expected columns method, j; found {', '.join(table.columns)}")
    return dict(zip(table["method"], table["j"].astype(float), strict=True))
