"""Trying again, after longer and longer waits."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

log = logging.getLogger(__name__)

Result = TypeVar("Result")

WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds before the second, third, ... try."""

TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers of a server that may be another one later."""


def status(error: BaseException) -> int | None:
    """Return the HTTP status that an error of requests or of aiohttp stands for, if any."""
    response = getattr(error, "response", None)
    found = getattr(error, "status", None) if response is None else response.status_code
    return found if isinstance(found, int) else None


def reason(error: BaseException) -> str:
    """Return what an error says, without the layers that libraries put around it."""
    inner = error.args[0] if error.args else error
    return str(getattr(inner, "reason", None) or error) or repr(error)


def patiently(
    action: Callable[[], Result],
    *,
    name: str,
    transient: Callable[[Exception], bool],
    waits: Sequence[float] = WAITS,
    patience: float = math.inf,
    progress: Callable[[], int] = lambda: 0,
) -> Result:
    """Call until it succeeds; a call that got further than any before starts the count again.

    Args:
        action: What to do.
        name: What it is, for the log.
        transient: Whether an error may go away.
        waits: Seconds before each further try; as many tries as there are waits.
        patience: Seconds without progress after which no further try is made.
        progress: How far it got, a number that grows.

    Returns:
        What the action returned.

    Raises:
        Exception: The last error of the action.
    """
    failures, furthest, since = 0, progress(), time.monotonic()
    while True:
        try:
            return action()
        except Exception as error:
            if not transient(error):
                raise
            reached = progress()
            if reached > furthest:
                failures, furthest, since = 0, reached, time.monotonic()
            if failures >= len(waits) or time.monotonic() - since > patience:
                raise
            wait = waits[failures]
            failures += 1
            log.warning("%s: %s; try %d in %.1f s", name, reason(error), failures + 1, wait)
            time.sleep(wait)
