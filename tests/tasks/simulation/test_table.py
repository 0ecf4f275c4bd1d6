"""The table of simulation, of records whose errors are known."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from markdown import read_markdown
from synthetic_evaluations import changed, evaluation, evaluations

from wdno.config import EvaluationOptions
from wdno.evaluation.bootstrap import paired_bootstrap
from wdno.evaluation.metric import Metric, Metrics
from wdno.evaluation.record import EvaluationError
from wdno.evaluation.scores.flow import FlowMeasure
from wdno.evaluation.tables.columns import views
from wdno.tasks.simulation import published
from wdno.tasks.simulation.metrics import COMPARED, METRICS
from wdno.tasks.simulation.panels import panels
from wdno.tasks.simulation.scores import Measure
from wdno.tasks.simulation.table import beside
from wdno.tasks.simulation.table import table as write_table
from wdno.text_tables import with_spread


@pytest.fixture(scope="module")
def records():
    return [evaluation("persistence"), *evaluations(("wdno", "ddpm", "fno"))]


@pytest.fixture(scope="module")
def table(records):
    return beside(published.simulation()).collect(records, reference="wdno", resamples=200)


def test_rows_are_methods_in_their_order(table):
    assert table["method"].tolist() == ["persistence", "wdno", "ddpm", "fno"]
    assert table["seeds"].tolist() == [1, 3, 3, 3]
    assert table["learned"].tolist() == [False, True, True, True]
    assert table["network"].tolist()[1:] == ["unet", "unet", "fno"]
    assert table["sampler_label"].tolist() == ["–", "DDIM 10, eta 0", "DDPM 1000", "–"]
    assert table["evaluations"].tolist() == [0, 10, 1000, 1]
    assert table["training_seconds"].tolist()[1:] == [91.5] * 3


def test_errors_are_mean_and_sd_over_seeds(records, table):
    for name in ("mse", "mae", "relative_l2", "max_error", "spectrum_error"):
        values = [record.mean(name) for record in records if record.method == "ddpm"]
        row = table[table["method"] == "ddpm"].iloc[0]
        assert row[name] == pytest.approx(np.mean(values)), name
        assert row[f"{name}_sd"] == pytest.approx(np.std(values, ddof=1)), name
    assert math.isnan(table["mse_sd"][0]), "one seed has no spread"
    assert table["crps"].notna().tolist() == [True, False, False, True], "one sample has no CRPS"
    assert table["crps"][3] == table["mae"][3]


def test_comparisons(records, table):
    mse = table["mse"]
    assert table["times_better_than_persistence"].to_numpy() == pytest.approx(mse[0] / mse)
    assert table["mse_ratio"].to_numpy() == pytest.approx(mse / mse[1])
    errors = {
        name: np.stack([r.score("mse") for r in records if r.method == name])
        for name in ("wdno", "fno")
    }
    interval = paired_bootstrap(errors["fno"], errors["wdno"], resamples=200)
    row = table.iloc[3]
    assert (row["mse_ratio_low"], row["mse_ratio_high"]) == (interval.low, interval.high)
    assert row["mse_ratio_low"] < row["mse_ratio"] < row["mse_ratio_high"]
    assert table["published_mse"].tolist()[1:] == [0.00014, 0.00013, 0.00015]


def test_comparisons_can_be_left_out(records):
    learned = [record for record in records if record.learned]
    table = beside({}).collect(learned)
    for name in ("mse_ratio", "baseline_ratio", "published_mse"):
        assert table[name].isna().all(), name
    assert "times_better_than_persistence" not in table


def test_a_missing_reference_is_named(records):
    rest = [record for record in records if record.method != "wdno"]
    with pytest.raises(EvaluationError, match="'burgers': method 'wdno'"):
        beside({}).collect(rest, reference="wdno")


def test_options_choose_reference_intervals_and_digits(tmp_path, records):
    options = EvaluationOptions(reference="fno", bootstrap=50, confidence=0.8, digits=5)
    write_table(records, tmp_path / "simulation", options)
    found = pd.read_csv(tmp_path / "simulation.csv")
    assert found["reference"].tolist() == ["fno"] * 4
    assert found["mse_ratio"].to_numpy() == pytest.approx(found["mse"] / found["mse"][3])
    assert found["published_mse"].tolist()[1:] == [0.00014, 0.00013, 0.00015]
    errors = read_markdown((tmp_path / "simulation.md").read_text())[0]
    assert errors["MSE / FNO [80 %]"][3] == "1"
    assert errors["MSE"][0] == with_spread(found["mse"][0], math.nan, 5)
    assert len(errors["MSE"][0].replace(".", "").lstrip("0")) == 5


def test_csv_keeps_full_precision(tmp_path, records, table):
    beside({}).write(table, records, tmp_path / "tables" / "simulation")
    found = pd.read_csv(tmp_path / "tables" / "simulation.csv")
    assert found.columns.tolist() == table.columns.tolist()
    for name in ("mse", "mse_sd", "mse_ratio_low", "published_mse", "seconds_per_trajectory"):
        assert np.array_equal(found[name], table[name], equal_nan=True), name
    assert ",521300," in (tmp_path / "tables" / "simulation.csv").read_text()


def test_markdown_for_readers(tmp_path, records, table):
    beside({}).write(table, records, tmp_path / "simulation")
    text = (tmp_path / "simulation.md").read_text()
    errors, further, costs = read_markdown(text)
    assert errors["Method"].tolist() == ["Persistence", "WDNO", "DDPM", "FNO"]
    wdno = table.iloc[1]
    assert errors["MSE"][1] == f"**{with_spread(wdno['mse'], wdno['mse_sd'])}**"
    assert errors["MSE"].str.contains("*", regex=False).sum() == 1
    assert "±" not in errors["MSE"][0]
    # Persistence has the true spectrum, but only learned methods compete.
    assert table["spectrum_error"].idxmin() == 0
    assert errors["Spectrum error"].str.startswith("**").tolist() == [False, True, False, False]
    assert errors["CRPS"].tolist()[1:3] == ["–", "–"]
    assert errors["CRPS"].str.startswith("**").tolist() == [False, False, False, True]
    assert "MSE with series" not in errors, "a column without values"
    assert errors["MSE / WDNO [95 %]"][1] == "1"
    assert errors["vs. persistence"][0] == "1.00×"
    assert further["MAE"].str.startswith("**").tolist() == [False, True, False, False]
    assert "MSE of the mean" not in further
    assert errors["Paper, full size"].tolist() == ["–", "1.40e-4", "1.30e-4", "1.50e-4"]
    assert costs["Representation"].tolist() == ["–", "wavelet", "identity", "identity"]
    assert costs["Parameters"].tolist() == ["–", "521.3 k", "521.3 k", "521.3 k"]
    notes = text.split("Notes\n")[1]
    for words in ("half the MSE of a perfect sample", "2412.04833", "sample standard deviation"):
        assert words in notes


def test_a_metric_that_is_added_is_among_the_further_errors(table, records):
    bias = Metric("bias", "Bias", "field", note="Bias: too much or too little.")
    values = {"persistence": 0.5, "wdno": 0.25, "ddpm": 1.0, "fno": 2.0}
    rows = table.assign(bias=list(values.values()), bias_sd=math.nan)
    known = [
        changed(r, scores=r.scores.assign(bias=("case", np.full(r.cases, values[r.method]))))
        for r in records
    ]
    (view,) = views(rows, known, Metrics([*METRICS.values(), bias]), COMPARED)
    further = panels(view)[1]
    assert further.cells["Bias"].tolist() == ["0.500", "0.250", "1.00", "2.00"]
    assert (1, "Bias") in further.bold
    assert "Bias: too much or too little." in further.notes
    shown = {column for panel in panels(view) for column in panel.cells}
    assert not shown & {"Spread²", "MSE, weighted"}


def test_several_samples_have_columns_of_their_own(tmp_path):
    records = [evaluation("wdno", samples=4), evaluation("ddpm", samples=4), evaluation("fno")]
    table = beside({}).collect(records, reference="wdno", resamples=50)
    assert table["crps"][0] < table["crps"][2] == table["mae"][2]
    beside({}).write(table, records, tmp_path / "t")
    errors, further = read_markdown((tmp_path / "t.md").read_text())[:2]
    assert errors["Sampler"][0] == "DDIM 10, eta 0, 4 samples"
    assert errors["CRPS"][0].startswith("**")
    assert further["MSE of the mean"][2] == "–"
    assert "vs. persistence" not in errors


def test_panels_of_several_systems(tmp_path, records):
    others = evaluations(("wdno", "fno"), seeds=2, system="smoke", grid=(4, 6, 6))
    both = [*records, *others]
    table = beside(published.simulation()).collect(both, reference="wdno", resamples=50)
    beside({}).write(table, both, tmp_path / "t")
    text = (tmp_path / "t.md").read_text()
    assert [len(panel) for panel in read_markdown(text)] == [4, 4, 4, 2, 2, 2, 2]
    assert "## All systems: methods ranked by MSE" in text
    assert "ranked by CRPS" not in text, "one sample has no CRPS, and one method alone no rank"
    ranks = pd.read_csv(tmp_path / "t_ranks.csv").set_index("method")
    assert ranks["score"].tolist() == ["mse"] * 2
    mse = table.set_index(["system", "method"])["mse"]
    for system in ("burgers", "smoke"):
        expected = mse[system][["wdno", "fno"]].rank().to_dict()
        assert ranks[f"{system}_rank"].to_dict() == expected
    assert ranks["mean_rank"].sum() == 3 and (ranks["mean_rank_low"] <= ranks["mean_rank"]).all()
    assert "## Smoke equation: errors on 12 test cases of 4 x 6 x 6 (time x space)" in text
    assert text.count("Notes") == 1
    assert table["published_mse"][table["system"] == "smoke"].dropna().tolist() == [0.00231]


def test_published_baselines_of_smoke_stand_beside_those_of_their_kind():
    """The paper's FNO and U-Net of smoke are autoregressive."""
    values = published.simulation()
    assert values["smoke", published.key("FNO, autoregressive")] == {"mse": 0.00684}
    assert values["smoke", published.key("U-Net, autoregressive")] == {"mse": 0.00737}
    assert ("smoke", "fno") not in values
    assert values["burgers", "fno"] == {"mse": 0.00015}


def test_several_fields_have_their_own_errors(tmp_path):
    fields, spreads = ("rho", "p"), np.array([0.5, 4.0])
    options = {"fields": fields, "measure": Measure(spreads=spreads), "system": "compressible_ns"}
    records = [*evaluations(("wdno",), **options), evaluation("fno", **options)]
    table = beside(published.simulation()).collect(records, resamples=50)
    for name in ("mse", "mae", "max_error"):
        values = [r.score_of("field", "p", name).mean() for r in records[:3]]
        assert table[f"p_{name}"][0] == pytest.approx(np.mean(values))
        assert table[f"p_{name}_sd"][0] == pytest.approx(np.std(values, ddof=1))
    normalised = (table["rho_mse"] / 0.25 + table["p_mse"] / 16) / 2
    assert table["mse_normalised"].to_numpy() == pytest.approx(normalised)
    assert table["published_mae"].tolist() == [0.1049, 0.1985]
    beside({}).write(table, records, tmp_path / "t")
    _, further, by_field, _ = read_markdown((tmp_path / "t.md").read_text())
    assert further["MAE, paper"].tolist() == ["0.105", "0.199"]
    assert {"MSE, normalised", "MAE, normalised", "Max. error, normalised"} <= set(further)
    assert by_field.columns.tolist()[2:] == [
        f"{field}: {name}" for field in fields for name in ("MSE", "MAE", "Max. error")
    ]


def test_series_mass_and_divergence_have_their_columns(tmp_path):
    flow = FlowMeasure(density=0, velocity=(1, 2), spacing=(0.1, 0.1))
    options = {"grid": (6, 8, 8), "fields": ("density", "v", "u"), "series": ("share",)}
    options |= {"system": "smoke", "seeds": 1, "measure": Measure(flow=flow)}
    records = evaluations(("wdno", "fno", "persistence"), **options)
    table = beside(published.simulation()).collect(records, resamples=100)
    for row, record in zip(table.itertuples(), records, strict=True):
        share = record.score_of("series", "share", "mse").mean()
        assert row.share_mse == pytest.approx(share)
        assert row.mse_with_series == pytest.approx((3 * row.mse + share) / 4)
        errors = record.scores["mse_over_time"].to_numpy().mean(axis=(0, 1))
        assert (row.mse_first_frame, row.mse_last_frame) == pytest.approx((errors[0], errors[-1]))
    growth = table["mse_growth_per_frame"][0]
    assert growth**5 == pytest.approx(table["mse_last_frame"][0] / table["mse_first_frame"][0])
    assert growth > 1, "the noise of these records grows in time"
    beside({}).write(table, records, tmp_path / "simulation")
    text = (tmp_path / "simulation.md").read_text()
    for words in (
        "MSE with series",
        "share: MSE",
        "Mass error",
        "Divergence, truth",
        "Growth per frame",
    ):
        assert words in text, words
    without = evaluations(("wdno", "persistence"), seeds=1)
    beside({}).write(beside(published.simulation()).collect(without), without, tmp_path / "other")
    assert "Mass error" not in (tmp_path / "other.md").read_text()
    assert "with series" not in (tmp_path / "other.md").read_text()


@pytest.fixture(scope="module")
def forecasts():
    climatology = np.zeros((12, 1, 4, 6, 8))
    options = {
        "grid": (4, 6, 8),
        "system": "era5",
        "measure": Measure(weights=np.linspace(0.5, 1.5, 6)[:, None] * np.ones((6, 8))),
        "climatology": climatology,
    }
    second = changed(
        evaluation("persistence", **options), method="hourly_mean", label="Hourly mean"
    )
    worse = {name: 4 * second.scores[name] for name in second.score_names}
    second = dataclasses.replace(second, scores=second.scores.assign(worse))
    return [
        evaluation("wdno", samples=4, **options),
        evaluation("fno", **options),
        evaluation("persistence", **options),
        second,
    ]


def test_forecasts_have_their_usual_scores(tmp_path, forecasts):
    table = beside(published.simulation()).collect(forecasts, reference="wdno", resamples=50)
    wdno = forecasts[0].scores.mean("case")
    assert table["root_mse_weighted"][0] == pytest.approx(math.sqrt(wdno["mse_weighted"]))
    skill = math.sqrt(wdno["spread"] / wdno["mse_mean_weighted"])
    assert table["spread_skill"][0] == pytest.approx(skill)
    # The truth in the middle of four samples: (4 + 1) / 4 of their variance over a quarter of it.
    assert skill == pytest.approx(math.sqrt(5), rel=0.05)
    assert table["spread_skill"][1:].isna().all()
    beside({}).write(table, forecasts, tmp_path / "t")
    errors, scores, *_ = read_markdown((tmp_path / "t.md").read_text())
    assert {"RMSE", "Rel. L2", "Anomaly corr.", "CRPS", "Spread / skill"} <= set(scores)
    best = table["anomaly_correlation"][:2].idxmax()
    assert scores["Anomaly corr."][best].startswith("**"), "higher is better"
    # The better of the two untrained methods is what the others must beat.
    assert table["baseline"].tolist() == ["persistence"] * 4
    assert table["baseline_ratio"].to_numpy() == pytest.approx(table["mse"] / table["mse"][2])
    assert errors["MSE / Persistence [95 %]"][2] == "1"
    assert (table["baseline_ratio_high"][:2] < 1).all()
    for method in ("persistence", "hourly_mean"):
        times = table[table["method"] == method]["mse"].iloc[0] / table["mse"]
        assert table[f"times_better_than_{method}"].to_numpy() == pytest.approx(times)
    assert errors["vs. hourly mean"][3] == "1.00×"
    assert "Paper, full size" in errors


def test_cases_that_overlap_are_counted_by_their_windows(tmp_path, forecasts):
    blocks = ("case", np.arange(12) // 5)
    overlapping = [
        dataclasses.replace(r, scores=r.scores.assign_coords(block=blocks)) for r in forecasts
    ]
    table = beside({}).collect(overlapping, reference="wdno", resamples=50)
    assert table["blocks"].tolist() == [3] * 4
    assert table["mse_ratio_low"][1:].isna().all()
    assert table["mse_ratio"].notna().all()
    beside({}).write(table, overlapping, tmp_path / "t")
    text = (tmp_path / "t.md").read_text()
    assert "errors on 12 test cases (in 3 periods of a window's length) of 4 x 6 x 8" in text
    assert "[" not in read_markdown(text)[0]["MSE / WDNO [95 %]"][1]


def test_data_that_stand_in_are_named_and_have_no_published_values(tmp_path, forecasts):
    title = "ERA5 stand-in (synthetic)"
    records = [changed(r, title=title, stand_in=True) for r in forecasts]
    table = beside(published.simulation()).collect(records, resamples=50)
    assert table["published_mse"].isna().all()
    beside({}).write(table, records, tmp_path / "t")
    assert not (tmp_path / "t_ranks.csv").exists(), "of one system"
    for suffix in ("csv", "md", "tex", "html"):
        assert title in (tmp_path / f"t.{suffix}").read_text(), suffix
    for heading in (tmp_path / "t.md").read_text().split("\n## ")[1:]:
        assert heading.startswith(title), heading


def test_a_method_that_diverged_is_shown_and_wins_nothing(tmp_path):
    broken = evaluation("ddpm", scale=math.inf)
    records = [evaluation("wdno"), broken, evaluation("fno")]
    table = beside({}).collect(records, reference="wdno", resamples=50)
    beside({}).write(table, records, tmp_path / "t")
    errors = read_markdown((tmp_path / "t.md").read_text())[0]
    assert errors["MSE"][1] in ("–", "inf")
    assert errors["MSE / WDNO [95 %]"][1] == "–"
    assert errors["MSE"].str.startswith("**").tolist() == [True, False, False]


def test_latex_is_escaped_and_balanced(tmp_path):
    records = [
        evaluation("wdno", label="WDNO_a & 50 %", title="Flow & shocks", system="compressible_ns")
    ]
    records += [evaluation("fno", system="compressible_ns", title="Flow & shocks", scale=1e-4)]
    table = beside({}).collect(records, resamples=50)
    beside({}).write(table, records, tmp_path / "t")
    text = (tmp_path / "t.tex").read_text()
    assert r"WDNO\_a \& 50 \%" in text
    assert r"Flow \& shocks: errors" in text
    assert r"\textbf{" in text
    assert r"$\times 10^{-9}$" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 3
    assert text.count("{") == text.count("}")
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0]
    columns = text.split(r"\begin{tabular}{")[1].split("}")[0]
    for line in body.strip().splitlines():
        cells = line.replace(r"\&", "").count("&") + 1
        assert cells == len(columns), f"{cells} cells in {len(columns)} columns: {line}"
    for letter in "±–×":
        assert letter not in text
