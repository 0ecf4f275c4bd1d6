"""Several data files as one set of samples, for a training on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wdno.data.dataset import IN_MEMORY_BYTES, Trajectories
from wdno.data.netcdf import DataError, open_dataset


class JoinedTrajectories(Trajectories):
    """The samples of a data file and, after them, those of others of the same layout.

    They are numbered through. It offers what the trajectories of one file do; title, coordinates
    and data set are those of the first file.

    Attributes:
        parts: the files' own trajectories.
        counts: how many of each are among the samples, from the first on.
    """

    def __init__(
        self, paths: Sequence[Path], counts: Sequence[int | None], *, in_memory: bool | None = None
    ) -> None:
        """Open the files.

        Args:
            paths: NetCDF files in the format of ``wdno generate``; at least one.
            counts: how many samples to take of each, from the first on; None: all.
            in_memory: hold all samples in memory; by default, if all together fit in 2 GiB.

        Raises:
            DataError: a file is absent, truncated, of another format or another layout than the
                first, or holds fewer samples than are asked for.
        """
        if in_memory is None:
            sizes = []
            for path in paths:
                with open_dataset(path) as dataset:
                    sizes.append(dataset.nbytes)
            in_memory = sum(sizes) <= IN_MEMORY_BYTES
        self.parts = [Trajectories(path, in_memory=in_memory) for path in paths]
        first = self.parts[0]
        self.path, self.layout, self.coordinates = first.path, first.layout, first.coordinates
        self.in_memory, self._dataset = in_memory, first.dataset
        for part, count in zip(self.parts, counts, strict=True):
            self._require_same_layout(part)
            if count is not None and count > len(part):
                raise DataError(
                    f"data file {part.path}: {count} samples are asked for, it holds {len(part)}; "
                    "delete it and run again"
                )
        self.counts = [
            len(part) if count is None else count
            for part, count in zip(self.parts, counts, strict=True)
        ]
        self._ends = np.array(list(accumulate(self.counts)))
        times = [
            part.reference_times[:count]
            for part, count in zip(self.parts, self.counts, strict=True)
            if part.reference_times is not None
        ]
        self.reference_times = np.concatenate(times) if times else None

    def _require_same_layout(self, part: Trajectories) -> None:
        """Refuse a file whose layout differs from that of the first, or that alone has dates."""
        for field in fields(self.layout):
            expected, found = (getattr(one, field.name) for one in (self.layout, part.layout))
            if expected != found:
                raise DataError(
                    f"data file {part.path}: {field.name} is {found!r}, of {self.path} "
                    f"{expected!r}; samples of one set have one layout: delete it and run again"
                )
        if (part.reference_times is None) != (self.parts[0].reference_times is None):
            raise DataError(
                f"data files {self.path} and {part.path}: one has dates and the other has none"
            )

    def __len__(self) -> int:
        return int(self._ends[-1])

    @property
    def nbytes(self) -> int:
        """Size of all samples, not compressed."""
        return sum(
            part.nbytes * count // max(len(part), 1)
            for part, count in zip(self.parts, self.counts, strict=True)
        )

    @property
    def attributes(self) -> dict[str, str | int]:
        """Attributes of all files, those after the first with their number before the name."""
        return {
            f"{number or ''}{name}": value
            for number, part in enumerate(self.parts)
            for name, value in part.attributes.items()
        }

    @property
    def provenance(self) -> dict[str, Any]:
        """Provenance of each file, by its path."""
        return {str(part.path): part.provenance for part in self.parts}

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        """Read samples by their numbers in the whole set; see :meth:`Trajectories.batch`."""
        indices = np.asarray(indices, dtype=np.int64)
        owners = np.searchsorted(self._ends, indices, side="right")
        rows, read = [], []
        for number, part in enumerate(self.parts):
            own = np.flatnonzero(owners == number)
            if own.size:
                rows.append(own)
                read.append(part.batch(indices[own] - (self._ends[number] - self.counts[number])))
        order = torch.from_numpy(np.argsort(np.concatenate(rows)))
        joined = {name: torch.cat([one[name] for one in read])[order] for name in read[0]}
        return joined | {"index": torch.from_numpy(indices)}
