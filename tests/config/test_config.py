"""The configuration: what is accepted, what is refused and in which words."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from wdno import config as configuration
from wdno.config import ConfigError, document
from wdno.config.resolve import read

ROOT = Path(__file__).parents[2]
DEFAULT = ROOT / "config" / "config.yaml"
OVERLAYS = [
    ROOT / "config" / "paper.yaml",
    ROOT / "config" / "gpu.yaml",
    ROOT / "config" / "control_studies.yaml",
    ROOT / "config" / "superresolution_studies.yaml",
    ROOT / "config" / "all_methods.yaml",
    ROOT / "config" / "studies.yaml",
    ROOT / "tests" / "config" / "tiny.yaml",
]


@pytest.fixture
def values() -> dict:
    return read([DEFAULT])


def changed(values: dict, path: str, value: object) -> dict:
    result = copy.deepcopy(values)
    *parents, last = path.split(".")
    section = result
    for key in parents:
        section = section[key]
    section[last] = value
    return result


@pytest.mark.parametrize("overlay", [None, *OVERLAYS], ids=lambda p: p.stem if p else "default")
def test_shipped_configurations_are_valid(overlay: Path | None) -> None:
    config = configuration.load(DEFAULT, *([overlay] if overlay else []))
    assert configuration.system_names(config)


@pytest.mark.parametrize("overlay", [None, *OVERLAYS], ids=lambda p: p.stem if p else "default")
def test_resolved_configuration_resolves_to_itself(overlay: Path | None) -> None:
    config = configuration.load(DEFAULT, *([overlay] if overlay else []))
    again = configuration.validate(yaml.safe_load(configuration.dump(config)))
    assert again == config


def test_schema_and_option_table_are_those_of_the_models() -> None:
    hint = "run `wdno config document` and commit what it writes"
    assert document.SCHEMA.read_text(encoding="utf-8") == document.schema(), hint
    assert document.README.read_text(encoding="utf-8") == document.readme(), hint


def test_schema_accepts_the_default_and_refuses_unknown_keys(values: dict) -> None:
    schema = yaml.safe_load(document.schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(values, schema)
    with pytest.raises(jsonschema.ValidationError, match="sede"):
        jsonschema.validate({**values, "sede": 1}, schema)


def test_every_option_has_a_description() -> None:
    def walk(schema: dict, where: str) -> list[str]:
        missing = []
        for name, section in schema.get("properties", {}).items():
            if not section.get("description"):
                missing.append(f"{where}.{name}")
        return missing

    schema = yaml.safe_load(document.schema())
    missing = walk(schema, "config")
    for name, section in schema["$defs"].items():
        missing += walk(section, name)
    assert missing == []


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("sede", 1, ["sede", "unknown option", "'seeds'"]),
        ("seeds", [0, 0], ["seeds", "once"]),
        ("seeds", [], ["seeds"]),
        ("run", "../elsewhere", ["run", "'../elsewhere'"]),
        ("systems.burger", {}, ["systems.burger", "'burgers'"]),
        ("systems.burgers.options.grid.time", 33, ["grid.time", "33", "32"]),
        ("systems.burgers.options.grid.x", 50, ["grid.x", "50", "48"]),
        ("systems.burgers.options.viscosity", -1.0, ["viscosity", "-1.0"]),
        ("systems.burgers.options.solver", "magic", ["solver", "'magic'", "spectral"]),
        ("systems.burgers.options.finite_difference", {"points": 960}, ["960", "38400", "147764"]),
        ("systems.burgers.models", {"unet": {"foo": 1}}, ["models.unet", "foo"]),
        ("systems.burgers.methods", {"fno": {"bar": 1}}, ["methods.fno", "bar"]),
        ("systems.burgers.data.samples.train", 0, ["samples.train", "0"]),
        ("systems.burgers.data.samples.train", 10, ["batch_size", "16", "10"]),
        ("systems.burgers.tasks.simulation.methods", ["wdnoo"], ["'wdnoo'", "'wdno'"]),
        ("systems.burgers.tasks.simulation.methods", ["wdno", "wdno"], ["'wdno'", "twice"]),
        ("systems.burgers.models", {"wdmo": {}}, ["'wdmo'", "'wdno'"]),
        ("models.wdno.representation.family", "bior2.5", ["'bior2.5'", "did you mean 'bior"]),
        ("models.wdno.representation.family", "db20", ["db20", "40", "32 x 48"]),
        ("models.wdno.representation.mode", "mirror", ["mode", "'mirror'", "zero"]),
        ("models.wdno.representation.name", "laplace", ["representation", "laplace", "wavelet"]),
        ("models.wdno.network.widht", 8, ["network", "widht", "'width'"]),
        ("models.wdno.network", {"name": "unet", "multipliers": [1] * 6}, ["16 x 24", "5 times"]),
        ("models.wdno.network.blocks", [0, 1], ["blocks", "[0, 1]", "2 entries"]),
        ("models.fno.network.modes", 64, ["modes", "64", "32 x 48"]),
        (
            "models.unet.network",
            {"name": "wno", "grid": [32, 40], "levels": 3},
            ["models.unet.network.grid = [32, 40]", "32 x 48", "systems.burgers"],
        ),
        ("models.wdno.objective.prediction", "noise", ["prediction", "'noise'", "epsilon"]),
        ("models.wdno.training.learning_rate", 0, ["learning_rate", "0"]),
        ("models.wdno.training.learning_rate", "fast", ["learning_rate", "'fast'"]),
        ("models.wdno.training.learning_rate", "2e-3", ["'2e-3'", "reads it as text; write 0.002"]),
        ("models.wdno.training.steps", "300", ["'300'", "reads it as text; write 300)"]),
        ("models.wdno.training.steps", True, ["training.steps", "True", "integer"]),
        ("models.wdno.training.warmup_steps", 10**6, ["warmup_steps", "steps"]),
        ("systems.smoke.data.fine", {"samples": 41, "grid": {}}, ["fine", "41", "40"]),
        (
            "systems.smoke.data.fine.grid",
            {"cells": 48},
            ["smoke.data.fine.grid", "48", "32 and 64"],
        ),
        ("systems.smoke.data.fine.grid", {"cells": 16}, ["no refinement of", "16 x 32 x 32"]),
        ("systems.smoke.data.fine.grid", {"time": 16, "cells": 32}, ["no refinement of"]),
        ("systems.smoke.data.fine.grid", {"depth": 2}, ["smoke.data.fine.grid", "depth"]),
        (
            "models.wavelet_unet.objective",
            {"name": "regression", "stepping": {}},
            ["models.wavelet_unet", "stepping", "needs", "'identity'", "'wavelet'"],
        ),
        (
            "models.unet.objective",
            {"name": "regression", "first_weight": 2.0, "stepping": {}},
            ["models.unet.objective", "first_weight = 2.0 with stepping", "remove one"],
        ),
        ("methods.wdno.sampler.eta", 1.5, ["eta", "1.5"]),
        ("methods.ddpm.sampler", None, ["methods.ddpm.sampler", "missing"]),
        # ERA5 and smoke have steps of their own, and now nothing to change them in.
        ("methods.wdno.sampler", None, ["methods.wdno.sampler.name: missing", "'era5'"]),
        ("methods.wdno.sampler", {"name": "dpmpp_2m", "eta": 0.5}, ["eta", "only 'ddim' has eta"]),
        ("methods.wdno.sampler", {"name": "rk4"}, ["methods.wdno.sampler", "rk4", "ddim"]),
        ("methods.fno.sampler", {"name": "ddim"}, ["methods.fno.sampler", "regression"]),
        ("methods.fno.samples", 4, ["methods.fno.samples", "deterministic"]),
        ("methods.wdno.model", "wdn", ["methods.wdno.model", "'wdno'"]),
        ("methods.persistence.model", "wdno", ["model", "baseline"]),
        ("methods.persistence.samples", 4, ["samples = 4", "'persistence'", "deterministic"]),
        (
            "methods.persistence.baseline",
            "persistance",
            ["methods.persistence.baseline", "'simulation'", "did you mean 'persistence'"],
        ),
        (
            "systems.burgers.tasks.simulation.methods",
            ["wdno", "hourly_mean"],
            ["systems.burgers", "'hourly_mean'", "calendar", "persistence"],
        ),
        ("systems.burgers.tasks", {}, ["systems.burgers.tasks", "no task", "`simulation`"]),
        (
            "systems.burgers.tasks",
            {"simulate": {}},
            ["tasks.simulate", "did you mean 'simulation'"],
        ),
        (
            "models.ddpm.objective.stepping",
            {"unroll": 2},
            ["models.ddpm.objective", "unroll = 2", "samples"],
        ),
        ("models.unet.objective.name", "autoregressive", ["objective", "diffusion", "regression"]),
        ("evaluation.show", ["wnd"], ["evaluation.show", "'wnd'"]),
        ("evaluation.reference", "ddmp", ["evaluation.reference", "'ddmp'"]),
    ],
)
def test_wrong_values_are_refused_by_name(
    values: dict, path: str, value: object, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        configuration.validate(changed(values, path, value))
    missing = [word for word in words if word not in str(refused.value)]
    assert missing == [], f"{refused.value} lacks {missing}"


def test_all_problems_are_reported_at_once(values: dict) -> None:
    values = changed(values, "seeds", [-1])
    values = changed(values, "models.wdno.network.width", 0)
    with pytest.raises(ConfigError) as refused:
        configuration.validate(values)
    assert "seeds.0" in str(refused.value)
    assert "models.wdno.network" in str(refused.value)


def test_a_system_changes_parts_of_a_model_for_itself(values: dict) -> None:
    own = {"wdno": {"network": {"width": 24}, "training": {"steps": 77}}}
    config = configuration.validate(changed(values, "systems.burgers.models", own))
    model = configuration.model(config, "burgers", "wdno")
    assert (model.network.width, model.training.steps) == (24, 77)
    assert model.network.multipliers == config.models["wdno"].network.multipliers
    assert config.models["wdno"].network.width != 24


def test_a_wrong_override_is_refused_by_name(values: dict) -> None:
    own = {"wdno": {"network": {"widht": 24}}}
    with pytest.raises(ConfigError, match=r"models\.wdno\.network.*widht"):
        configuration.validate(changed(values, "systems.burgers.models", own))


def test_studied_models_are_checked_though_no_method_uses_them(values: dict) -> None:
    values = changed(values, "systems.burgers.tasks.simulation.methods", ["wdno", "fno"])
    values = changed(values, "evaluation.show", ["wdno"])
    network = {"name": "unet", "multipliers": [1] * 9}
    with pytest.raises(ConfigError, match=r"models\.ddpm\.network\.multipliers.*32 x 48"):
        configuration.validate(changed(values, "models.ddpm.network", network))


def test_an_overlay_that_changes_a_choice_is_told_to_remove_the_rest(values: dict) -> None:
    with pytest.raises(ConfigError, match=r"models\.fno\.network\.modes.*remove them with null"):
        configuration.validate(changed(values, "models.fno.network.name", "unet"))
    removed = {"models": {"fno": {"network": {"name": "unet", "modes": None, "layers": None}}}}
    values = configuration.merge(values, removed)
    # A system's own part of the model is told by the system's name.
    with pytest.raises(ConfigError, match=r"of system 'era5':\n.*models\.fno\.network\.modes"):
        configuration.validate(values)
    own = {"models": {"fno": {"network": {"modes": None}}}}
    systems = {"systems": {"era5": own, "smoke": own}}
    config = configuration.validate(configuration.merge(values, systems))
    assert config.models["fno"].network.name == "unet"


def test_merge_replaces_lists_merges_sections_and_removes_nulls() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 4}
    merged = configuration.merge(base, {"a": {"c": [3]}, "d": None, "e": 5})
    assert merged == {"a": {"b": 1, "c": [3]}, "e": 5}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 4}
    assert configuration.merge({}, {"a": {"b": None, "c": 1}}) == {"a": {"c": 1}}


@pytest.mark.parametrize(
    ("text", "words"), [("a: [1", "not valid YAML"), ("- a\n", "a mapping of options")]
)
def test_unreadable_files_are_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        configuration.load(path)
    with pytest.raises(ConfigError, match=r"absent\.yaml"):
        configuration.load(tmp_path / "absent.yaml")


def test_configuration_is_light_to_import() -> None:
    code = (
        "import sys, wdno.config; heavy = {'torch', 'numba', 'xarray', 'matplotlib', 'pandas'} & "
        "set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "systems.burgers.data.samples",
            {"train": 15, "validation": 100, "test": 5},
            "method 'nearest': candidates = 20 of its controller 'nearest', but "
            "data.samples.train = 15; lower it, or draw more",
        ),
        (
            "systems.burgers.methods",
            {"wdno_control": {"control": {"controller": {"validation_cases": 101}}}},
            "method 'wdno_control': validation_cases = 101 of its controller 'guided', but "
            "data.samples.validation = 100; lower it, or draw more",
        ),
    ],
)
def test_controllers_that_look_at_more_cases_than_there_are_are_refused(
    values: dict, path: str, value: object, said: str
) -> None:
    values = changed(values, "systems.burgers.tasks.control.methods", ["nearest", "wdno_control"])
    with pytest.raises(ConfigError) as error:
        configuration.validate(changed(values, path, value))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "systems.burgers.tasks.control.weights",
            {"enregy": 1.0},
            "weights of 'enregy': J of this system has the terms deviation, energy",
        ),
        (
            "methods.optimum.control.controller",
            {"name": "adjoint", "gradients": 4, "before": 2, "terms": {"missed": 0}},
            "method 'optimum': a weight of 'missed': J of this system has the terms deviation",
        ),
        (
            "methods.wdno_control.control.controller.asked",
            {"energy": [0.1]},
            "method 'wdno_control': asked: 'energy' is no outcome that models are told",
        ),
        (
            "systems.burgers.tasks.control.outcome",
            ["last_series"],
            "outcome: 'last_series': this system has no series",
        ),
    ],
)
def test_what_control_does_not_know_is_refused(
    values: dict, path: str, value: object, said: str
) -> None:
    with pytest.raises(ConfigError) as error:
        configuration.validate(changed(values, path, value))
    assert said in str(error.value)


def _policy(values: dict, **model: object) -> dict:
    """The default run with BPPO changed, as the only method of control of Burgers."""
    values = changed(values, "models.bppo", {**values["models"]["bppo"], **model})
    control = {"methods": ["bppo"], "reference": "bppo"}
    values = changed(values, "systems.burgers.tasks.control", control)
    return changed(values, "systems.smoke", None)


def test_a_policy_that_learns_from_rewards_needs_a_task_that_has_them(values: dict) -> None:
    configuration.validate(_policy(values))
    simulated = changed(_policy(values), "methods.bppo", {"model": "bppo"})
    tasks = {"methods": ["bppo"], "reference": "bppo"}
    simulated = changed(simulated, "systems.burgers.tasks", {"simulation": tasks})
    with pytest.raises(ConfigError, match="learns from rewards, which the task 'simulation'"):
        configuration.validate(simulated)
    advection = changed(_policy(values), "systems.advection.tasks.control", tasks)
    with pytest.raises(ConfigError, match="this system cannot be controlled"):
        configuration.validate(advection)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"network": {"name": "unet"}}, "network 'unet': expected 'mlp'"),
        ({"training": {"precision": "bf16"}}, "precision = 'bf16'"),
        ({"training": {"compile": True}}, "compile = true"),
        ({"training": {"weight_decay": 0.1}}, "weight_decay = 0.1"),
    ],
)
def test_sac_refuses_what_its_trainer_does_not_have(
    values: dict, changes: dict, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        configuration.validate(_policy(values, objective={"name": "sac"}, **changes))


DPS = {"name": "dps", "weight": 10.0}
JOINT = {"name": "joint_diffusion"}


@pytest.mark.parametrize(
    ("objective", "section", "said"),
    [
        ({"name": "diffusion"}, {"observe": DPS}, "simulation.observe: expected a model that"),
        ({**JOINT, "stepping": {}}, {"observe": DPS}, "'joint_diffusion', without stepping; got"),
        (
            {"name": "diffusion", "stepping": {}},
            {"equation": {"guidance": DPS}},
            "simulation.equation: expected a model that draws whole trajectories",
        ),
        (JOINT, {"observe": {"name": "dsp"}}, "'dsp'"),
        (JOINT, {"equation": {"guidance": DPS, "below": 0.0}}, "below"),
    ],
)
def test_guidance_of_a_simulation_fits_its_model(
    values: dict, objective: dict, section: dict, said: str
) -> None:
    values = changed(values, "studies", {})
    for system in ("era5", "smoke", "compressible_ns"):
        values = changed(values, f"systems.{system}", None)
    for system in ("advection", "burgers"):
        values = changed(values, f"systems.{system}.tasks", {"simulation": {"methods": ["ddpm"]}})
    values = changed(values, "evaluation", {"reference": "ddpm", "show": ["ddpm"]})
    sound = changed(values, "methods.ddpm.simulation", {"equation": {"guidance": DPS}})
    config = configuration.validate(sound)
    section_of = configuration.tasks(config, "burgers")["simulation"].modules
    own = section_of("burgers", configuration.method(config, "burgers", "ddpm"))
    parts = ("tasks.simulation.guided", "diffusion.guidance.dps", "systems.burgers")
    assert own == tuple(f"wdno.{part}" for part in parts)
    training = values["models"]["ddpm"]
    wrong = changed(values, "models.ddpm", {**training, "objective": objective})
    with pytest.raises(ConfigError) as refused:
        configuration.validate(changed(wrong, "methods.ddpm.simulation", section))
    assert said in str(refused.value)


def test_guidance_by_an_equation_needs_one(values: dict) -> None:
    guided = {"equation": {"guidance": DPS}}
    with pytest.raises(ConfigError) as refused:
        configuration.validate(changed(values, "methods.ddpm.simulation", guided))
    said = str(refused.value)
    assert (
        "systems.compressible_ns.tasks.simulation: method 'ddpm': simulation.equation: this" in said
    )
    assert "systems.burgers" not in said
    with pytest.raises(
        ConfigError, match=r"method .persistence.: simulation\.equation: expected a"
    ):
        configuration.validate(changed(values, "methods.persistence.simulation", guided))
