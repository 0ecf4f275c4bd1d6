"""Records of a study's variations, and how its options are called."""

from __future__ import annotations

from dataclasses import replace

import pytest
from studied_variations import METRICS, collect, study_records, variation, varied_record
from synthetic_evaluations import evaluation

from wdno.evaluation.record import EvaluationError
from wdno.studies.results import StudyResults, value_text
from wdno.studies.table import study_frame


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("sampler", {"name": "ddim", "eta": 0.0}, "DDIM, eta 0"),
        ("sampler", {"name": "dpmpp_2m", "steps": 4}, "DPM-Solver++(2M) 4"),
        ("network", {"name": "unet", "base_width": 16}, "unet, base width 16"),
        ("network", {"name": "fno", "modes": [4, 8]}, "fno, modes 4 8"),
        ("objective.stepping", {"unroll": 2, "residual": True}, "unroll 2, residual yes"),
        ("objective.stepping", None, "none"),
        ("sampler.eta", 0.5, "0.5"),
        ("sampler.eta", 1.0, "1"),
        ("sampler.steps", 25, "25"),
        ("network.attention", False, "no"),
        ("representation.wavelet", "bior2.4", "bior2.4"),
    ],
)
def test_values_are_written_for_readers(key, value, expected):
    assert value_text(key, value) == expected


def test_options_are_called_by_their_last_part_unless_two_share_it():
    values = {"sampler.steps": 1, "training.steps": 2, "sampler": {"name": "ddim"}, "samples": 3}
    records = [varied_record("wdno", "a", 0, 1.0)]
    results = collect([variation("wdno", "a", values)], records)
    headings = [results.heading(key) for key in values]
    assert headings == ["sampler steps", "training steps", "sampler", "samples"]
    one = collect([variation("wdno", "a", {"network.base_width": 1})], records)
    assert one.heading("network.base_width") == "base width"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("sampler", {"name": "ddim"}, "DDIM"),
        ("sampler.steps", 4, "steps 4"),
        ("objective.stepping", None, "stepping none"),
        ("objective.stepping", {"unroll": 2}, "stepping unroll 2"),
    ],
)
def test_what_an_option_is(key, value, expected):
    one = collect([variation("wdno", "a", {key: value})], [varied_record("wdno", "a", 0, 1.0)])
    assert one.phrase(key, value) == expected


def test_options_of_one_value_are_fixed():
    varied = [variation("wdno", f"a{k}", {"samples": 1, "sampler.steps": k}) for k in (1, 2)]
    records = [varied_record("wdno", f"a{k}", 0, 1.0) for k in (1, 2)]
    results = collect(varied, records)
    assert (results.varied, results.fixed) == (["sampler.steps"], ["samples"])
    alone = collect(varied[:1], records[:1])
    assert (alone.varied, alone.fixed) == (["samples", "sampler.steps"], [])


def test_every_variation_has_its_records():
    variations, records = study_records(seeds=2)
    results = collect(variations, records[::-1])
    assert list(results.systems) == ["burgers", "advection"]
    assert [one.variation for one in results.systems["burgers"]] == variations[:6]
    for varied in results.systems.values():
        for one in varied:
            assert [record.seed for record in one.records] == [0, 1]
            assert {record.method for record in one.records} == {one.variation.method}
            assert one.means(METRICS[0]) == pytest.approx(
                [record.scores["mse"].values.mean() for record in one.records]
            )


def test_what_is_not_trained_is_evaluated_once():
    untrained = replace(variation("persistence", "p", {"history": 1}), model=None)
    learned = variation("wdno", "a", {"history": 1})
    records = [varied_record("wdno", "a", seed, 1.0) for seed in (0, 1)]
    results = collect([untrained, learned], [varied_record("persistence", "p", 0, 2.0), *records])
    rows = study_frame(results)
    assert rows["seeds"].tolist() == [1, 2]
    assert rows["mse"].tolist() == [2.0, 1.0]


def test_studies_that_do_not_fit_are_refused():
    variations, records = study_records(seeds=2)
    with pytest.raises(EvaluationError, match="no variations"):
        collect([], records)
    with pytest.raises(EvaluationError, match="'wdno__eta_1__steps_10' has no evaluation"):
        collect(variations, records[:-2])
    with pytest.raises(EvaluationError, match=r"'ddpm'.*no variation of the study 'samplers'"):
        collect(variations, [*records, evaluation("ddpm")])
    with pytest.raises(EvaluationError, match=r"has the seeds \[0\], .* has \[0, 1\]"):
        collect(variations[:6], [r for r in records if r.system == "burgers"][:-1])
    with pytest.raises(EvaluationError, match="given twice"):
        collect(variations, [*records, records[0]])


def test_two_variations_may_be_one_method():
    # Two values that come to the same options are evaluated once.
    twice = [variation("fno", "fno", {"training.ema": value}) for value in (0, 0.0)]
    results = collect(twice, [evaluation("fno")])
    assert isinstance(results, StudyResults)
    assert [one.records[0].method for one in results.systems["burgers"]] == ["fno", "fno"]
