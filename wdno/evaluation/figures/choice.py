"""Which methods a figure of lines shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MOST = 10
"""Lines that a reader tells apart in one picture."""


def legible(methods: Iterable[str], show: Sequence[str]) -> list[str]:
    """Return the methods that a figure of lines shows.

    Args:
        methods: that there are, each once or more often.
        show: those that a run has chosen for figures, by rank.

    Returns:
        All, in their order; of more than :data:`MOST` those of `show` that there are, and without
        any the first :data:`MOST`.
    """
    found = list(dict.fromkeys(methods))
    if len(found) <= MOST:
        return found
    return [name for name in show if name in found] or found[:MOST]
