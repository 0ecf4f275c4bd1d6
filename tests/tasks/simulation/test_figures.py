"""Which figures simulation has, and which methods they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from drawn_figures import legend, texts
from matplotlib.image import imread
from synthetic_evaluations import changed, evaluation

from wdno import config as configuration
from wdno.config import EvaluationOptions
from wdno.evaluation.figures.choice import MOST, legible
from wdno.tasks.simulation.figures import FIGURES

ROOT = Path(__file__).parents[3]
MODEL = evaluation("fno")
METHODS = ("persistence", "wdno", "ddpm", "fno")
FORECAST = {"blocks": [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]}


def records(**options: Any) -> list[Any]:
    return [evaluation(name, **options) for name in METHODS]


def test_every_figure_that_the_options_name_can_be_drawn(tmp_path: Path) -> None:
    loaded = configuration.load(ROOT / "config/config.yaml")
    named: dict[str, str] = {}
    for system in configuration.system_names(loaded):
        task = configuration.tasks(loaded, system)["simulation"]
        named |= task.figures(configuration.system(loaded, system).options)
    assert set(named) == set(FIGURES)
    drawn = [evaluation("wdno", grid=(5, 8, 8), series=("share",))]
    for name, suffix in named.items():
        FIGURES[name](drawn, tmp_path / name, EvaluationOptions())
        assert (tmp_path / f"{name}.{suffix}").is_file()
    assert imread(tmp_path / "series.png").shape[2] in (3, 4)


@pytest.mark.parametrize(
    ("show", "options", "expected"),
    [
        (["fno", "absent", "wdno"], {}, ["FNO", "WDNO"]),
        (["fno"], FORECAST, ["FNO", "Persistence"]),
        (["persistence", "fno"], FORECAST, ["Persistence", "FNO"]),
        (["absent"], {}, ["Persistence", "WDNO", "DDPM", "FNO"]),
    ],
)
def test_trajectories_are_of_the_methods_to_show(
    tmp_path: Path, drawn: list[Any], show: list[str], options: dict[str, Any], expected: list[str]
) -> None:
    FIGURES["trajectories"](records(**options), tmp_path / "a", EvaluationOptions(show=show))
    assert texts(drawn[0]) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, ["WDNO", "DDPM", "FNO"]), (FORECAST, ["WDNO", "DDPM", "FNO", "Persistence"])],
)
def test_spectra_are_of_what_was_trained_and_of_what_a_forecast_must_beat(
    tmp_path: Path, drawn: list[Any], options: dict[str, Any], expected: list[str]
) -> None:
    FIGURES["spectra"](records(**options), tmp_path / "a", EvaluationOptions())
    assert legend(drawn[0]) == ["Truth", *expected]


def test_the_error_over_time_is_of_all(tmp_path: Path, drawn: list[Any]) -> None:
    FIGURES["error_over_time"](records(), tmp_path / "a", EvaluationOptions(show=["fno"]))
    assert legend(drawn[0]) == ["Persistence", "WDNO", "DDPM", "FNO"]


@pytest.mark.parametrize("figure", ["spectra", "error_over_time", "error_by_steepness"])
def test_of_many_methods_lines_are_those_to_show(
    tmp_path: Path, drawn: list[Any], figure: str
) -> None:
    FIGURES[figure](many(MOST + 1), tmp_path / "a", EvaluationOptions(show=["m3", "absent", "m1"]))
    FIGURES[figure](many(MOST), tmp_path / "a", EvaluationOptions(show=["m1"]))
    # Each is saved as PNG and PDF.
    few, all_of_ten = ([line for line in legend(one) if line != "Truth"] for one in drawn[::2])
    assert few == ["M1", "M3"]
    assert len(all_of_ten) == MOST


def test_without_any_to_show_the_first_are_shown() -> None:
    assert legible(many(MOST + 1), ["absent"]) == many(MOST)


def many(count: int) -> list[Any]:
    """Records of so many methods m0, m1, ... with labels of their own."""
    return [changed(MODEL, method=f"m{k}", label=f"M{k}") for k in range(count)]
