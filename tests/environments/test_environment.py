"""One environment: Gymnasium's contract, rewards that sum to -J, cases, states, gradients."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from tiny_environments import TINY

gymnasium = pytest.importorskip("gymnasium", reason="needs the extra `environments`")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from wdno.environments import ENVIRONMENTS  # noqa: E402
from wdno.environments.single import ControlEnv  # noqa: E402

IDS = sorted(TINY)


def make(name: str, **options: Any) -> ControlEnv:
    env = gymnasium.make(name, **TINY[name], **options).unwrapped
    assert isinstance(env, ControlEnv)
    return env


def play(env: ControlEnv, actions: Any) -> tuple[list[float], dict[str, Any]]:
    rewards, info = [], {}
    for k, action in enumerate(actions):
        _, reward, terminated, truncated, info = env.step(action)
        assert terminated == (k == len(actions) - 1) and not truncated
        rewards.append(reward)
    return rewards, info


def random_actions(env: ControlEnv, seed: int = 0) -> Any:
    plant = env.core.plant
    return 0.1 * np.random.default_rng(seed).normal(size=(plant.intervals, plant.actions))


@pytest.mark.parametrize("observation", ["flat", "dict", "sensors"])
@pytest.mark.parametrize("name", IDS)
def test_gymnasium_finds_nothing_to_warn_of(name: str, observation: str) -> None:
    env = make(name, observation=observation, sensors=3, sensor_noise=0.1, action_noise=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env, skip_render_check=observation != "flat")


@pytest.mark.parametrize("shaping", [None, "distance"])
@pytest.mark.parametrize("name", IDS)
def test_rewards_sum_to_minus_j(name: str, shaping: str | None) -> None:
    env = make(name, shaping=shaping, action_noise=0.05)
    env.reset(seed=0, options={"split": "test", "case": 1})
    held = env.core.plant.total(env.core.episodes.terms())[0]
    rewards, info = play(env, random_actions(env))
    plant, history = env.core.plant, env.core.episodes.history
    case = env.core.episodes.case(0)
    first, control = (torch.from_numpy(a) for a in (case.first[None], history.control))
    target = None if case.target is None else torch.from_numpy(case.target[None])
    outcome = plant.controlled.run(first, control)
    terms = plant.controlled.terms(outcome, control, target)
    weights = plant.controlled.term_weights
    j = sum(float(weights[key] * term) for key, term in terms.items())
    assert info["J"] == pytest.approx(j, rel=1e-12)
    assert info["terms"] == pytest.approx({key: float(term) for key, term in terms.items()})
    assert sum(rewards) == pytest.approx((held if shaping else 0.0) - j, rel=1e-12)


@pytest.mark.parametrize("name", IDS)
def test_without_control_j_is_its_reference(name: str) -> None:
    env = make(name)
    env.reset(options={"split": "validation", "case": 0})
    _, info = play(env, 0 * random_actions(env))
    assert info["J"] == pytest.approx(info["J_zero"], rel=1e-12)
    assert (info["split"], info["case"]) == ("validation", 0)
    quiet = make(name, zero_reference=False)
    quiet.reset()
    assert "J_zero" not in play(quiet, random_actions(quiet))[1]


def test_a_step_pays_for_its_energy_and_the_last_one_for_the_deviation() -> None:
    env = make("wdno/Burgers-v0")
    env.reset(seed=0)
    assert env.core.plant.running == ("energy",)
    actions = random_actions(env)
    rewards, info = play(env, actions)
    cost = 0.024 * ((5.0 * actions) ** 2).mean(axis=1) * 2.0
    np.testing.assert_allclose(rewards[:-1], -cost[:-1], rtol=1e-12)
    assert rewards[-1] == pytest.approx(-cost[-1] - info["terms"]["deviation"])


@pytest.mark.parametrize("name", IDS)
def test_cases_are_those_of_the_data_set(name: str) -> None:
    env = make(name, observation="dict")
    plant = env.core.plant
    drawn = plant.system.draw("test", [3], 0)
    seen, info = env.reset(options={"split": "test", "case": 3})
    assert info == {"case": 3, "split": "test"}
    for channel, field in enumerate(plant.state):
        np.testing.assert_array_equal(seen["state"][channel], drawn[field][0, 0])
        if plant.controlled.has_target:
            np.testing.assert_array_equal(seen["target"][channel], drawn[field][0, -1])
    assert seen["time"] == 0
    case = env.core.episodes.case(0)
    arrays = {"first": case.first}
    if case.target is not None:
        arrays["target"] = case.target
    again, info = env.reset(options=arrays)
    assert info == {"case": -1, "split": "given"}
    np.testing.assert_array_equal(again["state"], seen["state"])


def test_registered_grids_and_cases_are_those_of_the_default_run() -> None:
    text = (Path(__file__).parents[2] / "config/config.yaml").read_text(encoding="utf-8")
    systems = yaml.safe_load(text)["systems"]
    for options in ENVIRONMENTS.values():
        section = systems[options["system"]]
        assert section["options"] == options["options"]
        assert section["data"]["samples"] == options["cases"]


def test_random_cases_depend_on_the_seed_alone() -> None:
    env, other = make("wdno/Burgers-v0", kept_cases=1), make("wdno/Burgers-v0")
    numbers = [
        [e.reset(seed=seed)[1]["case"] for seed in (5, None, None)] for e in (env, other, env)
    ]
    assert numbers[0] == numbers[1] == numbers[2] and len(set(numbers[0])) > 1
    assert len(env.core.store._cases) == 1


def test_observations_hold_the_state_or_sensors_the_target_and_time() -> None:
    whole, sensors = make("wdno/Burgers-v0"), make("wdno/Burgers-v0", observation="sensors")
    few = make("wdno/Burgers-v0", observation="sensors", sensors=(2, 7))
    noisy = make("wdno/Burgers-v0", sensor_noise=0.5)
    asked = {"split": "test", "case": 0}
    seen = [env.reset(seed=0, options=asked)[0] for env in (whole, sensors, few, noisy)]
    assert [len(one) for one in seen] == [25, 21, 15, 25]
    case = whole.core.episodes.case(0)
    assert case.target is not None
    expected = np.concatenate([case.first[0], case.target[0], [0.0]])
    np.testing.assert_allclose(seen[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(seen[2][:2], seen[0][[2, 7]])
    assert (seen[3][:12] != seen[0][:12]).all() and (seen[3][12:] == seen[0][12:]).all()
    assert whole.step(np.zeros(12, np.float32))[0][-1] == 0.25


def test_actions_are_the_control_cut_off_and_scaled() -> None:
    env = make("wdno/Burgers-v0", action_scale=3.0)
    env.reset(seed=0)
    env.step(np.linspace(-2, 2, 12))
    control = env.core.episodes.history.control[0]
    np.testing.assert_allclose(control[0, 0], 3 * np.clip(np.linspace(-2, 2, 12), -1, 1))
    assert not control[0, 1:].any()
    np.testing.assert_allclose(env.core.plant.actions_of(control)[0, [0, -1]], [-1, 1])


@pytest.mark.parametrize("name", IDS)
def test_an_episode_goes_on_from_a_saved_state(name: str) -> None:
    env, other = (make(name, sensor_noise=0.1, action_noise=0.1) for _ in range(2))
    env.reset(seed=3)
    actions = random_actions(env)
    env.step(actions[0])
    saved = pickle.loads(pickle.dumps(env.save_state()))
    expected = [env.step(action) for action in actions[1:]]
    other.reset(seed=8)
    for again in (env, other):
        again.restore_state(saved)
        for action, (seen, *rest) in zip(actions[1:], expected, strict=True):
            now, *found = again.step(action)
            np.testing.assert_array_equal(now, seen)
            assert found == rest


@pytest.mark.parametrize("name", IDS)
def test_gradients_of_j_are_those_of_the_solver(name: str) -> None:
    env = make(name)
    env.reset(options={"split": "test", "case": 2})
    actions = torch.from_numpy(random_actions(env)).requires_grad_()
    j = env.rollout(actions)
    (gradient,) = torch.autograd.grad(j, actions)
    _, info = play(env, actions.detach().numpy())
    assert j.item() == pytest.approx(info["J"], rel=1e-9)
    along = torch.from_numpy(np.random.default_rng(1).normal(size=actions.shape))
    size = 1e-5
    ends = [env.rollout(actions.detach() + sign * size * along).item() for sign in (1, -1)]
    assert (gradient * along).sum().item() == pytest.approx(
        (ends[0] - ends[1]) / (2 * size), rel=1e-5
    )


def test_refuses_what_does_not_fit() -> None:
    env = make("wdno/Burgers-v0")
    with pytest.raises(RuntimeError, match="reset"):
        env.step(np.zeros(12))
    with pytest.raises(ValueError, match=r"unknown option.*expected split, case"):
        env.reset(options={"number": 3})
    with pytest.raises(ValueError, match="expected one of train, validation, test"):
        env.reset(options={"split": "tset"})
    with pytest.raises(ValueError, match="give `first` and `target`"):
        env.reset(options={"first": np.zeros(12)})
    with pytest.raises(ValueError, match="expected either `split` and `case`"):
        env.reset(options={"first": np.zeros(12), "case": 1})
    with pytest.raises(ValueError, match=r"`target`: expected shape \(1, 12\)"):
        env.reset(options={"first": np.zeros(12), "target": np.zeros(5)})
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"expected finite actions of shape \(1, 12\)"):
        env.step(np.zeros(5))
    with pytest.raises(ValueError, match="not finite"):
        env.step(np.full(12, np.nan))
    play(env, np.zeros((4, 12)))
    with pytest.raises(RuntimeError, match="at the end"):
        env.step(np.zeros(12))
    with pytest.raises(ValueError, match=r"expected one of.*burgers"):
        ControlEnv(system="advection")
    with pytest.raises(ValueError, match="Extra inputs"):
        make("wdno/Burgers-v0", noise=0.1)
    with pytest.raises(ValueError, match="at most 12 along each axis"):
        make("wdno/Burgers-v0", observation="sensors", sensors=13)
    with pytest.raises(ValueError, match="each as 1 indices"):
        make("wdno/Burgers-v0", observation="sensors", sensors=[12])
