"""What differs between the paper's numbers and ours, of the configuration and the records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wdno.options import shown
from wdno.paper.comparison import Comparison
from wdno.paper.contents import Settings, contents
from wdno.paper.evaluated import Evaluated
from wdno.text_tables import count

UNSAID = "paper: not known here"


def differences(comparison: Comparison) -> list[str]:
    """Return sentences: sizes beside the paper's, how our methods are made, where they were timed.

    Args:
        comparison: a part of a table; nothing is said where it has no number of ours.
    """
    here = comparison.here
    if not here:
        return []
    sizes = contents().sizes(comparison.part)
    lines = [f"What differs: {'; '.join(_sizes(here, sizes))}."]
    lines += [f"{', '.join(labels)}: {made}." for made, labels in _made(here).items()]
    if comparison.part.value is not None and comparison.part.value.timed:
        devices = _together(record.cost.device for one in here for record in one.records)
        lines.append(f"Ours took that time on: {devices}.")
    if sizes.diffusion and any(one.first.design.sampler for one in here):
        lines.append(f"In the paper diffusion is: {sizes.diffusion}.")
    return lines


def _sizes(here: list[Evaluated], sizes: Settings) -> Iterator[str]:
    grids = _together(shown(list(one.first.identity.grid.values())) for one in here)
    yield _beside("grid", grids, shown(sizes.grid) if sizes.grid else "")
    samples = _together(one.training_samples for one in here)
    yield _beside("training samples", samples, _said(sizes.training_samples))
    yield _beside("test cases", _together(one.first.cases for one in here), _said(sizes.test_cases))
    seeds = _together(len(one.records) for one in here if one.first.learned)
    if seeds:
        yield f"trainings of each method {seeds}"


def _beside(name: str, own: str, paper: str) -> str:
    if own == paper:
        return f"{name} {own}, as in the paper"
    return f"{name} {own} ({f'paper: {paper}' if paper else UNSAID})"


def _made(here: list[Evaluated]) -> dict[str, list[str]]:
    """Return the labels of trained methods that are made alike, by how they are made."""
    found: dict[str, list[str]] = {}
    for one in here:
        cost = one.first.cost
        if one.network:
            parts = [f"network {one.network} ({count(cost.parameters)} parameters)"]
            if cost.training_steps is not None:
                parts.append(f"{cost.training_steps} training steps")
            found.setdefault("; ".join(parts), []).append(one.first.label)
    return found


def _together(values: Iterable[object]) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))


def _said(value: int | None) -> str:
    return "" if value is None else str(value)
