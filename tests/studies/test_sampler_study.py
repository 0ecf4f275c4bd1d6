from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from markdown import read_markdown

from wdno.evaluation.record import EvaluationError
from wdno.studies.sampler_study import (
    COLUMNS,
    read_sampler_study,
    sampler_study_table,
    write_sampler_study,
    write_sampler_study_table,
)


def study_rows(model: str, seed: int) -> list[dict[str, object]]:
    return [
        {"system": "burgers", "title": "Burgers equation", "task": "simulation"}
        | {"model": model, "seed": seed}
        | {"sampler": sampler, "eta": eta, "steps": steps, "cases": 100}
        | {"mse": 1.0 / steps + 0.01 * seed, "seconds_per_trajectory": 0.1 * steps}
        for sampler, eta in (("ddim", 0.0), ("ddim", 1.0), ("ddpm", None))
        for steps in (1, 10)
    ]


@pytest.fixture
def study_files(tmp_path):
    files = []
    for model in ("wdno", "ddpm"):
        for seed in (0, 2):
            files.append(tmp_path / f"{model}{seed}.csv")
            write_sampler_study(files[-1], study_rows(model, seed))
    return files


def test_sampler_study(tmp_path, study_files):
    study = read_sampler_study(study_files)
    assert tuple(study.columns) == COLUMNS
    assert len(study) == 24
    table = sampler_study_table(study)
    assert table["model"].tolist() == ["wdno"] * 6 + ["ddpm"] * 6
    assert table["steps"].tolist() == [1, 10] * 6
    assert table["eta"].isna().tolist() == [False, False, False, False, True, True] * 2
    assert table["mse"].to_numpy() == pytest.approx([1.01, 0.11] * 6)
    assert table["mse_sd"].to_numpy() == pytest.approx(np.full(12, 0.01 * math.sqrt(2)))
    write_sampler_study_table(table, tmp_path / "study")
    shown = read_markdown((tmp_path / "study.md").read_text())[0]
    assert shown["Sampler"].tolist()[:5:2] == ["DDIM, eta 0", "DDIM, eta 1", "DDPM"]
    assert shown["MSE"][1] == "**0.110 ± 0.014**"
    assert len(pd.read_csv(tmp_path / "study.csv")) == 12
    assert (tmp_path / "study.tex").exists()


def test_sampler_study_refuses_what_does_not_fit(tmp_path, study_files):
    with pytest.raises(EvaluationError, match="occurs twice"):
        read_sampler_study([study_files[0], study_files[0]])
    with pytest.raises(EvaluationError, match="at least one file"):
        read_sampler_study([])
    with pytest.raises(EvaluationError, match="expected the keys"):
        write_sampler_study(tmp_path / "a.csv", [{"system": "burgers"}])
    with pytest.raises(EvaluationError, match=r"absent.csv does not exist"):
        read_sampler_study([tmp_path / "absent.csv"])
    text = study_files[0].read_text()
    for damage in ("", text[:60], text.replace("100", "many"), text.split("\n")[0] + "\n"):
        study_files[0].write_text(damage)
        with pytest.raises(EvaluationError, match=study_files[0].name):
            read_sampler_study(study_files[:1])
