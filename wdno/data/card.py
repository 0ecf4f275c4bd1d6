"""Data card: what is in a data set, variable by variable and split by split."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from wdno.data.netcdf import open_dataset
from wdno.text_tables import Panel, count, number, write_table

BLOCK_BYTES = 64 * 1024 * 1024
ORIGIN = ("source", "level", "periods", "licence", "attribution", "references")
"""Attributes of files cut from a record that say where it comes from."""


def data_card(splits: Mapping[str, str | Path]) -> pd.DataFrame:
    """Describe every variable of every split: counts, ranges, moments, sizes, chunks.

    Files are read in blocks of samples, so that a split may be larger than the memory.

    Args:
        splits: name of each split and its NetCDF file.

    Returns:
        A row for each split and variable: split, variable, role, units, samples, dimensions,
        values, non_finite, minimum, maximum, mean, standard_deviation, skewness, excess_kurtosis
        (moments of the finite values; NaN where not defined), dtype, bytes, chunks, compression,
        file, file_bytes. Its `attrs["origin"]` holds what the files say of where they come from.

    Raises:
        ValueError: there are no splits, or a file is absent or damaged.
    """
    if not splits:
        raise ValueError("data_card: expected at least one split, got none")
    rows = []
    origin: dict[str, str] = {}
    for split, path in splits.items():
        with open_dataset(Path(path)) as dataset:
            origin |= {name: str(dataset.attrs[name]) for name in ORIGIN if name in dataset.attrs}
            numbers = {
                name: variable
                for name, variable in dataset.coords.items()
                if variable.attrs.get("role") == "diagnostic"
            }
            for name, variable in [*dataset.data_vars.items(), *numbers.items()]:
                rows.append(
                    {"split": split, "variable": str(name)}
                    | _describe(variable)
                    | {"file": Path(path).name, "file_bytes": Path(path).stat().st_size}
                )
    card = pd.DataFrame(rows)
    card.attrs["origin"] = origin
    return card


def _describe(variable: xr.DataArray) -> dict[str, Any]:
    names = map(str, variable.dims)
    encoding = variable.encoding
    chunks = encoding.get("chunksizes")
    level = encoding.get("complevel", "")
    return {
        "role": variable.attrs.get("role", ""),
        "units": variable.attrs.get("units", ""),
        "samples": variable.sizes.get("sample", 1),
        "dimensions": " x ".join(map(str, variable.shape)) + f" ({', '.join(names)})",
        "values": variable.size,
        **_moments(variable),
        "dtype": str(variable.dtype),
        "bytes": variable.nbytes,
        "chunks": " x ".join(map(str, chunks)) if chunks else "contiguous",
        "compression": f"zlib {level}" if encoding.get("zlib") else "none",
    }


def _moments(variable: xr.DataArray) -> dict[str, float]:
    """Range and moments in two passes: sums of powers of the deviation keep their digits."""
    per_sample = max(variable[:1].size * 8, 1)
    step = max(1, BLOCK_BYTES // per_sample)

    def blocks() -> Any:
        for start in range(0, variable.shape[0], step):
            values = np.asarray(variable[start : start + step].values, dtype=np.float64)
            yield values[np.isfinite(values)]

    finite, total, low, high = 0, 0.0, np.inf, -np.inf
    for values in blocks():
        if values.size:
            finite, total = finite + values.size, total + values.sum()
            low, high = min(low, values.min()), max(high, values.max())
    if finite == 0:
        unknown = dict.fromkeys(_MOMENTS, np.nan)
        return {"non_finite": variable.size, **unknown}
    mean = total / finite
    sums = sum(
        np.array([((values - mean) ** power).sum() for power in (2, 3, 4)]) for values in blocks()
    )
    second, third, fourth = np.asarray(sums) / finite
    shape = (third / second**1.5, fourth / second**2 - 3) if second > 0 else (np.nan, np.nan)
    moments = (low, high, mean, np.sqrt(second), *shape)
    return {
        "non_finite": variable.size - finite,
        **{name: float(value) for name, value in zip(_MOMENTS, moments, strict=True)},
    }


_MOMENTS = ("minimum", "maximum", "mean", "standard_deviation", "skewness", "excess_kurtosis")


def write_data_card(card: pd.DataFrame, path: str | Path, system: str) -> None:
    """Write a data card as `{path}.csv`, `.md`, `.tex` and `.html`.

    Args:
        card: rows of :func:`data_card`.
        path: without suffix.
        system: name of the system for readers.
    """
    cells = pd.DataFrame(
        {
            "Variable": card["variable"],
            "Role": card["role"],
            "Split": card["split"],
            "Units": card["units"],
            "Dimensions": card["dimensions"],
            "Minimum": card["minimum"].map(number),
            "Maximum": card["maximum"].map(number),
            "Mean": card["mean"].map(number),
            "Std. dev.": card["standard_deviation"].map(number),
            "Skewness": card["skewness"].map(number),
            "Ex. kurtosis": card["excess_kurtosis"].map(number),
            "Not finite": card["non_finite"].map(count),
            "Chunk": card["chunks"],
            "MB": (card["bytes"] / 1e6).map(number),
        }
    )
    files = card.drop_duplicates("split")
    sizes = "; ".join(
        f"{row.split}: {row.samples} samples, {row.file_bytes / 1e6:.3g} MB on disk"
        for row in files.itertuples()
    )
    notes = (
        f"Files: {sizes}.",
        "Variables of the role diagnostic are numbers of each sample that say how well it was "
        "computed, those of the role static the same for all samples and times, and kept once. "
        "Moments are over all samples, times and space, of finite values. MB: without "
        "compression. Chunk: values stored and read together.",
    )
    origin = card.attrs.get("origin", {})
    if "periods" in origin:
        periods = json.loads(origin["periods"]).items()
        dates = "; ".join(f"{split} {' to '.join(ends)}" for split, ends in periods)
        origin = {**origin, "periods": f"{dates}. Samples of a split may overlap in time"}
    title = f"Data of {system}"
    words = frozenset({"Role", "Split", "Units", "Dimensions", "Chunk"})
    said = (f"{name.capitalize()}: {text.rstrip('.')}." for name, text in origin.items())
    panel = Panel("data", f"{title}: variables", cells, (*notes, *said), words=words)
    write_table(path, title, card, [panel])
