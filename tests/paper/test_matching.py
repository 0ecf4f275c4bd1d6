"""Which methods are a method of the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from wdno import config as configuration
from wdno.paper.contents import Missing, contents
from wdno.paper.matching import described, lacking, matches, value_at

ROOT = Path(__file__).parents[2]
DEFAULT = configuration.load(ROOT / "config/config.yaml")

OPTIONS: dict[str, Any] = {
    "label": "Any",
    "sampler": {"name": "ddim", "steps": 4, "eta": 0.0},
    "model": {"network": {"name": "unet"}, "objective": {"stepping": None}},
    "control": {"guidance": [{"name": "tilt"}, {"name": "polyak"}], "weights": []},
    "base": None,
}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("sampler.steps", 4),
        ("sampler.order", None),
        ("base.network.name", None),
        ("control.guidance.name", ["tilt", "polyak"]),
        ("control.weights.name", []),
        ("nothing.at.all", None),
    ],
)
def test_values_by_their_keys(key: str, expected: object) -> None:
    assert value_at(OPTIONS, key) == expected


@pytest.mark.parametrize(
    ("design", "holds"),
    [
        ({}, True),
        ({"model.network.name": "unet"}, True),
        ({"model.network.name": "fno"}, False),
        ({"sampler.eta": 0}, True),
        ({"sampler.eta": None}, False),
        ({"sampler.eta": [None, 0.0]}, True),
        ({"model.objective.stepping": None}, True),
        ({"model.objective.stepping": {"given": True}}, False),
        ({"control.weights": None}, True),
        ({"control.guidance": {"given": True}}, True),
        ({"control.guidance.name": {"without": "polyak"}}, False),
        ({"control.guidance.name": {"without": "dps"}}, True),
        ({"control.weights.name": {"without": "dps"}}, True),
        ({"model.network.name": "unet", "sampler.steps": 5}, False),
    ],
)
def test_conditions(design: dict[str, Any], holds: bool) -> None:
    assert matches(OPTIONS, [design]) is holds
    assert matches(OPTIONS, [{"label": "Other"}, design]) is holds, "any of several"


def test_nothing_matches_no_design() -> None:
    assert not matches(OPTIONS, [])


def found(config: configuration.Config, system: str, task: str) -> dict[str, list[str]]:
    """Methods that a task lists, by the methods of the paper that they are."""
    options = {
        name: configuration.method_with_models(config, system, task, name)
        for name in configuration.tasks(config, system)[task].methods
    }
    known = contents().designs[task]
    return {
        paper: names
        for paper, designs in known.items()
        if not isinstance(designs, Missing)
        and (names := [name for name, one in options.items() if matches(one, designs)])
    }


def test_methods_of_the_default_run() -> None:
    assert found(DEFAULT, "burgers", "simulation") == {
        "WDNO": ["wdno"],
        "DDPM": ["ddpm"],
        "FNO": ["fno"],
        "WNO": ["wno"],
        "OFormer": ["oformer"],
        "U-Net": ["unet"],
    }
    smoke = found(DEFAULT, "smoke", "simulation")
    assert smoke["FNO, autoregressive"] == ["fno_autoregressive"]
    assert smoke["U-Net, autoregressive"] == ["unet_autoregressive"]
    assert found(DEFAULT, "burgers", "superresolution") == {"WDNO": ["srm"], "FNO": ["fno_direct"]}


def test_controllers_of_the_default_run() -> None:
    burgers = found(DEFAULT, "burgers", "control")
    assert burgers["WDNO"] == ["wdno_control"], "neither unguided, nor with the solver, nor SEDC"
    assert burgers["DDPM"] == ["ddpm_control"]
    assert burgers["BC (solver)"] == ["bc"] and burgers["BPPO (solver)"] == ["bppo"]
    assert burgers["SAC (offline)"] == ["sac"]
    assert burgers["SAC (pseudo-online)"] == ["sac_surrogate"]
    assert burgers["SL"] == ["sl"] and burgers["PID (surrogate-solver)"] == ["pid"]
    smoke = found(DEFAULT, "smoke", "control")
    assert smoke["WDNO"] == ["wdno_control", "wdno_share"], "asked for an outcome there"


def test_other_names_change_nothing() -> None:
    text = configuration.dump(DEFAULT).replace("wdno_control", "ours").replace("WDNO", "Our own")
    renamed = configuration.validate(yaml.safe_load(text))
    assert found(renamed, "burgers", "control")["WDNO"] == ["ours"]


def test_the_overlay_of_all_methods() -> None:
    config = configuration.load(ROOT / "config/config.yaml", ROOT / "config/all_methods.yaml")
    of_run = found(config, "burgers", "simulation")
    assert of_run == {
        "WDNO": ["wdno"],
        "DDPM": ["ddpm"],
        "Diffusion + FFT": ["fourier", "fourier_wrapped"],
        "FNO denoiser": ["fno_denoiser"],
        "ACDM": ["acdm"],
        "DiffusionPDE": ["diffusion_pde"],
        "WNO": ["wno", "wno_zero", "wno_channels"],
        "MWT": ["mwt"],
        "OFormer": ["oformer"],
        "Transolver": ["transolver"],
        "CNN": ["cnn"],
        "CNO": ["cno"],
        "FNO": ["fno"],
        "FNO, autoregressive": ["fno_autoregressive"],
        "U-Net": ["unet"],
        "U-Net, autoregressive": ["unet_autoregressive"],
    }


def test_the_paper_s_sizes_have_every_method_of_its_first_table() -> None:
    config = configuration.load(ROOT / "config/config.yaml", ROOT / "config/paper.yaml")
    everywhere = {"WDNO", "DDPM", "FNO", "MWT", "OFormer", "U-Net"}
    for system in ("advection", "burgers", "compressible_ns"):
        assert found(config, system, "simulation").keys() == everywhere | {"WNO", "CNN"}
    assert found(config, "era5", "simulation").keys() == everywhere
    smoke = found(config, "smoke", "simulation").keys()
    assert smoke == everywhere | {"WNO", "FNO, autoregressive", "U-Net, autoregressive"}


def test_what_is_lacking_is_named() -> None:
    assert lacking({"model.network.name": "unet", "sampler.name": "other"}) == ""
    assert lacking({"base.network.name": "perceiver"}) == "network 'perceiver'"
    assert lacking({"model.representation.name": "laplace"}) == "representation 'laplace'"
    said = described({"model.network.name": "wno", "model.start": None, "sampler.steps": 4})
    assert said == "`model.network.name: wno`, `sampler.steps: 4`"
