"""Rewards of data: what J falls in each interval, as environments pay it."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from small_smoke import smoke as small_smoke
from torch import Tensor
from waves import make_data

from wdno.data.dataset import Trajectories
from wdno.environments.cases import Case
from wdno.environments.episodes import Episodes
from wdno.environments.plant import Plant
from wdno.problem import ProblemError
from wdno.systems.burgers import Burgers
from wdno.tasks.control import rewards
from wdno.tasks.control.cases import Cases
from wdno.tasks.control.objective import CountedObjective
from wdno.tasks.control.options import Options


@pytest.fixture
def data(folder: Path) -> Trajectories:
    return Trajectories(folder / "test.nc")


def every(data: Trajectories) -> np.ndarray:
    return np.arange(len(data))


def law_of(burgers: Burgers, data: Trajectories, **task: object) -> rewards.Law:
    options = Options.model_validate({"methods": ["own"], **task})
    return rewards.law("burgers", burgers.options, options, data)


def test_they_sum_to_what_j_falls_and_their_unit_is_the_datas_j(
    burgers: Burgers, data: Trajectories, some: Cases, objective: CountedObjective
) -> None:
    law = law_of(burgers, data)
    batch = rewards.data(data, law, 0.0).batch(every(data))
    energy = objective.solve(some, some.own)[0]["energy"]
    assert law.unit == pytest.approx(float(energy.mean()), rel=1e-5)  # they reach their own target
    start = (some.first - some.target)[:, 0].square().mean(-1)
    fallen = (start - energy) / law.unit
    torch.testing.assert_close(batch["reward"].sum(1).double(), fallen, rtol=1e-4, atol=1e-4)
    assert batch["own"].all() and batch["acts"].all() and batch["reward"].shape == (6, 10)


def test_they_are_those_of_the_environment(
    burgers: Burgers, data: Trajectories, some: Cases
) -> None:
    law = law_of(burgers, data)
    plant = Plant("burgers", burgers.options.model_dump(), 1.0, 1)
    episodes = Episodes(plant, len(data), shaped=True)
    first, last = some.first.numpy(), some.target.numpy()
    episodes.begin(every(data), [Case(*pair) for pair in zip(first, last, strict=True)])
    control = some.own.numpy()
    paid = np.stack([episodes.advance(control[:, :, k]) for k in range(10)], axis=1)
    trajectory = {
        "state": torch.from_numpy(episodes.history.state),
        "series": torch.from_numpy(episodes.history.series),
        "forcing": some.own,
    }
    found = law.rewards(trajectory, some.target)
    np.testing.assert_allclose(found * law.unit, paid, rtol=1e-9, atol=1e-12)


def test_another_target_has_other_rewards(burgers: Burgers, data: Trajectories) -> None:
    law = law_of(burgers, data)
    own, other = (rewards.data(data, law, share).batch(every(data)) for share in (0.0, 1.0))
    assert not other["own"].any()
    torch.testing.assert_close(other["forcing"], own["forcing"])
    state = data.batch(every(data))["state"]
    for sample, last in enumerate(other["last"]):
        source = [n for n in range(6) if torch.equal(last, own["last"][n])]
        assert source and source != [sample]
    missed = (state[:, 0, -1] - other["last"][:, 0]).square().mean(-1)
    start = (state[:, 0, 0] - other["last"][:, 0]).square().mean(-1)
    energy = 0.024 * own["forcing"][:, 0].square().mean(-1).mean(-1) * burgers.options.t_end
    fallen = (start - missed - energy) / law.unit
    torch.testing.assert_close(other["reward"].sum(1), fallen, rtol=1e-4, atol=1e-4)
    again = rewards.data(data, law, 1.0).batch(every(data))
    assert all(torch.equal(again[name], part) for name, part in other.items())


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_is_kept_and_a_sample_alone_keeps_its_target(share: float) -> None:
    drawn = torch.cat(
        [
            rewards.relabelled(torch.arange(10) + start, share) != torch.arange(10)
            for start in range(0, 5000, 10)
        ]
    )
    assert float(drawn.double().mean()) == pytest.approx(share, abs=0.03)
    assert rewards.relabelled(torch.tensor([3]), share).tolist() == [0]


def test_all_cuts_at_once_are_cuts_one_by_one(
    burgers: Burgers, data: Trajectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    law = law_of(burgers, data)

    def found() -> Tensor:
        return rewards.data(data, law, 0.5).batch(every(data))["reward"]

    together = found()
    monkeypatch.setattr(rewards, "AT_ONCE", 1)
    torch.testing.assert_close(found(), together, rtol=1e-4, atol=1e-6)


def test_weights_of_the_run_count_and_unknown_ones_are_refused(
    burgers: Burgers, data: Trajectories
) -> None:
    plain, cheap = law_of(burgers, data), law_of(burgers, data, weights={"energy": 0.0})
    assert plain.facts() != cheap.facts() and cheap.unit < 1e-6 < plain.unit
    with pytest.raises(ProblemError, match="weights of speed"):
        law_of(burgers, data, weights={"speed": 1.0})


def test_smoke_has_no_target_and_acts_in_its_frame(tmp_path: Path) -> None:
    system = small_smoke(steps=16)
    data = Trajectories(make_data(tmp_path / "train.nc", system=system, count=3))
    law = rewards.law("smoke", system.options, None, data)
    made = rewards.data(data, law, 1.0)
    batch = made.batch(np.arange(3))
    assert batch["own"].all() and "last" not in batch
    assert (batch["acts"].numpy() == system.control_mask()).all() and not batch["acts"].all()
    stored = data.batch(np.arange(3))
    objective = CountedObjective(system, system.term_weights)
    j = [
        objective.estimated({"state": state, "series": series, "forcing": forcing}, None)
        for state, series, forcing in (
            (stored["state"][:, :, :1], stored["series"][:, :, :1], 0 * stored["forcing"]),
            (stored["state"][:, :, 1:], stored["series"][:, :, 1:], stored["forcing"]),
        )
    ]
    torch.testing.assert_close(batch["reward"].sum(1), (j[0] - j[1]) / law.unit)


def test_they_can_be_read_by_other_processes(burgers: Burgers, data: Trajectories) -> None:
    made = rewards.data(data, law_of(burgers, data), 0.5)
    split = pickle.loads(pickle.dumps(made._divide))
    stored = data.batch(every(data))
    for name, part in split(stored).items():
        assert torch.equal(part, made.batch(every(data))[name])
