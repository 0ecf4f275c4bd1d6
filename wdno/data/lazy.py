"""Samples of a file that is larger than memory, read where they are needed."""

from __future__ import annotations

import threading
from pathlib import Path

import netCDF4
import numpy as np

from wdno.data.netcdf import DataError, keep_few_chunks

ONE_READER = threading.Lock()
"""HDF5 need not stand two threads; other processes read beside this one."""


class LazyFile:
    """An open NetCDF file, which travels to another process as its name and is opened there.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Args:
            path: a NetCDF-4 file that is not open elsewhere in this process: HDF5 would go on using
                the large caches of whoever opened it first.

        Raises:
            DataError: the file cannot be opened.
        """
        self.path = path
        with ONE_READER:
            try:
                self._file = netCDF4.Dataset(path)
            except OSError as error:
                raise DataError(f"data file {path}: cannot be opened ({error})") from error
            self._file.set_auto_maskandscale(False)
            # Samples come in random order: what is kept of them is not asked for again soon.
            for variable in self._file.variables.values():
                keep_few_chunks(variable)

    def __reduce__(self) -> tuple[type[LazyFile], tuple[Path]]:
        return LazyFile, (self.path,)

    def read(self, name: str, indices: np.ndarray) -> np.ndarray:
        """Read samples of a variable.

        Args:
            name: the variable, with samples along its first axis.
            indices: ``[B]``, from 0, in any order.

        Returns:
            ``[B, ...]``.

        Raises:
            DataError: what is stored cannot be read; the message names field and sample.
        """
        variable = self._file[name]
        read = np.empty((len(indices), *variable.shape[1:]), variable.dtype)
        with ONE_READER:
            # In this order no chunk of several samples is read twice.
            for place in np.argsort(indices, kind="stable"):
                try:
                    read[place] = variable[int(indices[place])]
                except (OSError, RuntimeError) as error:
                    raise DataError(
                        f"data file {self.path}: field {name!r} of sample {int(indices[place])} "
                        f"cannot be read ({error}); delete the file and run again"
                    ) from error
        return read


class LazyField:
    """A variable of a file, indexed by sample numbers like an array."""

    def __init__(self, file: LazyFile, name: str) -> None:
        """Of an open file."""
        self._file, self._name = file, name

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """Read samples; see :meth:`LazyFile.read`."""
        return self._file.read(self._name, indices)
