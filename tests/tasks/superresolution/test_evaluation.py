"""Records of super-resolution: every level scored on its own grid, and on the finest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from finer_data import SAMPLER, Files, MakeJob

from wdno.config import EvaluationOptions
from wdno.data.dataset import Trajectories
from wdno.data.grid import grid_of
from wdno.evaluation.record import Record
from wdno.evaluation.scores.levels import exact, mse_aligned
from wdno.problem import ProblemError
from wdno.tasks.superresolution.evaluation import evaluate, levels_of
from wdno.tasks.superresolution.figures import FIGURES
from wdno.tasks.superresolution.metrics import METRICS
from wdno.tasks.superresolution.table import table

CUBIC = {"baseline": "cubic"}
BASE = {"superresolution": {"base": {"model": "base", "sampler": SAMPLER}}}
METHODS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "exact_cubic": (CUBIC, {}),
    "cubic": ({**CUBIC, **BASE}, {"base": "base"}),
    "direct": ({"baseline": "direct", **BASE}, {"base": "base"}),
    "model": ({"model": "model", "sampler": SAMPLER, **BASE}, {"base": "base", "model": "model"}),
    "exact_model": ({"model": "model", "sampler": SAMPLER}, {"model": "model"}),
}


def records(make_job: MakeJob, files: Files) -> list[Record]:
    return [
        evaluate(make_job(files, options, name, **roles))
        for name, (options, roles) in METHODS.items()
    ]


def test_scores_are_those_of_every_level(make_job: MakeJob, equation: Files) -> None:
    record = evaluate(make_job(equation, CUBIC))
    record.check(METRICS)
    assert record.items("level") == ["8 x 16", "16 x 32", "32 x 64"]
    np.testing.assert_allclose(record.score_of("field", "u", "mse"), record.score("mse"))
    with xr.open_dataset(equation.fine) as fine:
        state = fine["u"].values[:, None]
    examples = record.shown()
    truth = state[:2, :, 1:]
    np.testing.assert_allclose(examples["truth_2"].values, truth, rtol=1e-6)
    np.testing.assert_allclose(examples["truth_0"].values, truth[:, :, 3::4, ::4], rtol=1e-6)
    assert np.all(record.score_of("level", "8 x 16", "mse") == 0)
    finest = record.score_of("level", "32 x 64", "mse")
    np.testing.assert_array_equal(record.score("mse"), finest)
    error = examples["prediction_2"].values - truth
    np.testing.assert_allclose(finest[:2], (error**2).mean((1, 2, 3)), rtol=1e-5)
    assert record.identity.grid == {"time": 32, "x": 64}
    assert np.isnan(record.score_of("level", "8 x 16", "mse_old")).all()


def test_the_floor_is_the_exact_solution_scored_in_the_same_way(
    make_job: MakeJob, equation: Files
) -> None:
    job = make_job(equation, {**CUBIC, **BASE}, base="base")
    record = evaluate(job)
    fine = Trajectories(equation.fine)
    grids = levels_of(fine, (8, 16), equation.options)
    state = fine.batch(np.arange(6))["state"].numpy()
    solution = exact(state, grids[-1], grids[0])
    floor = mse_aligned(state, solution, grids[-1], grids[0], "cubic")
    found = record.score_of("level", "8 x 16", "floor_mse_aligned_cubic")
    np.testing.assert_allclose(found, floor)
    assert (record.score_of("level", "8 x 16", "mse_aligned_cubic") > found).all()
    exactly = evaluate(make_job(equation, CUBIC))
    np.testing.assert_allclose(
        exactly.score_of("level", "8 x 16", "mse_aligned_cubic"), found, rtol=1e-6
    )


def test_predictions_are_held_against_the_equation(make_job: MakeJob, equation: Files) -> None:
    exactly = evaluate(make_job(equation, CUBIC))
    drawn = evaluate(make_job(equation, {**CUBIC, **BASE}, base="base"))
    for record in (exactly, drawn):
        record.check(METRICS)
        finest = record.score_of("level", "32 x 64", "equation_residual")
        np.testing.assert_array_equal(record.score("equation_residual"), finest)
    with xr.open_dataset(equation.fine) as fine:
        state, forcing = (fine[name].values[:, None].astype(float) for name in ("u", "f"))
        grid = grid_of(fine)
    residual = equation.system.residual(state, forcing, grid)  # type: ignore[attr-defined]
    floor = exactly.score("floor_equation_residual")
    np.testing.assert_allclose(floor, np.sqrt(np.square(residual).mean((1, 2, 3))), rtol=1e-6)
    found = exactly.score_of("level", "8 x 16", "equation_residual")
    for record in (exactly, drawn):
        floor = record.score_of("level", "8 x 16", "floor_equation_residual")
        np.testing.assert_allclose(floor, found, rtol=1e-6)
    for level in drawn.items("level"):
        away = drawn.score_of("level", level, "equation_residual") / drawn.score_of(
            "level", level, "floor_equation_residual"
        )
        assert (abs(away - 1) > 0.01).all()


def test_a_system_without_an_equation_has_no_residual(make_job: MakeJob, plumes: Files) -> None:
    record = evaluate(make_job(plumes, CUBIC))
    assert not [name for name in record.scores if str(name).endswith("equation_residual")]


def test_the_base_prediction_is_the_same_for_every_method(make_job: MakeJob, plumes: Files) -> None:
    found = {record.method: record for record in records(make_job, plumes)}
    base = found["cubic"].shown()["prediction_0"]
    for name in ("direct", "model"):
        xr.testing.assert_equal(found[name].shown()["prediction_0"], base)
    truth = found["exact_model"].shown()["truth_0"]
    np.testing.assert_allclose(
        found["exact_model"].shown()["prediction_0"], truth, rtol=1e-5, atol=1e-7
    )
    # A base alone is two evaluations, and each doubling by a model two more.
    evaluations = {name: record.cost.evaluations for name, record in found.items()}
    assert evaluations == {"exact_cubic": 0, "cubic": 2, "direct": 4, "model": 4, "exact_model": 2}
    learned = {name for name, record in found.items() if record.learned}
    assert learned == {"cubic", "direct", "model", "exact_model"}
    assert found["model"].cost.parameters


def test_cases_do_not_depend_on_the_batch(make_job: MakeJob, equation: Files) -> None:
    options, roles = METHODS["model"]
    job = make_job(equation, options, **roles)
    whole = evaluate(job)
    alone = evaluate(
        make_job(equation, {**options, "cases": 2}, **roles),
    )
    np.testing.assert_allclose(whole.score("mse")[:2], alone.score("mse"), rtol=1e-4)


@pytest.mark.parametrize("name", ["equation", "plumes"])
def test_records_make_the_table_and_the_figures(
    request: pytest.FixtureRequest, tmp_path: Path, make_job: MakeJob, name: str
) -> None:
    files: Files = request.getfixturevalue(name)
    made = records(make_job, files)
    for record in made:
        record.write(tmp_path / record.method)
    read = [Record.read(tmp_path / record.method) for record in made]
    options = EvaluationOptions(reference="cubic", bootstrap=50, show=["model", "cubic"])
    table(read, tmp_path / "table", options)
    rows = pd.read_csv(tmp_path / "table.csv").set_index("method")
    assert list(rows.index) == list(METHODS)
    for level in made[0].items("level"):
        assert rows.loc["cubic", f"{level}_mse_ratio"] == 1.0
        assert (rows[f"{level}_mse"] >= 0).all()
        assert (rows[f"{level}_seconds"] > 0).all()
    fields = made[0].items("field")
    if len(fields) > 1:
        means = [rows.loc["model", f"{field}_mse"] for field in fields]
        assert np.mean(means) == pytest.approx(rows.loc["model", "mse"])
        assert rows.loc["cubic", "density_mse_ratio"] == 1.0
    text = (tmp_path / "table.md").read_text()
    assert "exact solution" in text
    assert "floor" in text
    assert ("Residual, floor" in text) == (name == "equation")
    memory = rows[[f"{level}_memory" for level in made[0].items("level")]]
    grown = memory.loc[["direct", "exact_model"]].diff(axis="columns").iloc[:, 1:]
    assert (grown > 0).all(axis=None)
    assert f"{made[0].items('level')[-1]}: MB" in text
    for figure, suffix in files.options.figures(files.settings).items():
        FIGURES[figure](read, tmp_path / figure, options)
        assert (tmp_path / f"{figure}.{suffix}").stat().st_size > 1000


def test_a_model_of_another_grid_is_refused(
    make_job: MakeJob, equation: Files, plumes: Files, trained: Path
) -> None:
    job = make_job(equation, {**CUBIC, **BASE}, base="base")
    job.models["base"] = trained / "smoke_base.safetensors"  # type: ignore[index]
    with pytest.raises(ProblemError, match=r"generates .* on 4 x 8 x 8"):
        evaluate(job)
    job = make_job(equation, METHODS["exact_model"][0], model="model")
    job.models["model"] = trained / "smoke_model.safetensors"  # type: ignore[index]
    with pytest.raises(ProblemError, match=r"grid of .* is 8 x 16, the model .* 4 x 8 x 8"):
        evaluate(job)
