"""What a configuration of super-resolution may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from wdno import config as configuration
from wdno.tasks.superresolution.options import Options

ROOT = Path(__file__).parents[3]


def configured(change: dict[str, Any]) -> configuration.Config:
    """The default configuration with a change."""
    values = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    return configuration.validate(configuration.merge(values, change))


BURGERS = ("systems", "burgers")


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return value  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((*BURGERS, "data", "fine"), None, r"data.fine is not configured.* 64 x 96"),
        ((*BURGERS, "data", "fine", "grid", "time"), 32, r"32 x 96 is not the stored grid 32 x 48"),
        ((*BURGERS, "tasks", "superresolution", "time"), False, "doubled .* in space alone"),
        (("models", "srm", "superresolution"), {"levels": 5}, "48 multiples of 32"),
        (
            ("models", "srm", "superresolution"),
            {"levels": 2, "coarse": "duplicated"},
            "on the coarsest grid 8 x 12 representation.family = 'bior2.4'",
        ),
        (
            ("models", "srm", "superresolution"),
            {"levels": 4},
            "its grid 8 x 12 represe",
        ),
        (("models", "srm", "representation", "relative"), True, "remove stepping, framewise and"),
        (("methods", "fno_direct", "superresolution", "base", "model"), None, "'direct' asks a"),
        (("methods", "cubic", "superresolution", "base", "sampler"), None, "missing; model 'wdno'"),
        (("methods", "fno_direct", "superresolution", "base", "model"), "ddpm", "missing; model"),
        (("methods", "cubic", "superresolution", "base", "model"), "fno", "nothing to sample"),
        (("methods", "cubic", "superresolution", "base", "model"), "wdon", "did you mean 'wdno'"),
        (("models", "srm", "superresolution"), {"target": "rest"}, "'residual' or 'direct'"),
        (("models", "srm", "superresolution"), {"noise": -1.0}, "greater than or equal to 0"),
        (
            ("methods", "srm", "superresolution", "noise"),
            0.5,
            "noise = 0.5: model 'srm' is trained with levels up to 0; make that 0.5 or more",
        ),
        (
            ("methods", "cubic", "superresolution", "noise"),
            0.5,
            "noise = 0.5: it has no super-resolution model to be told; remove",
        ),
    ],
)
def test_what_cannot_work_is_refused(path: tuple[str, ...], value: Any, message: str) -> None:
    with pytest.raises(configuration.ConfigError, match=message):
        configured(nested(path, value))


def test_a_method_may_have_the_noise_of_training() -> None:
    def noisy(level: float) -> dict[str, Any]:
        return {
            "models": {"srm": {"superresolution": {"noise": 1.0}}},
            "methods": {"srm": {"superresolution": {"noise": level}}},
        }

    configured(noisy(1.0))
    with pytest.raises(configuration.ConfigError, match=r"up to 1; make that 1\.2 or more"):
        configured(noisy(1.2))


def test_a_second_doubling_needs_a_finer_test_set_alone() -> None:
    loaded = configured(nested((*BURGERS, "data", "fine", "grid"), {"time": 128, "x": 192}))
    task = configuration.tasks(loaded, "burgers")["superresolution"]
    assert isinstance(task, Options)
    assert task.doublings((32, 48), (128, 192)) == 2
    assert task.doublings((32, 48), (64, 192)) is None
    assert task.doublings((32, 48), (32, 48)) is None


def test_base_models_are_those_of_simulation() -> None:
    loaded = configured({})
    task = configuration.tasks(loaded, "burgers")["superresolution"]
    method = configuration.method(loaded, "burgers", "srm")
    assert task.checkpoints("superresolution", method) == {
        "model": ("superresolution", "srm"),
        "base": ("simulation", "wdno"),
    }
    assert task.splits(method) == ("fine",)
    sampler = "wdno.diffusion.samplers.ddim"
    assert task.modules("burgers", method) == ("wdno.systems.burgers", sampler)
    assert task.modules("smoke", method) == (sampler,)
    exact = configuration.method(loaded, "burgers", "exact_cubic")
    assert task.checkpoints("superresolution", exact) == {}
    assert task.modules("advection", exact) == ("wdno.systems.advection",)
    assert task.modules("compressible_ns", exact) == ()
