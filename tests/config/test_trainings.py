"""Trainings that need other trainings: what is trained, and which needs cannot be met."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from wdno import config as configuration
from wdno.config import ConfigError, merge
from wdno.config.resolve import read
from wdno.systems import REGISTRY as SYSTEMS

ROOT = Path(__file__).parents[2]
DEFAULT = read([ROOT / "config/config.yaml"])
SYSTEM = "burgers"
FIELDS = {"representation": {"name": "identity"}, "network": {"name": "unet", "width": 16}}
DIFFUSION = {**FIELDS, "objective": {"name": "diffusion"}}
DDIM = {"sampler": {"name": "ddim", "steps": 3}}


def loaded(
    models: dict[str, Any],
    methods: dict[str, Any],
    listed: list[str],
    task: str = "control",
    system: str = SYSTEM,
) -> configuration.Config:
    """The default configuration of one system with one task, and further models and methods."""
    systems: dict[str, Any] = {name: None for name in DEFAULT["systems"]}
    systems[system] = {
        **DEFAULT["systems"][system],
        "tasks": {task: {"methods": listed, "reference": listed[0]}},
    }
    own = {"systems": systems, "models": models, "methods": methods, "studies": None}
    return configuration.validate(merge({**DEFAULT, "systems": {}}, own))


CHAIN = {
    "first": DIFFUSION,
    "second": {**DIFFUSION, "start": "first", "collect": {"method": "by_first", "cases": 50}},
    "third": {**DIFFUSION, "start": "second", "collect": {"method": "by_second"}},
}
METHODS = {f"by_{name}": {"model": name, **DDIM} for name in CHAIN}


def test_what_only_other_trainings_need_is_trained() -> None:
    config = loaded(CHAIN, METHODS, ["by_third"])
    assert configuration.trainings(config, SYSTEM) == [
        ("control", name) for name in ("third", "second", "first")
    ]
    assert configuration.models_for(config, SYSTEM, ("control", "third")) == {
        "start": ("control", "second")
    }
    assert configuration.collections(config, SYSTEM) == {
        ("control", "by_second"): None,
        ("control", "by_first"): 50,
    }
    assert configuration.methods_of(config, SYSTEM, "control") == ["by_third"]


def test_as_many_cases_are_collected_as_the_model_with_the_most_wants() -> None:
    more = {
        **CHAIN,
        "third": {**DIFFUSION, "collect": {"method": "by_first", "cases": 70}},
    }
    config = loaded(more, METHODS, ["by_second", "by_third"])
    assert configuration.collections(config, SYSTEM) == {("control", "by_first"): 70}


def test_models_of_another_task_are_collected_with() -> None:
    taught = {**DIFFUSION, "collect": {"method": "sl"}}
    config = loaded({"taught": taught}, {"by": {"model": "taught", **DDIM}}, ["by"])
    assert configuration.trainings(config, SYSTEM) == [
        ("control", "taught"),
        ("simulation", "wavelet_unet"),
    ]


def test_a_baseline_may_be_collected() -> None:
    taught = {**DIFFUSION, "collect": {"method": "optimum", "cases": 10}}
    config = loaded({"taught": taught}, {"by": {"model": "taught", **DDIM}}, ["by"])
    assert configuration.trainings(config, SYSTEM) == [("control", "taught")]


def own(**options: Any) -> dict[str, Any]:
    """A model of its own, the method that uses it, and that method as the only one."""
    return {
        "models": {"own": {**DIFFUSION, **options}},
        "methods": {"by": {"model": "own", **DDIM}},
        "listed": ["by"],
    }


CIRCLE = {
    "models": {
        "first": {**DIFFUSION, "start": "second"},
        "second": {**DIFFUSION, "collect": {"method": "by_first"}},
    },
    "methods": METHODS,
    "listed": ["by_first"],
}


SIMULATION = {**own(collect={"method": "wdno"}), "task": "simulation"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            CIRCLE,
            r"itself: first \(start\) -> second \(collect: by_first, model\) -> first; leave",
        ),
        (own(data={"samples": 3001}), r"own\.data\.samples = 3001: more than .* 3000"),
        (own(data={"noise": -0.1}), r"models\.own\.data\.noise = -0\.1"),
        (own(start="own"), r"'own' needs itself: own \(start\) -> own"),
        (own(collect={"method": "by"}), r"'own' needs itself: own \(collect: by, model\) -> own"),
        (own(start="wdno_contrl"), r"models\.own\.start: 'wdno_contrl'.*did you mean 'wdno_cont"),
        (own(start="wdno_control"), r"representation\.name \('wavelet' there, 'identity' here\)"),
        (
            own(start="ddpm", network={"name": "unet", "width": 8, "multipliers": [1, 2, 4]}),
            r"network\.width \(16 there, 8 here\), network\.blocks",
        ),
        (own(start="bc"), r"network\.name \('mlp' there, 'unet' here\), objective\.name"),
        (own(collect={"method": "own_contrl"}), r"collect\.method: 'own_contrl'.*did you mean"),
        (own(collect={"method": "optimum", "cases": 3001}), r"cases = 3001: more than .* 3000"),
        (own(collect={"method": "optimum", "cases": 0}), r"models\.own\.collect\.cases = 0"),
        (own(collect={"method": "persistence"}), r"'persistence': task 'control' has no such"),
        (own(collect={"method": "wdno_unsampled"}), r"wdno_unsampled\.sampler: missing"),
        (
            own(collect={"method": "policy"}),
            r"method 'policy': model 'unet'.* `framewise`",
        ),
        (own(collect={"cases": 3}), r"models\.own\.collect\.method: missing"),
        (SIMULATION, r"methods of the task 'simulation' find no controls"),
    ],
)
def test_needs_that_cannot_be_met_are_refused(given: dict[str, Any], words: str) -> None:
    added = {
        "wdno_unsampled": {"model": "wdno_control"},
        "policy": {"model": "unet", "control": {"controller": {"name": "policy"}}},
    }
    given = {**given, "methods": {**added, **given["methods"]}}
    with pytest.raises(ConfigError, match=words):
        loaded(**given)


PID = {
    **FIELDS,
    "objective": {"name": "pid", "simulation": "fno_autoregressive"},
}
POLICY = {"by": {"model": "gains", "control": {"controller": {"name": "policy"}}}}


def pid(**options: Any) -> dict[str, Any]:
    """A model with the objective `pid`."""
    return {**PID, "objective": {**PID["objective"], **options}}


def test_a_training_needs_a_model_of_another_task() -> None:
    config = loaded({"gains": PID}, POLICY, ["by"])
    assert configuration.trainings(config, SYSTEM) == [
        ("control", "gains"),
        ("simulation", "fno_autoregressive"),
    ]
    assert configuration.models_for(config, SYSTEM, ("control", "gains")) == {
        "simulation": ("simulation", "fno_autoregressive")
    }


def sac(**options: Any) -> dict[str, Any]:
    """A model with the objective `sac` and a simulation."""
    objective = {"name": "sac", "simulation": "fno_autoregressive", **options}
    return {**FIELDS, "network": {"name": "mlp", "grid": [48]}, "objective": objective}


@pytest.mark.parametrize("simulation", [None, "fno_autoregressive"])
def test_sac_needs_a_simulation_where_it_names_one(simulation: str | None) -> None:
    config = loaded({"gains": sac(simulation=simulation)}, POLICY, ["by"])
    needed = {} if simulation is None else {"simulation": ("simulation", simulation)}
    assert configuration.models_for(config, SYSTEM, ("control", "gains")) == needed


DRAWING = {**DIFFUSION, "objective": {"name": "diffusion", "stepping": {}}}


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            pid(simulation="fno"),
            r"gains\.objective\.simulation = 'fno': it generates all frames at",
        ),
        (pid(simulation="drawing"), r"simulation = 'drawing': its objective 'diffusion' draws"),
        (pid(simulation="fno_auto"), r"gains\.objective\.simulation: 'fno_auto' is not configured"),
        (sac(simulation="fno"), r"gains\.objective\.simulation = 'fno': it generates all frames"),
        (sac(simulation="drawing"), r"simulation = 'drawing': its objective 'diffusion' draws"),
        (sac(simulation="fno_auto"), r"gains\.objective\.simulation: 'fno_auto' is not configured"),
        (sac(imagined=1.5), r"models\.gains\.objective\.imagined"),
        (pid(weighting="scale"), r"weighting = 'scale', .* there is no error to weigh"),
        (pid(loss="l2"), r"models\.gains\.objective\.loss"),
        (pid(stepping={}), r"stepping with 'pid', which sees each frame by itself"),
        ({**PID, "representation": {"name": "wavelet"}}, "a network sees a frame at a time"),
    ],
)
def test_simulations_that_no_policy_can_learn_from_are_refused(
    model: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        loaded({"gains": model, "drawing": DRAWING}, POLICY, ["by"])


@pytest.mark.parametrize("model", [PID, {**sac(), "network": {"name": "mlp", "grid": [32, 32]}}])
def test_a_closed_loop_is_refused_where_there_is_no_target(model: dict[str, Any]) -> None:
    with pytest.raises(
        ConfigError, match=r"systems\.smoke, models\.gains: .*'(pid|sac)' controls towards"
    ):
        loaded({"gains": model}, POLICY, ["by"], system="smoke")


def test_pid_is_refused_for_another_task() -> None:
    plain = {"by": {"model": "gains"}}
    with pytest.raises(ConfigError, match=r"'pid' is trained in a closed loop, which the task 'Si"):
        loaded({"gains": PID}, plain, ["by"], task="simulation")


def test_what_systems_say_of_their_targets_is_so() -> None:
    light = {name: SYSTEMS.light(name).Options for name in SYSTEMS.names()}
    controlled = {name for name, options in light.items() if options.term_weights}
    assert {"burgers", "smoke"} <= controlled
    for name in controlled:
        assert SYSTEMS.load(name).has_target == light[name].has_target


def test_a_model_that_only_another_needs_is_checked_too() -> None:
    small = {**DIFFUSION, "training": {"batch_size": 5000}}
    with pytest.raises(ConfigError, match=r"models\.first\.training\.batch_size = 5000"):
        loaded({**CHAIN, "first": small}, METHODS, ["by_third"])


def test_the_resolved_configuration_keeps_the_needs() -> None:
    config = loaded(CHAIN, METHODS, ["by_third"])
    again = configuration.validate(yaml.safe_load(configuration.dump(config)))
    assert again.models["second"].start == "first"
    assert again.models["second"].collect == config.models["second"].collect


ALONE = {**DIFFUSION, "generates": ["forcing"]}
WAVELET = {"name": "wavelet"}


def reweighted(prior: dict[str, Any], of: str = "prior", **further: Any) -> dict[str, Any]:
    """A model of state and control, a prior, and a method of both."""
    section = {"name": "guided", "prior": {"model": of, "gamma": 0.9}}
    return {
        "models": {"own": DIFFUSION, "prior": prior, **further},
        "methods": {"by": {"model": "own", **DDIM, "control": {"controller": section}}},
        "listed": ["by"],
    }


def test_a_prior_is_trained_and_handed_to_the_method() -> None:
    config = loaded(**reweighted(ALONE))
    pairs = {"model": ("control", "own"), "prior": ("control", "prior")}
    assert configuration.trainings(config, SYSTEM) == list(pairs.values())
    section = configuration.tasks(config, SYSTEM)["control"]
    assert section.checkpoints("control", configuration.method(config, SYSTEM, "by")) == pairs
    taught = {**DIFFUSION, "collect": {"method": "by"}}
    given = reweighted(ALONE, taught=taught)
    given["methods"]["by_taught"] = {"model": "taught", **DDIM}
    config = loaded(**{**given, "listed": ["by_taught"]})
    trained = [name for _, name in configuration.trainings(config, SYSTEM)]
    assert trained == ["taught", "own", "prior"]


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        (DIFFUSION, r"by: prior.model = 'prior': expected .* generates = \['forcing'\], got None"),
        (
            {**ALONE, "generates": ["state", "forcing"]},
            r"generates = \['forcing'\], got \['state', 'forcing'\]",
        ),
        ({**ALONE, "representation": WAVELET}, "its representation is .*wavelet.*identity"),
        (
            {**ALONE, "objective": {"name": "diffusion", "schedule": "linear"}},
            "its schedule is 'linear', that of the method's model 'cosine'",
        ),
        ({**ALONE, "objective": {"name": "regression"}}, "got 'regression' and 'diffusion'"),
        (
            {**ALONE, "objective": {"name": "diffusion", "stepping": {}}},
            "got 'diffusion' and 'diffusion' with stepping",
        ),
        ({**ALONE, "generates": []}, r"models\.prior\.generates = \[\]: .* at least 1 item"),
        ({**ALONE, "generates": ["forcin"]}, r"generates = \['forcing'\], got \['forcin'\]"),
        ({**ALONE, "generates": ["forcing"] * 2}, "each may appear once"),
        (
            {**ALONE, "training": {"batch_size": 5000}},
            r"systems\.burgers, models\.prior\.training\.batch_size = 5000",
        ),
    ],
)
def test_priors_that_do_not_fit_are_refused(prior: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        loaded(**reweighted(prior))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (reweighted(ALONE, of="prier"), r"by, prior: 'prier' is not configured; did you mean 'pri"),
        (
            own(generates=["forcing"]),
            r"methods\.by\.model = 'own': it generates forcing alone; name",
        ),
        (
            {**own(generates=["state"]), "task": "simulation"},
            r"methods\.by\.model = 'own': it generates state alone",
        ),
        (
            reweighted({**ALONE, "start": "whole"}, whole=DIFFUSION),
            r"models\.prior\.start = 'whole', .*generates \(None there, \['forcing'\] here\)",
        ),
        (
            reweighted({**ALONE, "start": "other"}, other={**ALONE, "generates": ["state"]}),
            r"models\.prior\.start = 'other', .*\['state'\] there, \['forcing'\] here",
        ),
    ],
)
def test_models_of_some_parts_are_refused_where_all_are_needed(
    given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        loaded(**given)


def test_a_prior_may_start_from_another() -> None:
    given = reweighted({**ALONE, "start": "first"}, first=ALONE)
    names = [name for _, name in configuration.trainings(loaded(**given), SYSTEM)]
    assert names == ["own", "prior", "first"]


def test_no_policy_learns_through_a_simulation_of_some_parts() -> None:
    taught = pid(simulation="some")
    some = {**FIELDS, "objective": {"name": "regression", "stepping": {}}, "generates": ["state"]}
    with pytest.raises(ConfigError, match=r"simulation = 'some': it generates state alone"):
        loaded({"gains": taught, "some": some}, POLICY, ["by"])


def test_what_learns_from_rewards_generates_all() -> None:
    policy = {**FIELDS, "objective": {"name": "bppo"}, "generates": ["forcing"]}
    with pytest.raises(ConfigError, match="'bppo', which learns from what controls lead to"):
        loaded({"gains": policy}, POLICY, ["by"])
