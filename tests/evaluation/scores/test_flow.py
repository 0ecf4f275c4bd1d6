"""Errors of mass and divergence, on flows whose values are known."""

from __future__ import annotations

import numpy as np
import pytest

from wdno.evaluation.scores.flow import FlowMeasure

N = 24
Y, X = np.meshgrid(*[(np.arange(N) + 0.5) / N] * 2, indexing="ij")
FLOW = FlowMeasure(density=0, velocity=(1, 2), spacing=(1 / N, 1 / N))


def fields(density: float, swirl: float, source: float) -> np.ndarray:
    """One case of three times: a density, and a rotation and an expansion about the centre."""
    v, u = swirl * (X - 0.5) + source * (Y - 0.5), -swirl * (Y - 0.5) + source * (X - 0.5)
    frame = np.stack([np.full((N, N), density), v, u])
    return np.repeat(frame[:, None], 3, axis=1)[None]


def test_divergence_of_an_expansion_is_twice_its_rate() -> None:
    truth, prediction = fields(1.0, 2.0, 0.0), fields(1.0, 2.0, 0.5)
    errors = FLOW.errors(truth, prediction[:, None])
    assert errors["divergence"] == pytest.approx([2 * 0.5 / (2.0 * np.sqrt(2))])
    assert errors["divergence_truth"] == pytest.approx([0.0], abs=1e-12)
    assert errors["divergence_error"] == pytest.approx(errors["divergence"])


def test_the_truth_alone_has_no_divergence_of_its_error() -> None:
    truth = fields(1.0, 2.0, 0.3)
    errors = FLOW.errors(truth, np.stack([truth, fields(1.0, 0.0, 0.0)], axis=1))
    assert errors["divergence_truth"] == pytest.approx(
        [0.6 / np.hypot(2 * np.sqrt(2), 0.3 * np.sqrt(2))]
    )
    # Of two samples the first is the truth, the second has no velocity at all.
    assert errors["divergence_error"] == pytest.approx(errors["divergence_truth"] / 2)


def test_without_free_cells_the_divergence_is_not_a_number() -> None:
    truth = fields(1.0, 2.0, 0.3)
    errors = FlowMeasure(0, (1, 2), (1 / N, 1 / N), np.zeros((N, N), dtype=bool)).errors(
        truth, truth[:, None]
    )
    assert np.isnan(errors["divergence_truth"]).all()


def test_mass_error_is_relative_to_the_largest_mass() -> None:
    truth = fields(2.0, 1.0, 0.0)
    truth[:, 0, 1] = 4.0
    samples = np.stack([fields(2.5, 1.0, 0.0), fields(1.5, 1.0, 0.0)], axis=1)
    errors = FLOW.errors(truth, samples)
    assert errors["mass_error"] == pytest.approx([(0.5 + 0.5 + (1.5 + 2.5) / 2) / 3 / 4.0])


def test_cells_beside_what_is_not_inside_do_not_count() -> None:
    inside = np.ones((N, N), dtype=bool)
    inside[10:14, 10:14] = False
    truth, prediction = fields(1.0, 1.0, 0.0), fields(1.0, 1.0, 0.0)
    prediction[:, 1:, :, 10:14, 10:14] = 1e3
    errors = FlowMeasure(0, (1, 2), (1 / N, 1 / N), inside).errors(truth, prediction[:, None])
    assert errors["divergence"] == pytest.approx([0.0], abs=1e-12)
    seen = FLOW.errors(truth, prediction[:, None])
    assert seen["divergence"] > 1.0
