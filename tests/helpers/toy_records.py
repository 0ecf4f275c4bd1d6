"""Records of a task that there is not, with scores that are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr
from synthetic_evaluations import changed

from wdno.evaluation.metric import Metric, Metrics
from wdno.evaluation.record import Cost, Design, Record, RecordIdentity

METRICS = Metrics(
    (
        Metric("reached", "Reached", "1", better="higher", note="Reached: how much."),
        Metric("effort", "Effort", "field", note="Effort: how hard."),
        Metric("surprise", "Surprise", "1", rivals="all", note="Surprise: among all."),
        Metric("truth", "Truth", "1", better="neither"),
    )
)


def record(
    method: str,
    scores: Mapping[str, Sequence[float]],
    *,
    items: Mapping[str, Sequence[float]] | None = None,
    blocks: Sequence[int] | None = None,
    learned: bool = True,
    seed: int = 0,
    **changes: Any,
) -> Record:
    """A record of the task `toy`.

    Args:
        method: name of the method.
        scores: of each case, by name.
        items: effort of each part, of each case.
        blocks: block of each case.
        learned: whether it was trained.
        seed: training seed.
        **changes: attributes of the record to set, or of its identity, design or cost.
    """
    variables: dict[str, Any] = {name: ("case", list(values)) for name, values in scores.items()}
    coordinates: dict[str, Any] = {}
    if items is not None:
        variables["part_effort"] = (("part", "case"), [list(values) for values in items.values()])
        coordinates["part"] = list(items)
    if blocks is not None:
        coordinates["block"] = ("case", list(blocks))
    made = Record(
        identity=RecordIdentity(
            run="laptop",
            system="pendulum",
            title="Pendulum",
            task="toy",
            method=method,
            seed=seed,
            grid={"time": 4},
        ),
        design=Design(objective="regression" if learned else None),
        cost=Cost(seconds=0.5),
        scores=xr.Dataset(variables, coordinates),
    )
    return changed(made, **changes)
