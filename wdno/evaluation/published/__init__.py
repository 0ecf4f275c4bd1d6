"""Results that papers report, to stand beside ours."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pandas as pd

Published = dict[tuple[str, str], float]
"""(system, method) -> value; the method's name as :func:`key` writes it."""


def key(method: str) -> str:
    """Spell a method's name or label for comparison: `U-Net`, `unet` and `U Net` are one."""
    return "".join(letter for letter in method.lower() if letter.isalnum())


def simulation(path: str | Path | None = None) -> Published:
    """Mean squared errors of simulation, by system and method.

    Args:
        path: a CSV file with a column `method` and one for each system, empty where nothing is
            reported and `#` before remarks; None: Table 1 of arXiv 2412.04833.

    Raises:
        ValueError: the file has no column `method`, or a value is not a number.
    """
    source = resources.files(__name__) / "simulation.csv" if path is None else Path(path)
    with source.open(encoding="utf-8") as lines:
        table = pd.read_csv(lines, comment="#")
    if "method" not in table.columns:
        raise ValueError(f"{source}: expected a column 'method', found {', '.join(table.columns)}")
    values = table.melt("method", var_name="system", value_name="value").dropna()
    return {
        (str(row.system), key(str(row.method))): float(row.value)
        for row in values.itertuples(index=False)
    }
