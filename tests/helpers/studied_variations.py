"""Records of the variations of a study, with known errors."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from drawn_figures import with_scores
from synthetic_evaluations import changed, evaluation

from wdno.evaluation.metric import Metric
from wdno.evaluation.record import Record
from wdno.studies.expand import Variation
from wdno.studies.results import StudyResults

METRICS = (
    Metric("mse", "MSE", "field^2", note="MSE: of one draw."),
    Metric("anomaly_correlation", "Anomaly corr.", "1", better="higher"),
    Metric("mae", "MAE", "field", better="neither"),
)


def variation(
    of: str, method: str, values: dict[str, Any], system: str = "burgers", study: str = "samplers"
) -> Variation:
    """A variation of a method of the study `samplers`."""
    return Variation(study, system, of, method, of, values)


def varied_record(of: str, method: str, seed: int, error: float, **options: Any) -> Record:
    """A record whose mean squared error is `error` in every case."""
    record = changed(evaluation(of, seed=seed, **options), method=method)
    return with_scores(record, mse=np.full(record.cases, error))


def study_records(
    seeds: int = 1, of: Sequence[str] = ("wdno",)
) -> tuple[list[Variation], list[Record]]:
    """Vary `eta` (0, 1) and `steps` (4, 1, 10), on two systems.

    The error is ``(1 + eta) (1 + seed) / steps``, twice that for the second method and on.
    """
    variations, records = [], []
    for system, name in itertools.product(("burgers", "advection"), of):
        for eta, steps in itertools.product((0.0, 1.0), (4, 1, 10)):
            method = f"{name}__eta_{eta:g}__steps_{steps}"
            values = {"sampler.eta": eta, "sampler.steps": steps}
            variations.append(variation(name, method, values, system))
            for seed in range(seeds):
                error = (1 + of.index(name)) * (1 + eta) * (1 + seed) / steps
                records.append(varied_record(name, method, seed, error, system=system))
    return variations, records


def collect(
    variations: Sequence[Variation],
    records: Sequence[Record],
    metrics: Sequence[Metric] = METRICS[:1],
    title: str = "Samplers",
) -> StudyResults:
    """The results of a study in which WDNO has a name of its own."""
    labels = {"wdno": "WDNO", "ddpm": "DDPM"}
    return StudyResults.collect(variations, records, title=title, metrics=metrics, labels=labels)
