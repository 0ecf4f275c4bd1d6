"""The table of a study."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from drawn_figures import with_scores
from markdown import read_markdown
from studied_variations import METRICS, collect, study_records, variation, varied_record
from synthetic_evaluations import changed

from wdno.studies.table import study_frame, study_table


def test_the_frame_has_a_row_for_each_variation():
    frame = study_frame(collect(*study_records(seeds=3)))
    assert len(frame) == 12
    assert frame.columns.tolist() == [
        *("study", "system", "title", "task", "of", "label", "method"),
        *("sampler.eta", "sampler.steps", "cases", "seeds", "mse", "mse_sd", "evaluations"),
        *("seconds_per_trajectory", "training_seconds", "training_steps", "parameters"),
        *("memory_mb", "batch"),
    ]
    assert frame["system"].tolist() == ["burgers"] * 6 + ["advection"] * 6
    assert frame["sampler.eta"].tolist() == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0] * 2
    assert frame["sampler.steps"].tolist() == [4, 1, 10] * 4
    assert set(frame["label"]) == {"WDNO"} and set(frame["seeds"]) == {3}
    # Errors (1, 2, 3) (1 + eta) / steps: mean 2, standard deviation 1.
    scale = (1 + frame["sampler.eta"]) / frame["sampler.steps"]
    assert frame["mse"].to_numpy() == pytest.approx(2 * scale)
    assert frame["mse_sd"].to_numpy() == pytest.approx(scale)
    assert frame["training_seconds"].tolist() == pytest.approx([91.5] * 12)
    assert frame["parameters"].tolist() == [521_300] * 12


def test_one_seed_has_no_spread():
    assert study_frame(collect(*study_records(seeds=1)))["mse_sd"].isna().all()


def test_the_table(tmp_path):
    results = collect(*study_records(of=("wdno", "ddpm")))
    study_table(results, tmp_path / "study_samplers")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"study_samplers.{suffix}" for suffix in ("csv", "html", "md", "tex")]
    assert len(pd.read_csv(tmp_path / "study_samplers.csv")) == 24
    text = (tmp_path / "study_samplers.md").read_text()
    assert text.startswith("# Samplers\n")
    assert "## Burgers equation: Samplers, on 12 test cases\n" in text
    assert "- MSE: of one draw.\n" in text
    assert "Of MSE, among the rows of each method." in text
    assert "half that of a perfect sample" in text, "a sampler is varied"
    burgers, advection = read_markdown(text)
    assert burgers.columns.tolist() == ["Method", "Eta", "Steps", "Seeds", "MSE", "Seconds"]
    assert burgers["Method"].tolist() == ["WDNO"] * 6 + ["DDPM"] * 6
    assert burgers["Eta"].tolist() == (["0"] * 3 + ["1"] * 3) * 2
    assert burgers["MSE"].tolist()[:3] == ["0.250", "1.00", "**0.100**"]
    bold = [row for row, cell in enumerate(burgers["MSE"]) if cell.startswith("**")]
    assert bold == [2, 8], "the best of each method"
    underlined = [row for row, cell in enumerate(burgers["MSE"]) if cell.startswith("_")]
    assert underlined == [5, 11], "and the second best"
    assert advection["MSE"].tolist() == burgers["MSE"].tolist()


def test_digits_are_those_asked_for(tmp_path):
    study_table(collect(*study_records(seeds=3)), tmp_path / "a", digits=2)
    assert read_markdown((tmp_path / "a.md").read_text())[0]["MSE"][0] == "0.50 ± 0.25"


@pytest.mark.parametrize(("compared", "best"), [(0, "lowest"), (1, "highest"), (2, None)])
def test_what_is_better_is_the_metric_s_to_say(tmp_path, compared, best):
    variations = [variation("wdno", f"a{k}", {"sampler.eta": k / 4}) for k in range(3)]
    records = [varied_record("wdno", f"a{k}", 0, 1.0 + k) for k in range(3)]
    records = [
        with_scores(changed(r, scores=r.scores.assign(anomaly_correlation=r.scores["mse"])), mae=e)
        for r, e in zip(records, np.linspace(1, 2, 36).reshape(3, 12), strict=True)
    ]
    metrics = [METRICS[compared], *METRICS[:compared], *METRICS[compared + 1 :]]
    study_table(collect(variations, records, metrics), tmp_path / "a")
    text = (tmp_path / "a.md").read_text()
    (table,) = read_markdown(text)
    labels = [metric.label for metric in metrics]
    assert table.columns.tolist() == ["Method", "Eta", "Seeds", *labels, "Seconds"]
    bold = table.apply(lambda column: column.astype(str).str.startswith("**"))
    where = [(row, name) for row in range(3) for name in table.columns if bold.loc[row, name]]
    row = {"lowest": [0], "highest": [2], None: []}[best]
    assert where == [(number, labels[0]) for number in row]
    assert ("Bold" in text) is (best is not None)
    if best:
        assert f"Of {labels[0]}, among the rows of each method." in text


def test_sections_are_words_and_fixed_options_stand_above(tmp_path):
    networks = [{"name": "unet", "width": 16}, {"name": "fno", "modes": 8}]
    variations = [
        variation("wdno", f"a{k}", {"network": network, "samples": 1})
        for k, network in enumerate(networks)
    ]
    records = [
        varied_record("wdno", f"a{k}", seed, 1.0, parameters=1000 * (k + 1))
        for k in range(2)
        for seed in range(2)
    ]
    study_table(collect(variations, records, title="Networks"), tmp_path / "a")
    text = (tmp_path / "a.md").read_text()
    assert "## Burgers equation: Networks, on 12 test cases, samples 1\n" in text
    assert "perfect sample" not in text, "no sampler is varied"
    (table,) = read_markdown(text)
    assert table["Network"].tolist() == ["unet, width 16", "fno, modes 8"]
    assert table["Parameters"].tolist() == ["1000", "2000"], "shown, since they vary"
    assert table["MSE"].tolist() == ["1.00 ± 0.00"] * 2, "two of the same: none is better"
    frame = pd.read_csv(tmp_path / "a.csv")
    assert frame["samples"].tolist() == [1, 1]
    assert frame["network"].tolist() == table["Network"].tolist()


def test_scores_that_are_absent_or_not_finite(tmp_path):
    variations, records = study_records(seeds=2)
    variations = variations[:3]
    records = [record for record in records if record.system == "burgers"][:6]
    records[0] = with_scores(records[0], mse=np.full(12, math.nan))
    study_table(collect(variations, records, METRICS[:2]), tmp_path / "a")
    (table,) = read_markdown((tmp_path / "a.md").read_text())
    assert "Anomaly corr." not in table, "no record has it"
    assert table["MSE"].tolist() == ["–", "1.50 ± 0.71", "**0.150 ± 0.071**"]
