"""What differs between the paper's numbers and ours, of the configuration and the records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wdno.evaluation.tables.labels import NOTHING, sampler_label
from wdno.options import shown
from wdno.paper.comparison import Comparison
from wdno.paper.contents import Settings, contents
from wdno.paper.evaluated import Evaluated
from wdno.text_tables import count

UNSAID = "the paper's is not recorded here"


def differences(comparison: Comparison) -> list[str]:
    """Return sentences: sizes beside the paper's, and how each of our methods is made.

    Args:
        comparison: a part of a table; nothing is said where it has no number of ours.
    """
    here = comparison.here
    if not here:
        return []
    sizes = contents().sizes(comparison.part)
    lines = [f"What differs: {'; '.join(_sizes(here, sizes))}."]
    lines += [line for one in here if (line := _made(one))]
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
        yield _beside("trainings of each method", seeds, "")


def _beside(name: str, own: str, paper: str) -> str:
    if own == paper:
        return f"{name} {own}, as in the paper"
    return f"{name} {own} ({f'paper: {paper}' if paper else UNSAID})"


def _made(one: Evaluated) -> str:
    """Say how a trained method is made."""
    first = one.first
    if not one.network:
        return ""
    parts = [f"network {one.network}"]
    if first.cost.parameters is not None:
        parts[0] += f" ({count(first.cost.parameters)} parameters)"
    if first.cost.training_steps is not None:
        parts.append(f"{first.cost.training_steps} training steps")
    sampler = sampler_label(first.design.sampler, first.design.samples)
    return f"{first.label}: {'; '.join([*parts, *([sampler] if sampler != NOTHING else [])])}."


def _together(values: Iterable[object]) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))


def _said(value: int | None) -> str:
    return "" if value is None else str(value)
