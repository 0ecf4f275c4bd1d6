"""A new file is a new choice: pieces and tasks that the configuration was not written for."""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from wdno import networks, objectives, representations, systems, tasks
from wdno.diffusion import guidance, samplers
from wdno.objectives.options.base import SteppingOptions
from wdno.objectives.stepping import Stepping
from wdno.options import Section
from wdno.registry import Registry
from wdno.tasks.base import TaskOptions

ROOT = Path(__file__).parents[2]
NAMED = [
    *(networks.REGISTRY, objectives.REGISTRY, representations.REGISTRY),
    *(samplers.REGISTRY, guidance.REGISTRY),
]

NETWORK = '''
from typing import Literal

from pydantic import Field

from wdno.networks.options.base import NetworkOptions


class LinearOptions(NetworkOptions):
    """A network without modes, widths or levels."""

    name: Literal["linear"] = Field(description="One matrix.")
    rank: int = Field(default=3, description="Its rank.")

    def check(self, grid, periodic=()):
        return [f"rank = {self.rank}: a grid of {grid} has a smaller axis"] if self.rank > 9 else []


Options = LinearOptions
'''
TASK = '''
from typing import ClassVar

from pydantic import Field

from wdno.objectives.options.base import SteppingOptions
from wdno.objectives.stepping import Stepping
from wdno.options import Section
from wdno.tasks.base import TaskOptions


class SteeringOptions(TaskOptions):
    """Steer."""

    title: ClassVar[str] = "Steering"
    summary: ClassVar[str] = "Find the forcing."
    baselines: ClassVar[dict[str, str]] = {"nothing": "leaves it alone"}

    def check(self, system, methods, models):
        return [] if system.has_series else ["steers series, and this system has none"]

    def checkpoints(self, task, method):
        return {"model": ("simulation", method.model)} if method.model else {}


class Guidance(Section):
    """How a sample is steered."""

    strength: float = Field(default=1.0, description="Strength.")


Options, MethodSection = SteeringOptions, Guidance
'''
SETUP = """
import sys
from pathlib import Path

import wdno.networks.options, wdno.tasks

wdno.networks.options.__path__.append({networks!r})
wdno.tasks.__path__.append({tasks!r})

from wdno import config as configuration
from wdno.config import ConfigError, document
from wdno.config.resolve import read
from wdno.studies.expand import variations

values = read([Path({default!r})])


def refused(values):
    try:
        configuration.validate(values)
    except ConfigError as error:
        return str(error)
    raise AssertionError("accepted")
"""


@pytest.fixture
def run(tmp_path: Path):
    """A function that runs code in which there are one more network and one more task."""
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "linear.py").write_text(NETWORK)
    (tmp_path / "tasks" / "steering").mkdir(parents=True)
    (tmp_path / "tasks" / "steering" / "__init__.py").write_text('"""Steering."""\n')
    (tmp_path / "tasks" / "steering" / "options.py").write_text(TASK)
    setup = SETUP.format(
        networks=str(tmp_path / "networks"),
        tasks=str(tmp_path / "tasks"),
        default=str(ROOT / "config" / "config.yaml"),
    )

    def run(code: str) -> None:
        whole = setup + textwrap.dedent(code)
        result = subprocess.run([sys.executable, "-c", whole], cwd=ROOT, capture_output=True)
        assert result.returncode == 0, result.stderr.decode()

    return run


def test_another_network_needs_its_own_options_alone(run) -> None:
    run(
        """
        values["models"]["fno"]["network"] = {"name": "linear", "rank": 4}
        for system in ("era5", "smoke"):
            values["systems"][system]["models"]["fno"].pop("network")
        config = configuration.validate(values)
        assert configuration.model(config, "burgers", "fno").network.rank == 4
        assert configuration.model(config, "burgers", "fno").pieces()["network"] == "linear"

        values["models"]["fno"]["network"]["rank"] = 10
        message = refused(values)
        assert "systems.burgers, models.fno.network.rank = 10" in message, message

        values["models"]["fno"]["network"] = {"name": "linear", "modes": 4}
        message = refused(values)
        assert "models.fno.network.modes: unknown option" in message, message
        assert "'ffno' and 'fno' and " in message, message
        assert " have modes; allowed: name, rank" in message, message

        values["models"]["fno"]["network"] = {"name": "linaer"}
        assert "'linear'" in refused(values)
        assert "(linear).rank" in document.option_table()
        """
    )


def test_another_task_has_its_section_its_baselines_and_its_checks(run) -> None:
    run(
        """
        values["methods"]["steered"] = {
            "model": "wdno", "sampler": {"name": "ddim"}, "steering": {"strength": 2.0}
        }
        values["methods"]["nothing"] = {"baseline": "nothing"}
        steering = {"methods": ["wdno", "steered", "nothing"]}
        values["systems"]["smoke"]["tasks"]["steering"] = steering
        values["studies"]["strength"] = {
            "task": "steering", "of": ["steered"], "vary": {"steering.strength": [0.5, 2.0]}
        }
        config = configuration.validate(values)
        own = ["control", "simulation", "superresolution"]
        assert sorted(configuration.tasks(config, "smoke")) == sorted([*own, "steering"])
        assert list(configuration.tasks(config, "burgers")) == own
        steered = configuration.method(config, "smoke", "steered")
        assert steered.steering.strength == 2.0
        assert configuration.method(config, "smoke", "wdno").steering is None
        found = configuration.methods_of(config, "smoke", "steering")
        assert found == ["wdno", "steered", "nothing", "steered__strength_0_5"], found
        assert [one.method for one in variations(config, "strength", "smoke")] == [
            "steered__strength_0_5", "steered"
        ]
        assert configuration.models_of(config, "smoke", "steering") == []
        assert "wdno" in configuration.models_of(config, "smoke", "simulation")
        assert "methods.*.steering.strength" in document.option_table()
        assert "systems.*.tasks.steering.methods" in document.option_table()

        values["systems"]["smoke"]["tasks"]["simulation"]["methods"].append("nothing")
        message = refused(values)
        assert "methods.nothing.baseline = 'nothing': task 'simulation' has no such" in message

        values["systems"]["smoke"]["tasks"]["simulation"]["methods"].remove("nothing")
        values["systems"]["burgers"]["tasks"]["steering"] = steering
        message = refused(values)
        assert "systems.burgers.tasks.steering: steers series" in message, message
        """
    )


@pytest.mark.parametrize("registry", NAMED, ids=lambda registry: registry.kind)
def test_options_have_the_name_of_their_piece(registry: Registry) -> None:
    for name in registry.names():
        options = registry.light(name).Options
        assert issubclass(options, Section)
        assert options.model_fields["name"].annotation.__args__ == (name,)


@pytest.mark.parametrize("registry", NAMED, ids=lambda registry: registry.kind)
def test_every_option_is_one_of_its_piece(registry: Registry) -> None:
    """What a configuration accepts, the piece takes."""
    import inspect

    used_elsewhere = {
        "name",
        *representations.REGISTRY.light("identity").Options.model_fields,  # by the model
        *objectives.REGISTRY.light("regression").Options.model_fields,  # by the model
        *(["steps", "repeats"] if registry.kind == "sampler" else []),  # by the loop over the steps
    }
    for name in registry.names():
        options = set(registry.light(name).Options.model_fields) - used_elsewhere
        accepted = set(inspect.signature(registry.load(name)).parameters)
        assert options <= accepted, f"{registry.kind} {name!r} does not take {options - accepted}"


def test_systems_and_tasks_have_what_is_asked_of_them() -> None:
    for name in systems.REGISTRY.names():
        assert systems.REGISTRY.load(name).name == name
    for name in tasks.REGISTRY.names():
        options = tasks.REGISTRY.light(name).Options
        assert issubclass(options, TaskOptions)
        assert options.title and options.summary


@pytest.mark.parametrize("registry", NAMED, ids=lambda registry: registry.kind)
def test_a_piece_and_its_options_have_the_same_defaults(registry: Registry) -> None:
    compared = 0
    for name in registry.names():
        options = registry.light(name).Options.model_fields
        for key, parameter in inspect.signature(registry.load(name)).parameters.items():
            if key in options and parameter.default is not parameter.empty:
                expected = options[key].get_default(call_default_factory=True)
                default = parameter.default
                found = list(default) if isinstance(default, tuple) else default
                assert found == expected, f"{registry.kind} {name}: {key}"
                compared += 1
    assert compared


def test_stepping_and_its_options_have_the_same_defaults() -> None:
    fields = SteppingOptions.model_fields
    parameters = inspect.signature(Stepping).parameters
    assert {key: parameters[key].default for key in fields} == {
        key: field.default for key, field in fields.items()
    }
