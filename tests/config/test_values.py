"""Options: whole numbers that can be stored, lists without repetition, hints that work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from wdno import config as configuration
from wdno.config import Config, ConfigError, read
from wdno.evaluation.predictor import sample_seed
from wdno.options import LARGEST, plain_number
from wdno.studies.expand import variations
from wdno.systems.burgers import Burgers

DEFAULT = read([Path(__file__).parents[2] / "config" / "config.yaml"])
OTHERS = ("advection", "compressible_ns", "era5", "smoke")
ONE_SYSTEM = {f"systems__{name}": None for name in OTHERS}


def configured(**options: Any) -> Config:
    """The default run with options by their keys, dots written as two underscores."""
    values = DEFAULT
    for key, value in options.items():
        nested = value
        for part in reversed(key.split("__")):
            nested = {part: nested}
        values = configuration.merge(values, nested)
    return configuration.validate(values)


def refused(**options: Any) -> str:
    with pytest.raises(ConfigError) as error:
        configured(**options)
    return str(error.value)


@pytest.mark.parametrize("value", [2**63, -(2**63), 10**30])
@pytest.mark.parametrize(
    "key",
    [
        "systems__burgers__data__seed",
        "models__wdno__training__steps",
        "models__fno__network__modes",
        "methods__wdno__samples",
        "evaluation__examples",
    ],
)
def test_whole_numbers_that_nothing_can_store_are_refused(key: str, value: int) -> None:
    said = refused(**{key: value})
    assert key.replace("__", ".") in said and str(value) in said
    assert "greater than" in said or f"between +-{LARGEST}" in said


def test_whole_numbers_within_lists_and_mappings_are_looked_at() -> None:
    assert f"seeds = [0, {2**63}]: expected whole numbers between" in refused(seeds=[0, 2**63])
    vary = {"samples": [1, 2**63]}
    study = {"task": "simulation", "systems": ["burgers"], "of": ["wdno"], "vary": vary}
    assert "studies.a.vary" in refused(studies__a=study)


def test_the_largest_seeds_are_good_for_all_that_they_seed() -> None:
    config = configured(seeds=[LARGEST], systems__burgers__data__seed=LARGEST)
    assert config.seeds == [LARGEST]
    torch.manual_seed(LARGEST)
    torch.Generator().manual_seed(sample_seed(LARGEST, 3, 1))
    first, second = Burgers.sample_seeds("train", [0, 1], LARGEST)
    assert first != second


@pytest.mark.parametrize(
    ("key", "value"),
    [("evaluation__digits", 18), ("evaluation__bootstrap", 10**9), ("evaluation__digits", 0)],
)
def test_what_would_end_after_all_else_is_done_is_bounded(key: str, value: int) -> None:
    assert f"{key.replace('__', '.')} = {value}" in refused(**{key: value})


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("evaluation__show", ["wdno", "fno", "wdno"]),
        ("systems__burgers__tasks__simulation__methods", ["wdno", "fno", "wdno"]),
        ("studies__samplers__of", ["wdno", "wdno"]),
        ("studies__samplers__systems", ["burgers", "burgers"]),
        ("studies__samplers__metrics", ["mse", "crps", "mse"]),
    ],
)
def test_lists_whose_values_must_differ_are_refused(key: str, values: list[Any]) -> None:
    assert "seeds = [0, 1, 0]: each seed may appear once" in refused(seeds=[0, 1, 0])
    said = refused(**{key: values})
    assert f"{key.replace('__', '.')} = {values}: {values[0]!r} appears twice" in said


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("models__wdno__training__steps", "1e3", "(YAML reads it as text; write 1000)"),
        ("models__wdno__training__steps", "3.0", "(YAML reads it as text; write 3)"),
        ("models__wdno__training__steps", 1000.0, "(write 1000)"),
        ("models__wdno__training__learning_rate", "1e-5", "(YAML reads it as text; write 1.0e-05)"),
        ("models__wdno__training__learning_rate", "2e3", "(YAML reads it as text; write 2000.0)"),
        ("models__wdno__training__learning_rate", "300", "(YAML reads it as text; write 300)"),
        ("models__wdno__training__learning_rate", "1e22", "(YAML reads it as text; write 1.0e+22)"),
        ("methods__fno__label", False, "(YAML makes False of it; put the text in quotes)"),
        ("methods__fno__label", 12, "(YAML makes 12 of it; put the text in quotes)"),
    ],
)
def test_a_hint_says_what_is_accepted(key: str, value: object, hint: str) -> None:
    said = refused(**{key: value})
    assert hint in said
    if "write" in hint:
        written = hint.removesuffix(")").rpartition("write ")[2]
        configured(**{key: yaml.safe_load(written), "models__wdno__training__warmup_steps": 0})


@pytest.mark.parametrize("value", ["300.5", "fast", "nan", "inf", "1e400", 2.5])
def test_no_hint_where_none_helps(value: object) -> None:
    said = refused(models__wdno__training__steps=value)
    assert "models.wdno.training.steps" in said and "write" not in said


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (1.0, "1"), (1e-5, "1e-05"), (0.12345678, "0.12345678"), (2.0e-3, "0.002")],
)
def test_numbers_are_written_as_they_are_read_back(value: float, text: str) -> None:
    assert plain_number(value) == text and float(text) == value


def study(**options: Any) -> dict[str, Any]:
    return {"task": "simulation", "systems": ["burgers"], "of": ["wdno"], **options}


@pytest.mark.parametrize(
    ("vary", "one", "other"),
    [
        (
            {"sampler": [{"name": "ddim"}, {"name": "ddim", "eta": 0.0}]},
            "sampler = {'name': 'ddim'}",
            "sampler = {'name': 'ddim', 'eta': 0.0}",
        ),
        (
            {"sampler": [{"name": "dpmpp_2m"}, {"name": "dpmpp_2m", "spacing": "uniform"}]},
            "{'name': 'dpmpp_2m'}",
            "'spacing': 'uniform'}",
        ),
        (
            {"network": [{"name": "unet"}, {"name": "unet", "width": 16}], "samples": [2]},
            "network = {'name': 'unet'}, samples = 2",
            "'width': 16}, samples = 2",
        ),
    ],
)
def test_variations_that_come_to_the_same_are_refused(
    vary: dict[str, Any], one: str, other: str
) -> None:
    said = refused(studies={"a": study(vary=vary)})
    assert "studies.a.vary, of 'wdno' for burgers" in said
    assert one in said and other in said and "come to the same method; leave one out" in said


def test_close_values_stay_apart_in_labels() -> None:
    rates = [0.12345678, 0.12345679]
    vary = {"training.final_learning_rate_fraction": rates}
    config = configured(studies={"a": study(vary=vary)})
    methods = [one.method for one in variations(config, "a", "burgers")]
    labels = [configuration.method(config, "burgers", name).label for name in methods]
    assert labels == [f"WDNO, final learning rate fraction {rate}" for rate in rates]


@pytest.mark.parametrize("key", ["methods__wdno__sampler__steps", "sampler"])
def test_no_more_steps_than_trained_noise_levels(key: str) -> None:
    few = {**ONE_SYSTEM, "models__wdno__objective__training_times": 5}
    steps = {"methods__wdno__sampler__steps": 5}
    assert configured(**few, **steps, studies=None).methods["wdno"].sampler.steps == 5
    if key == "sampler":
        said = refused(**few, **steps, studies={"a": study(vary={"sampler.steps": [5, 6]})})
        assert "studies.a.vary, of 'wdno'" in said
    else:
        said = refused(**few, **{key: 6}, studies=None)
    assert "steps = 6: the model is trained at 5 noise levels alone" in said
    assert "model 'wdno'" in said
    configured(models__wdno__objective__training_times=0, **{"methods__wdno__sampler__steps": 900})


def test_no_more_steps_of_a_base_model_than_trained_noise_levels() -> None:
    sampler = {"superresolution": {"base": {"sampler": {"steps": 6}}}}
    said = refused(
        **ONE_SYSTEM,
        models__wdno__objective__training_times=5,
        methods__wdno__sampler__steps=5,
        methods__linear=sampler,
        methods__cubic=sampler,
        studies=None,
    )
    assert "superresolution.base.sampler, with model 'wdno': steps = 6" in said


def test_models_that_no_method_uses_need_not_fit() -> None:
    methods = ["persistence", "time_mean", "hourly_mean"]
    baselines = {"tasks": {"simulation": {"methods": methods}}}
    small = {
        **baselines,
        "options": {"grid": {"latitude": 3, "longitude": 5}},
        "data": {"samples": {"train": 2}},
    }
    others = {name: None for name in ("advection", "burgers", "compressible_ns", "smoke")}
    section = DEFAULT["systems"]["era5"]
    assert section["models"]["wdno"]["training"]["batch_size"] > 2, "what would not fit"
    show = {"show": ["persistence"], "reference": "persistence"}
    config = configured(systems={**others, "era5": small}, studies=None, evaluation=show)
    assert configuration.trainings(config, "era5") == []
    # What is used is checked, and what is not used must still be an option.
    listed = {"tasks": {"simulation": {"methods": ["wdno", *methods]}}}
    said = refused(systems={**others, "era5": {**small, **listed}}, studies=None, evaluation=show)
    assert "models.wdno" in said
    wrong = {**small, "models": {"wdno": {"network": {"widht": 3}}}}
    said = refused(systems={**others, "era5": wrong}, studies=None, evaluation=show)
    assert "models.wdno.network" in said and "widht" in said
