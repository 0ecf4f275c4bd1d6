"""Functions compiled by Numba, once for all processes where their code can be kept on disk."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import numba
from numba.core.caching import FunctionCache, NullCache

from wdno.runtime import temporary_folder

logger = logging.getLogger(__name__)

DAMAGED = (OSError, EOFError, pickle.UnpicklingError)
"""Errors of a cache that cannot be read, or not be written."""


def compiled(**options: Any) -> Callable[[Any], Any]:
    """Compile a function when it is first called, and keep its code for other processes.

    Code is kept where Numba keeps it: in `$NUMBA_CACHE_DIR`, beside the source, or in the user's
    cache. Where none of these can be written, as in a container, it is kept in a folder for
    temporary files, and where that cannot be either, not at all. A disk that is full and a damaged
    file cost the time of compiling again, and nothing else.

    Args:
        **options: of `numba.njit`.
    """

    def decorate(function: Any) -> Any:
        kernel = numba.njit(**options)(function)
        if hasattr(kernel, "enable_caching"):  # compiled at all: NUMBA_DISABLE_JIT is not set
            kernel._cache = _cache_of(function)
        return kernel

    return decorate


class _Kept(FunctionCache):
    """Code on disk; what cannot be read or written is compiled again."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except DAMAGED as error:
            _tell(f"{type(error).__name__}: {error}")
            with suppress(*DAMAGED):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except DAMAGED as error:
            _tell(f"{type(error).__name__}: {error}")


def _cache_of(function: Any) -> Any:
    """Return where the code of a function is kept."""
    # Numba says by a RuntimeError that it has no folder that it could write to.
    try:
        return _Kept(function)  # type: ignore[no-untyped-call]
    except RuntimeError:
        folder = temporary_folder("kernels")
        if folder is not None:
            numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
            with suppress(RuntimeError):
                return _Kept(function)  # type: ignore[no-untyped-call]
    _tell("there is no folder that can be written")
    return NullCache()


@cache
def _tell(reason: str) -> None:
    logger.warning(
        "compiled code is not kept, and compiled again by every process, which takes up to a "
        "minute (%s); set NUMBA_CACHE_DIR to a folder that can be written",
        reason,
    )
