"""Names for readers of how methods are made."""

from __future__ import annotations

from typing import Any

import pytest

from wdno.evaluation.record import Design
from wdno.evaluation.tables.labels import objective_label, sampler_label
from wdno.registry import UnknownPieceError


@pytest.mark.parametrize(
    ("sampler", "samples", "text"),
    [
        (None, 1, "–"),
        (None, 3, "3 samples"),
        ({"name": "ddim", "steps": 50, "eta": 1.0}, 1, "DDIM 50, eta 1"),
        ({"name": "ddim", "steps": 50, "eta": 0.0, "spacing": "uniform"}, 1, "DDIM 50, eta 0"),
        ({"name": "ddpm", "steps": 1000}, 8, "DDPM 1000, 8 samples"),
        ({"name": "dpmpp_2m"}, 1, "DPM-Solver++(2M)"),
        ({"name": "ddpm", "steps": 9, "spacing": "log_snr"}, 1, "DDPM 9, log_snr steps"),
    ],
)
def test_sampler_label(sampler: dict[str, Any] | None, samples: int, text: str) -> None:
    assert sampler_label(sampler, samples) == text


def test_a_sampler_that_there_is_not_is_refused() -> None:
    with pytest.raises(UnknownPieceError, match="unknown sampler 'leap'"):
        sampler_label({"name": "leap", "steps": 4})


def test_objective_label() -> None:
    assert objective_label(Design()) is None
    assert objective_label(Design(objective="diffusion")) == "diffusion"
    stepping = Design(objective="regression", stepwise=True)
    assert objective_label(stepping) == "regression, frame to frame"
