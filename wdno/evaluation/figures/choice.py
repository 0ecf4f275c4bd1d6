"""Which methods a figure of lines shows."""

from __future__ import annotations

from collections.abc import Sequence

from wdno.evaluation.record import Record

MOST = 10
"""Lines that a reader tells apart in one picture."""


def legible(records: Sequence[Record], show: Sequence[str]) -> list[Record]:
    """Return the records that a figure of lines shows.

    Args:
        records: of one or several methods.
        show: methods that a run has chosen for figures.

    Returns:
        All; of more than :data:`MOST` methods those of `show` that there are, and without any the
        first :data:`MOST`.
    """
    methods = list(dict.fromkeys(record.method for record in records))
    if len(methods) > MOST:
        methods = [name for name in show if name in methods] or methods[:MOST]
    return [record for record in records if record.method in methods]
