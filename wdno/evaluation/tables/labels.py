"""Names for readers of how a method is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wdno.diffusion.samplers import REGISTRY
from wdno.evaluation.record import Design

NOTHING = "–"


def sampler_label(sampler: Mapping[str, Any] | None, samples: int = 1) -> str:
    """Write a sampler as `DDIM 10, eta 0`, with `, 8 samples` where there are several.

    Args:
        sampler: `name`, and where they apply `steps`, `repeats`, `eta` and `spacing`; None: nothing
            is drawn.
        samples: samples of each case.

    Raises:
        UnknownPieceError: there is no such sampler.
    """
    several = [f"{samples} samples"] if samples > 1 else []
    if sampler is None:
        return ", ".join(several) or NOTHING
    name, steps, eta = (sampler.get(item) for item in ("name", "steps", "eta"))
    label = str(REGISTRY.light(str(name)).Options.label)
    parts = [label if steps is None else f"{label} {steps}"]
    if (repeats := sampler.get("repeats", 1)) > 1:
        parts.append(f"{repeats} repeats")
    if eta is not None:
        parts.append(f"eta {eta:g}")
    if (spacing := sampler.get("spacing")) not in (None, "uniform"):
        parts.append(f"{spacing} steps")
    return ", ".join(parts + several)


def objective_label(design: Design) -> str | None:
    """Write an objective as `flow matching`, with `, frame to frame` where it steps; None: none."""
    if design.objective is None:
        return None
    name = design.objective.replace("_", " ")
    return f"{name}, frame to frame" if design.stepwise else name
