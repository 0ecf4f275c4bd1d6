"""Results that papers report, to stand beside ours."""

from __future__ import annotations

from importlib import resources

import pandas as pd

FILE = "superresolution.csv"


def superresolution() -> pd.DataFrame:
    """Return errors after each number of doublings, of arXiv 2412.04833, Tables 16 and 17.

    Returns:
        Columns system, method, interpolation (`linear` or `nearest`), and doublings_0 to
        doublings_3, NaN where unreported.
    """
    with (resources.files(__name__) / FILE).open(encoding="utf-8") as lines:
        return pd.read_csv(lines, comment="#")
