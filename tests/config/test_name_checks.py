"""Names for readers: one line, and no two the same side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wdno import config as configuration
from wdno.config import ConfigError, read

DEFAULT = read([Path(__file__).parents[2] / "config" / "config.yaml"])


def refused(over: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as error:
        configuration.validate(configuration.merge(DEFAULT, over))
    return str(error.value)


@pytest.mark.parametrize(
    ("label", "word"),
    [
        ("two\nlines", r"'\n'"),
        ("a\ttab", r"'\t'"),
        ("bell \x07", r"'\x07'"),
        ("a\u2028b", r"'\u2028'"),
        ("_hidden", "underscore"),
    ],
)
def test_labels_are_a_line_of_text(label: str, word: str) -> None:
    for over, key in (
        ({"methods": {"fno": {"label": label}}}, "methods.fno.label"),
        ({"models": {"fno": {"label": label}}}, "models.fno.label"),
        ({"systems": {"burgers": {"title": label}}}, "systems.burgers.title"),
        ({"studies": {"samplers": {"label": label}}}, "studies.samplers.label"),
    ):
        said = refused(over)
        assert key in said and word in said


@pytest.mark.parametrize("label", ["$x$ | *y* <z> \\frac{", "Séries η ≤ 1", "  spaces around  "])
def test_any_line_of_text_is_a_label(label: str) -> None:
    over = {"methods": {"fno": {"label": label}}, "systems": {"burgers": {"title": label}}}
    config = configuration.validate(configuration.merge(DEFAULT, over))
    assert config.methods["fno"].label == config.systems.burgers.title == label.strip()


@pytest.mark.parametrize("other", ["FNO", "fno", "F N O".replace(" ", ""), " FNO "])
def test_two_methods_of_a_table_may_not_have_the_same_label(other: str) -> None:
    said = refused({"methods": {"unet": {"label": other}}})
    assert "systems.burgers.tasks.simulation.methods: 'fno' and 'unet' are called 'FNO'" in said
    assert "give each a label of its own" in said


def test_a_key_is_the_label_of_a_method_without_one() -> None:
    said = refused({"methods": {"unet": {"label": "fno"}, "fno": {"label": None}}})
    assert "'fno' and 'unet' are called 'fno'" in said


def test_methods_of_different_tables_may_have_the_same_label() -> None:
    config = configuration.validate(DEFAULT)
    assert config.methods["wdno"].label == config.methods["wdno_control"].label == "WDNO"


def test_a_system_may_give_its_methods_their_labels() -> None:
    own = {"unet": {"label": "FNO"}}
    said = refused({"systems": {"advection": {"methods": own}}})
    assert "systems.advection.tasks" in said and "systems.burgers" not in said
    own["fno"] = {"label": "Fourier"}
    configuration.validate(
        configuration.merge(DEFAULT, {"systems": {"advection": {"methods": own}}})
    )


@pytest.mark.parametrize("label", ["Truth", "truth"])
def test_no_method_is_called_as_the_exact_solution_is(label: str) -> None:
    said = refused({"methods": {"unet": {"label": label}}})
    assert f"'unet' is called {label!r}, as the exact solution is in figures" in said


def test_methods_of_a_study_may_not_have_the_same_label() -> None:
    # Neither is in a table with the other: two tasks have them.
    study = {"task": "simulation", "systems": ["burgers"], "of": ["wdno", "twin"]}
    twin = {**DEFAULT["methods"]["wdno"], "label": "WDNO"}
    over = {"methods": {"twin": twin}, "studies": {"a": {**study, "vary": {"samples": [2, 3]}}}}
    said = refused(over)
    assert "studies.a.of: 'wdno' and 'twin' are called 'WDNO'" in said


def test_two_systems_may_not_have_the_same_title() -> None:
    title = {"title": "Flow"}
    said = refused({"systems": {"burgers": title, "advection": {"title": "flow"}}})
    assert "have the same title" in said
    assert "systems.advection and systems.burgers" in said
