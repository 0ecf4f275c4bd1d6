"""Results that papers report, to stand beside ours."""

from __future__ import annotations

from importlib import resources

import pandas as pd

METRICS = ("mse", "mae", "max_error")
SIMULATION = "simulation.csv"

Published = dict[tuple[str, str], dict[str, float]]
"""(system, method) -> metric -> value; the method's name as :func:`key` writes it."""


def key(method: str) -> str:
    """Spell a method's name or label for comparison: `U-Net`, `unet` and `U Net` are one."""
    return "".join(letter for letter in method.lower() if letter.isalnum())


def simulation() -> Published:
    """Errors of simulation, by system and method, of arXiv 2412.04833.

    Mean squared errors are those of its Table 1, `simulation.csv`; a file `{system}.csv` has
    further methods and errors of a system.

    Raises:
        ValueError: a file has no column `method`, or a value is not a number.
    """
    found: Published = {}
    table = read(SIMULATION).melt("method", var_name="system", value_name="value").dropna()
    for system, method, value in table[["system", "method", "value"]].itertuples(index=False):
        found[str(system), key(str(method))] = {"mse": float(value)}
    for file in resources.files(__name__).iterdir():
        if not file.name.endswith(".csv") or file.name == SIMULATION:
            continue
        for row in read(file.name).to_dict("records"):
            method = key(str(row.pop("method")))
            values = {str(name): float(value) for name, value in row.items() if pd.notna(value)}
            found.setdefault((file.name.removesuffix(".csv"), method), {}).update(values)
    return found


def read(name: str) -> pd.DataFrame:
    """Read a file of this package: `#` before remarks, a column `method`, empty where unreported.

    Raises:
        ValueError: it has no column `method`.
    """
    source = resources.files(__name__) / name
    with source.open(encoding="utf-8") as lines:
        table = pd.read_csv(lines, comment="#")
    if "method" not in table.columns:
        raise ValueError(f"{source}: expected a column 'method', found {', '.join(table.columns)}")
    return table
