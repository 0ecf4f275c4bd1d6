"""All scores of predictions of simulation, on errors that are known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from wdno.evaluation.scores.flow import FlowMeasure
from wdno.tasks.simulation.metrics import METRICS
from wdno.tasks.simulation.scores import Measure, Series, join, score

SHAPES = [(3, 1, 5, 8), (2, 3, 4, 6), (2, 2, 3, 4, 6)]


def names(scores: xr.Dataset) -> list[str]:
    """Scores of all fields together."""
    return [str(name) for name, variable in scores.items() if variable.dims == ("case",)]


def of(scores: xr.Dataset, kind: str, item: str, name: str) -> np.ndarray:
    """Score of one field or series."""
    return scores[f"{kind}_{name}"].sel({kind: item}).to_numpy()


def two_fields(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Two cases; predictions of the field u are 1 off, of v 3."""
    truth = np.zeros((2, 2, 3, 8)) + np.cos(np.arange(8))
    prediction = truth[:, None] + np.array([1.0, 3.0])[:, None, None]
    return truth, np.repeat(prediction, samples, axis=1)


def test_scores_of_fields_together_and_each() -> None:
    scores = score(*two_fields(1), ["u", "v"])
    expected = ["mse", "relative_l2", "mae", "max_error", "spectrum_error", "mse_steepest"]
    assert names(scores) == expected
    assert of(scores, "field", "u", "mse") == pytest.approx(np.ones(2))
    assert of(scores, "field", "v", "mse") == pytest.approx(np.full(2, 9.0))
    assert scores["mse"].to_numpy() == pytest.approx(np.full(2, 5.0))
    assert scores["max_error"].to_numpy() == pytest.approx(np.full(2, 3.0))
    assert scores["spectrum_error"].to_numpy() == pytest.approx(np.zeros(2), abs=1e-6)
    over_time = np.array([[[1.0] * 3, [9.0] * 3]] * 2)
    assert scores["mse_over_time"].to_numpy() == pytest.approx(over_time)
    assert scores["mse_over_time"].dims == ("case", "field", "time")
    assert scores["spectrum_truth"].dims == ("field", "wavenumber")
    assert scores["wavenumber"].to_numpy().tolist() == [0, 1, 2, 3, 4]
    by_steepness = [[1.0] * 10, [9.0] * 10]
    assert scores["mse_by_steepness"].to_numpy() == pytest.approx(np.array(by_steepness))


def test_everything_that_can_be_measured_has_a_metric_in_its_order() -> None:
    flow = FlowMeasure(density=0, velocity=(1,), spacing=(1.0,))
    truth, prediction = two_fields(2)
    scores = score(
        truth,
        prediction,
        ["u", "v"],
        measure=Measure(spreads=np.array([1.0, 3.0]), weights=np.ones(8), flow=flow),
        climatology=np.full_like(truth, 0.5),
        series=Series(["s"], np.zeros((2, 1, 3)), np.full((2, 2, 1, 3), 2.0)),
    )
    # That of reconstruction is of a model.
    assert names(scores) == [name for name in METRICS if name != "reconstruction"]
    assert scores["mse_with_series"].to_numpy() == pytest.approx(np.full(2, (1.0 + 9.0 + 4.0) / 3))
    assert of(scores, "series", "s", "mae") == pytest.approx(np.full(2, 2.0))
    assert "series_relative_l2" not in scores, "a series near zero is no scale"
    for name in ("mse", "mae", "max_error"):
        assert scores[f"{name}_normalised"].to_numpy() == pytest.approx(np.ones(2)), name
        assert of(scores, "field", "v", f"{name}_normalised") == pytest.approx(np.ones(2)), name
    assert scores["crps"].to_numpy() == pytest.approx(scores["mae"].to_numpy())
    assert scores["spread"].to_numpy() == pytest.approx(np.zeros(2), abs=1e-12)
    assert scores["series_mse_over_time"].to_numpy() == pytest.approx(np.full((2, 1, 3), 4.0))


def test_the_crps_of_a_deterministic_method_is_its_mean_absolute_error() -> None:
    series = Series(["s"], np.zeros((2, 1, 3)), np.full((2, 1, 1, 3), 2.0))
    drawn = score(*two_fields(1), ["u", "v"], series=series)
    assert not [name for name in drawn if str(name).endswith("crps")], "one sample has no CRPS"
    scores = score(*two_fields(1), ["u", "v"], series=series, measure=Measure(deterministic=True))
    assert scores["crps"].to_numpy() == pytest.approx(np.full(2, 2.0))
    assert of(scores, "field", "v", "crps") == pytest.approx(np.full(2, 3.0))
    assert of(scores, "series", "s", "crps") == pytest.approx(np.full(2, 2.0))


def test_the_error_of_the_spectrum_sees_blur_that_the_mse_rewards() -> None:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((8, 1, 4, 64))
    sharp, blurred = rng.standard_normal((8, 1, 1, 4, 64)), np.zeros((8, 1, 1, 4, 64))
    blurred += 0.01 * rng.standard_normal(blurred.shape)
    good, bad = (score(truth, drawn, ["u"]).mean() for drawn in (sharp, blurred))
    assert bad["mse"] < 0.6 * good["mse"]
    assert bad["spectrum_error"] > 5 * good["spectrum_error"]


@pytest.mark.parametrize("shape", SHAPES)
def test_batches_do_not_matter(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal(shape)
    prediction = rng.standard_normal((shape[0], 2, *shape[1:]))
    fields = [f"f{index}" for index in range(shape[1])]
    whole = score(truth, prediction, fields)
    parts = [score(truth[i:j], prediction[i:j], fields) for i, j in ((0, 1), (1, shape[0]))]
    for found in (score(truth, prediction, fields, batch_size=1), join(parts)):
        assert found["case"].to_numpy().tolist() == list(range(shape[0]))
        xr.testing.assert_allclose(found, whole, rtol=1e-12)


def test_spectra_of_batches_count_by_their_cases() -> None:
    truth = np.random.default_rng(0).standard_normal((5, 1, 2, 8))
    prediction = truth[:, None]
    whole = score(truth, prediction, ["u"])
    joined = join([score(truth[i:j], prediction[i:j], ["u"]) for i, j in ((0, 4), (4, 5))])
    np.testing.assert_allclose(joined["spectrum_truth"], whole["spectrum_truth"], rtol=1e-12)


def test_a_prediction_that_is_not_finite_spoils_its_own_case_only() -> None:
    truth = np.random.default_rng(0).standard_normal((3, 1, 4, 8))
    prediction = truth[:, None] + 0.1
    prediction[1, 0, 0, 2, 3] = np.nan
    scores = score(truth, prediction, ["u"])
    for name in names(scores):
        assert np.isfinite(scores[name]).to_numpy().tolist() == [True, False, True], name


def test_what_does_not_fit_is_refused() -> None:
    truth = np.random.default_rng(0).standard_normal((3, 2, 4, 8))
    prediction = truth[:, None] + 0.1
    with pytest.raises(ValueError, match="one name for each field"):
        score(truth, prediction, ["u"])
    with pytest.raises(ValueError, match="differ in more than the samples"):
        score(truth, prediction[:2], ["u", "v"])
    with pytest.raises(ValueError, match="at least one batch"):
        join([])
    parts = [score(truth[..., :n], prediction[..., :n], ["u", "v"]) for n in (8, 6)]
    with pytest.raises(ValueError, match="4 of wavenumber"):
        join(parts)
    truth[1, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"truth of cases \[1\] is not finite"):
        score(truth, prediction, ["u", "v"])


def test_scores_of_flows_are_those_of_all_fields_together() -> None:
    truth = np.random.default_rng(0).standard_normal((2, 3, 2, 6, 6)) + 2.0
    fields, flow = ["density", "v", "u"], FlowMeasure(0, (1, 2), (0.1, 0.1))
    scores = score(truth, truth[:, None], fields, measure=Measure(flow=flow))
    assert {"mass_error", "divergence", "divergence_truth"} <= set(names(scores))
    assert "field_mass_error" not in scores
    only = score(truth, truth[:, None], fields, measure=Measure(flow=FlowMeasure(density=0)))
    assert "mass_error" in only and "divergence" not in only
    assert "mass_error" not in score(truth, truth[:, None], fields)
