"""How lines are told apart."""

from __future__ import annotations

from wdno.evaluation.figures.style import look


def test_many_lines_are_told_apart_by_markers_and_dashes_where_colours_return() -> None:
    found = [look(position) for position in range(64)]
    for key in ("marker", "linestyle"):
        assert len({(one["color"], str(one[key])) for one in found}) == 64, key
    assert len({one["color"] for one in found[:8]}) == 8
    assert look(64) == look(0)
