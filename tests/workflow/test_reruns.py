"""What runs again after a change of options or code: exactly what it concerns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from snakemake_project import PARTS, Project, copy_project
from tiny_run import (
    DIFFUSION,
    ERROR_FIGURES,
    METHODS,
    MODELS,
    PAPER,
    SEEDS,
    SHOWING,
    STUDIED,
    STUDIES,
    STUDY_JOBS,
    VARIATIONS,
    after_evaluation,
    after_training,
    each,
)

STUDY_TABLES = [f"study_table {name}" for name in STUDIES]


def test_a_second_run_does_nothing(finished: Project) -> None:
    assert "Nothing to be done" in finished.run("all")


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        pytest.param(
            {"methods": {"wdno": {"sampler": {"steps": 3}}}},
            # The study tries samplers of its own.
            [*each("evaluate"), *ERROR_FIGURES, "simulation_table", PAPER],
            id="sampler",
        ),
        pytest.param(
            {"models": {"wdno": {"training": {"learning_rate": 1e-3}}}},
            after_training("wdno"),
            id="model",
        ),
        pytest.param(
            {"systems": {"burgers": {"models": {"fno": {"network": {"width": 12}}}}}},
            after_training("fno"),
            id="model-of-a-system",
        ),
        pytest.param(
            {"models": {"wdno": {"training": {"checkpoint_seconds": 9}}}}, [], id="saving"
        ),
        pytest.param({"models": {"wdno": {"label": "W"}}}, ["training"], id="label-of-a-model"),
        pytest.param(
            {"methods": {"fno": {"label": "F"}}},
            ["simulation_table", *ERROR_FIGURES, PAPER],
            id="label-of-a-method",
        ),
        pytest.param(
            {"methods": {"wdno": {"label": "W"}}}, [*SHOWING], id="label-of-a-studied-method"
        ),
        pytest.param({"systems": {"burgers": {"title": "B"}}}, [*SHOWING, "training"], id="title"),
        pytest.param(
            {"evaluation": {"digits": 4}}, ["simulation_table", *STUDY_TABLES, PAPER], id="digits"
        ),
        pytest.param(
            {"evaluation": {"confidence": 0.9}},
            ["simulation_table", *STUDY_TABLES, PAPER],
            id="confidence",
        ),
        pytest.param(
            {"evaluation": {"show": ["wdno"]}}, ["simulation_trajectories", PAPER], id="figure"
        ),
        pytest.param({"studies": {"samplers": {"label": "S"}}}, [*STUDY_JOBS], id="study-label"),
        pytest.param(
            {"studies": {"samplers": {"cases": 3}}},
            [*each("evaluate", STUDIED), *STUDY_JOBS, PAPER],
            id="study-cases",
        ),
        pytest.param(
            {"systems": {"burgers": {"data": {"samples": {"test": 7}}}}},
            ["generate test", "card", *each("evaluate", (*METHODS, *STUDIED)), *SHOWING],
            id="test-data",
        ),
        pytest.param({"seeds": [0]}, [*SHOWING, "training"], id="seeds"),
    ],
)
def test_a_changed_option_reruns_its_stages(
    finished: Project, overlay: dict[str, Any], expected: list[str]
) -> None:
    assert finished.planned(overlay) == sorted(expected)


def test_a_longer_study_evaluates_what_is_new(finished: Project) -> None:
    vary = STUDIES["samplers"].vary
    longer = {**vary, "sampler.steps": [*vary["sampler.steps"], 3]}
    jobs = finished.planned({"studies": {"samplers": {"vary": longer}}})
    new = [job for job in jobs if job not in (*STUDY_JOBS, PAPER)]
    assert len(new) == len(STUDIES["samplers"].of) * len(vary["sampler"]) * len(SEEDS)
    assert set(STUDY_JOBS) <= set(jobs)
    assert all(job.startswith("evaluate ") and "steps_3" in job for job in new), new


@pytest.fixture(scope="module")
def edited(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the finished run whose code is changed and put back."""
    target = tmp_path_factory.mktemp("edited")
    return copy_project(finished.path, target, (*PARTS, "results", ".snakemake"))


@contextmanager
def _changed(path: Path, old: str, new: str) -> Iterator[None]:
    before = path.read_text(encoding="utf-8")
    assert old in before, f"{path} has no {old!r}: mend the test"
    after = before.replace(old, new, 1) if old else before + new
    path.write_text(after, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


ADDED = "\n\nADDED = 1\n"
DDIM = tuple(one.method for one in VARIATIONS if one.values["sampler"]["name"] == "ddim")
DPMPP = tuple(one.method for one in VARIATIONS if one.values["sampler"]["name"] == "dpmpp_2m")
EVERY_EVALUATION = each("evaluate", (*METHODS, *STUDIED))
EVERYTHING_LEARNT = [*each("train", MODELS), "training", *EVERY_EVALUATION, *SHOWING]


@pytest.mark.parametrize(
    ("file", "code", "expected"),
    [
        ("networks/unet.py", ADDED, after_training(*DIFFUSION)),
        ("representations/wavelet.py", ADDED, after_training("wdno")),
        ("objectives/regression.py", ADDED, after_training("fno")),
        ("objectives/stepping.py", ADDED, []),
        ("diffusion/samplers/base.py", ADDED, after_evaluation(*DIFFUSION)),
        (
            "diffusion/samplers/dpmpp_2m.py",
            ADDED,
            [*each("evaluate", DPMPP), *STUDY_JOBS, PAPER],
        ),
        ("tasks/simulation/problem.py", ADDED, EVERYTHING_LEARNT),
        ("tasks/simulation/scores.py", ADDED, [*EVERY_EVALUATION, *SHOWING]),
        ("tasks/simulation/table.py", ADDED, ["simulation_table"]),
        ("tasks/simulation/figures.py", ADDED, [*ERROR_FIGURES, PAPER]),
        (
            "evaluation/figures/style.py",
            ADDED,
            [*ERROR_FIGURES, "training", *STUDY_JOBS, PAPER],
        ),
        ("paper/pages.py", ADDED, [PAPER]),
        ("studies/figure.py", ADDED, [*STUDY_JOBS]),
        ("networks/unet.py", "\n\n# A comment.\n", []),
        ("model/model.py", '\n\n"""A docstring."""\n', []),
        ("cli/__init__.py", ADDED, []),
    ],
)
def test_changed_code_reruns_its_stages(
    edited: Project, file: str, code: str, expected: list[str]
) -> None:
    with _changed(edited.path / "wdno" / file, "", code):
        assert edited.planned() == sorted(expected)


@pytest.mark.parametrize(
    ("file", "old", "expected"),
    [
        ("tasks/simulation/metrics.py", '"MSE with series"', ["simulation_table", *STUDY_JOBS]),
        ("tasks/simulation/metrics.py", "mean of the MSE of", ["simulation_table", *STUDY_JOBS]),
        ("evaluation/scores/pointwise.py", '"Max. error"', ["simulation_table", *STUDY_JOBS]),
    ],
)
def test_other_words_of_a_metric_compute_nothing_again(
    edited: Project, file: str, old: str, expected: list[str]
) -> None:
    new = old.replace("error", "err.").replace("MSE", "Mean squared error")
    with _changed(edited.path / "wdno" / file, old, new):
        assert edited.planned() == sorted(expected)


def test_a_changed_system_reruns_everything_of_it(edited: Project) -> None:
    data = [f"generate {split}" for split in ("test", "train", "validation")]
    everything = [*data, "statistics", "card", *EVERYTHING_LEARNT]
    with _changed(edited.path / "wdno/systems/burgers.py", "", ADDED):
        assert edited.planned() == sorted(everything)
