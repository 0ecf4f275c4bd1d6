"""The figure of a study."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn_figures import legend, with_scores
from matplotlib.colors import to_hex
from studied_variations import METRICS, collect, study_records, variation, varied_record

from wdno.studies.figure import study_figure

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("seeds", [1, 2])
def test_lines_against_the_number_with_most_values(tmp_path, drawn, seeds):
    results = collect(*study_records(seeds, of=("wdno", "ddpm")))
    study_figure(results, tmp_path / "study_samplers")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["study_samplers.pdf", "study_samplers.png"]
    figure = drawn[0]
    assert [axis.get_title() for axis in figure.axes] == ["Burgers equation", "Advection equation"]
    assert figure.get_suptitle() == "Samplers"
    axis = figure.axes[0]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("steps", "MSE")
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log"), "1 to 10 spans a decade"
    assert [text.get_text() for text in axis.get_xticklabels()] == ["1", "4", "10"]
    assert legend(figure) == ["WDNO, eta 0", "WDNO, eta 1", "DDPM, eta 0", "DDPM, eta 1"]
    assert len(axis.lines) == 4
    assert len(axis.collections) == (4 if seeds > 1 else 0), "bands where there are seeds"
    mean = np.mean([1 + seed for seed in range(seeds)]) / np.array([1, 4, 10])
    factors = {"WDNO, eta 0": 1, "WDNO, eta 1": 2, "DDPM, eta 0": 2, "DDPM, eta 1": 4}
    for line in axis.lines:
        assert np.asarray(line.get_xdata()).tolist() == [1, 4, 10]
        assert line.get_ydata() == pytest.approx(factors[line.get_label()] * mean)
    colours = [to_hex(line.get_color()) for line in axis.lines]
    markers = [line.get_marker() for line in axis.lines]
    assert colours[0] == colours[1] != colours[2] == colours[3], "a colour for each method"
    assert markers[0] == markers[2] != markers[1] == markers[3], "a marker for each combination"
    if seeds > 1:
        low, high = axis.collections[0].get_paths()[0].get_extents().get_points()
        assert (low[1], high[1]) == pytest.approx((0.1, 2.0)), "the range of the seeds"


def vary(key: str, values: list, of=("wdno",), error=lambda k: 1.0 + k):
    """Variations of one option, with one seed, whose errors are `error` of their position."""
    variations = [
        variation(name, f"{name}{k}", {key: value}) for name in of for k, value in enumerate(values)
    ]
    records = [
        varied_record(name, f"{name}{k}", 0, error(k)) for name in of for k in range(len(values))
    ]
    return variations, records


def test_a_narrow_range_has_a_linear_axis(tmp_path, drawn):
    study_figure(collect(*vary("network.width", [16, 32, 64])), tmp_path / "a")
    axis = drawn[0].axes[0]
    assert (axis.get_xscale(), axis.get_yscale()) == ("linear", "log")
    assert axis.get_xlabel() == "width"
    assert legend(drawn[0]) == ["WDNO"]
    study_figure(collect(*vary("sampler.eta", [0.0, 0.5, 1.0])), tmp_path / "b")
    assert drawn[2].axes[0].get_xscale() == "linear", "zero stands on no logarithmic axis"


def test_methods_differ_in_all_where_nothing_else_does(tmp_path, drawn):
    study_figure(collect(*vary("samples", [1, 4, 16], of=("wdno", "ddpm"))), tmp_path / "a")
    one, other = drawn[0].axes[0].lines
    assert one.get_color() != other.get_color() and one.get_marker() != other.get_marker()


@pytest.mark.parametrize("seeds", [1, 2])
def test_categories_where_no_number_is_varied(tmp_path, drawn, seeds):
    samplers = [{"name": "ddim", "eta": 0.0}, {"name": "dpmpp_2m"}]
    variations, records = [], []
    for index, name in enumerate(("wdno", "ddpm")):
        for k, sampler in enumerate(samplers):
            variations.append(variation(name, f"{name}{k}", {"sampler": sampler}))
            records += [
                varied_record(name, f"{name}{k}", seed, (1.0 + index) * (1 + k) * (1 + seed))
                for seed in range(seeds)
            ]
    study_figure(collect(variations, records), tmp_path / "a")
    axis = drawn[0].axes[0]
    shown = [text.get_text().replace("\n", " ") for text in axis.get_xticklabels()]
    assert shown == ["DDIM, eta 0", "DPM-Solver++(2M)"]
    assert axis.get_xlabel() == "sampler"
    assert legend(drawn[0]) == ["WDNO", "DDPM"]
    mean = (1 + seeds) / 2
    for line, index in zip(axis.lines, range(2), strict=True):
        assert line.get_linestyle() == "None", "nothing lies between categories"
        assert np.round(line.get_xdata()).tolist() == [0, 1]
        assert line.get_ydata() == pytest.approx((1 + index) * mean * np.array([1, 2]))
    places = [line.get_xdata()[0] for line in axis.lines]
    assert places[0] < places[1], "side by side"
    bars = [np.asarray(part) for c in axis.collections for part in c.get_segments()]
    assert len(bars) == (4 if seeds > 1 else 0)
    if bars:
        assert bars[0][:, 1] == pytest.approx([1.0, 2.0])


def test_mixed_values_are_categories(tmp_path, drawn):
    stepping = [None, {"unroll": 2}]
    study_figure(collect(*vary("objective.stepping", stepping)), tmp_path / "a")
    labels = [text.get_text() for text in drawn[0].axes[0].get_xticklabels()]
    assert labels == ["none", "unroll 2"]


def test_negative_values_and_correlations_have_a_linear_axis(tmp_path, drawn):
    study_figure(collect(*vary("samples", [1, 2], error=lambda k: k - 0.5)), tmp_path / "a")
    axis = drawn[0].axes[0]
    assert axis.get_yscale() == "linear"
    assert axis.lines[0].get_ydata() == pytest.approx([-0.5, 0.5]), "nothing is left out"
    variations, records = vary("samples", [1, 2])
    records = [with_scores(r, mse=r.scores["mse"].values / 10) for r in records]
    renamed = [METRICS[1].__class__("mse", "Correlation", "1", better="higher")]
    study_figure(collect(variations, records, renamed), tmp_path / "b")
    assert drawn[2].axes[0].get_yscale() == "linear"
    assert drawn[2].axes[0].get_ylabel() == "Correlation"


def test_what_is_not_finite_is_said(tmp_path, drawn):
    variations, records = vary("sampler.steps", [1, 2, 4])
    records[1] = with_scores(records[1], mse=np.full(12, math.nan))
    study_figure(collect(variations, records), tmp_path / "a")
    assert legend(drawn[0]) == ["WDNO (partly not finite)"]


def test_the_same_study_is_the_same_file(tmp_path):
    results = collect(*study_records(seeds=2))
    for name in ("a", "b"):
        study_figure(results, tmp_path / name / "figure")
    for suffix in ("png", "pdf"):
        one, other = (tmp_path / name / f"figure.{suffix}" for name in ("a", "b"))
        assert one.read_bytes() == other.read_bytes()
