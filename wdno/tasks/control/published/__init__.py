"""What papers report of control, to stand beside ours; a file for each system."""

from __future__ import annotations

from importlib import resources

import pandas as pd

COLUMNS = ("j", "j_sd", "j_noise", "parameters", "seconds")
"""J and its standard deviation over the test cases, J with noise in the control, what it takes."""


def control(system: str) -> dict[str, dict[str, float]]:
    """Return :data:`COLUMNS` by method, NaN where nothing is reported; none of other systems.

    Raises:
        ValueError: a file lacks `method` or `j`, or has a column that is not among them.
    """
    source = resources.files(__name__) / f"{system}.csv"
    if not source.is_file():
        return {}
    with source.open(encoding="utf-8") as lines:
        table = pd.read_csv(lines, comment="#")
    found = set(table.columns)
    if not {"method", "j"} <= found or found - {"method", *COLUMNS}:
        raise ValueError(
            f"{source}: expected the columns method, j, and of {', '.join(COLUMNS[1:])} those that "
            f"are known; found {', '.join(table.columns)}"
        )
    values = table.set_index("method").reindex(columns=list(COLUMNS)).astype(float)
    return {str(method): dict(row) for method, row in values.iterrows()}
