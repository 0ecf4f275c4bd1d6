"""Studies: which methods and models their variations are, and what is refused."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest

from wdno import config as configuration
from wdno.config import Config, ConfigError
from wdno.config.resolve import read
from wdno.options import NAME_LENGTH
from wdno.studies.expand import Variation, variations

DEFAULT = Path(__file__).parents[2] / "config" / "config.yaml"
SYSTEM = "burgers"


def configured(**studies: dict) -> Config:
    values = read([DEFAULT])
    values["studies"] = {
        name: {"task": "simulation", "systems": [SYSTEM], **study}
        for name, study in studies.items()
    }
    return configuration.validate(values)


def names(config: Config, study: str = "a") -> list[str]:
    return [one.method for one in variations(config, study, SYSTEM)]


def refused(**study: object) -> str:
    with pytest.raises(ConfigError) as error:
        configured(a=study)
    return str(error.value)


def test_every_combination_is_a_method_named_by_its_values() -> None:
    vary = {
        "sampler": [{"name": "ddim", "eta": 0.0}, {"name": "dpmpp_2m"}],
        "sampler.steps": [1, 4],
        "samples": [1],
    }
    config = configured(a={"of": ["wdno"], "vary": vary, "cases": 40})
    assert names(config) == [
        "wdno__ddim_eta_0_0__steps_1__samples_1",
        "wdno__ddim_eta_0_0__steps_4__samples_1",
        "wdno__dpmpp_2m__steps_1__samples_1",
        "wdno__dpmpp_2m__steps_4__samples_1",
    ]
    last = variations(config, "a", SYSTEM)[-1]
    assert last == Variation(
        study="a",
        system=SYSTEM,
        of="wdno",
        method="wdno__dpmpp_2m__steps_4__samples_1",
        model="wdno",
        values={"sampler": {"name": "dpmpp_2m"}, "sampler.steps": 4, "samples": 1},
    )
    method = configuration.method(config, SYSTEM, last.method)
    assert (method.sampler.name, method.sampler.steps, method.samples) == ("dpmpp_2m", 4, 1)
    assert (method.model, method.cases) == ("wdno", 40)
    assert method.label == "WDNO, DPM-Solver++(2M), steps 4"


def test_whole_sections_are_replaced_before_their_parts_in_whatever_order() -> None:
    vary = {"sampler.steps": [3], "sampler": [{"name": "ddim", "eta": 1.0}, {"name": "ddpm"}]}
    config = configured(a={"of": ["wdno"], "vary": vary})
    samplers = [configuration.method(config, SYSTEM, name).sampler for name in names(config)]
    assert [(one.name, one.steps) for one in samplers] == [("ddim", 3), ("ddpm", 3)]


def test_a_section_of_the_same_name_keeps_what_is_not_said() -> None:
    config = configured(
        a={"of": ["wdno"], "vary": {"sampler": [{"name": "ddim", "eta": 1.0}, {"name": "ddpm"}]}},
        b={"of": ["wdno"], "vary": {"network": [{"name": "unet", "width": 8}]}},
    )
    base = configuration.method(config, SYSTEM, "wdno").sampler
    samplers = [configuration.method(config, SYSTEM, name).sampler for name in names(config)]
    assert (samplers[0].steps, samplers[0].eta) == (base.steps, 1.0)
    assert samplers[1].steps == 50, "another sampler has its own defaults"
    (wide,) = variations(config, "b", SYSTEM)
    network = configuration.model(config, SYSTEM, str(wide.model)).network
    own = configuration.model(config, SYSTEM, "wdno").network
    assert (network.width, network.multipliers, network.blocks) == (
        8,
        own.multipliers,
        own.blocks,
    )


def test_two_studies_train_and_evaluate_the_same_variation_once() -> None:
    config = configured(
        a={"of": ["wdno"], "vary": {"network.width": [8, 12], "training.steps": [100]}},
        b={"of": ["wdno"], "vary": {"network.width": [8], "training.steps": [100, 200]}},
    )
    assert names(config, "b")[0] == names(config, "a")[0]
    models = [one.model for study in "ab" for one in variations(config, study, SYSTEM)]
    assert len(set(models)) == 3


def test_options_of_the_model_make_models_that_are_trained_once() -> None:
    vary = {"network.width": [8, 24], "sampler.steps": [2, 5]}
    config = configured(a={"of": ["wdno"], "vary": vary})
    found = variations(config, "a", SYSTEM)
    assert [one.model for one in found] == ["wdno__width_8"] * 2 + ["wdno__width_24"] * 2
    assert found[0].method == "wdno__width_8__steps_2"
    method = configuration.method(config, SYSTEM, found[0].method)
    assert method.model == "wdno__width_8"
    model = configuration.model(config, SYSTEM, "wdno__width_8")
    base = configuration.model(config, SYSTEM, "wdno")
    assert (model.network.width, model.training) == (8, base.training)
    assert model.label == "WDNO, width 8"
    trained = configuration.models_of(config, SYSTEM, "simulation")
    # What only another training needs stands last, a model of simulation that control uses first.
    assert trained[-3:] == ["wdno__width_8", "wdno__width_24", "fno_autoregressive"]
    listed = configuration.models_of(configured(), SYSTEM, "simulation")[:-1]
    assert sorted(trained[:-3]) == sorted(listed)
    assert configuration.trainings(config, SYSTEM)[-1] == ("simulation", "fno_autoregressive")


def test_a_section_that_is_left_out_is_varied_where_it_can_be_only_one() -> None:
    vary = {"control.noise.probability": [0.0, 0.1]}
    config = configured(a={"task": "control", "of": ["zero", "bc"], "vary": vary})
    assert names(config)[1:] == ["zero__probability_0_1", "bc", "bc__probability_0_1"]
    zero, bc = (configuration.method(config, SYSTEM, name) for name in names(config)[1::2])
    assert zero.control.controller is None and bc.control.controller.name == "policy"
    assert zero.control.noise.probability == bc.control.noise.probability == 0.1
    assert zero.label == "Zero, probability 0.1"
    # Of many samplers none is meant.
    said = refused(of=["fno"], vary={"sampler.steps": [1, 4]})
    assert "there is no `sampler`; vary it as a whole beside" in said


def test_a_method_need_not_fit_systems_that_are_not_studied() -> None:
    vary = {"control.noise.probability": [0.0, 0.1]}
    # A policy of 48 points, which is none for the map of ERA5.
    configured(a={"task": "control", "of": ["bc"], "vary": vary})


def test_a_variation_that_equals_its_base_is_the_base() -> None:
    vary = {"network.width": [16, 8], "samples": [4, 2]}
    config = configured(a={"of": ["wdno"], "vary": vary})
    found = [(one.method, one.model) for one in variations(config, "a", SYSTEM)]
    assert found == [
        ("wdno", "wdno"),
        ("wdno__width_16__samples_2", "wdno"),
        ("wdno__width_8__samples_4", "wdno__width_8"),
        ("wdno__width_8__samples_2", "wdno__width_8"),
    ]


def test_a_system_is_varied_from_its_own_models_and_methods() -> None:
    study = {"systems": ["smoke"], "of": ["wdno"], "vary": {"training.batch_size": [2, 4]}}
    config = configured(a=study)
    assert variations(config, "a", SYSTEM) == []
    model = configuration.model(config, "smoke", "wdno__batch_size_2")
    assert (model.training.steps, model.objective.schedule) == (300, "sigmoid")
    assert configuration.method(config, "smoke", "wdno__batch_size_2").samples == 2


def test_studies_share_equal_variations_and_tell_others_apart() -> None:
    vary = {"sampler.steps": [1, 2]}
    config = configured(
        a={"of": ["wdno"], "vary": vary},
        b={"of": ["wdno"], "vary": vary},
        c={"of": ["wdno"], "vary": vary, "cases": 7},
    )
    assert names(config, "a") == names(config, "b") == ["wdno__steps_1", "wdno__steps_2"]
    told_apart = names(config, "c")
    assert all(re.fullmatch(r"wdno__steps_\d__[0-9a-f]{8}", name) for name in told_apart)
    assert configuration.method(config, SYSTEM, told_apart[0]).cases == 7
    assert configuration.method(config, SYSTEM, "wdno__steps_1").cases is None
    before = configuration.methods_of(configured(), SYSTEM, "simulation")
    assert len(configuration.methods_of(config, SYSTEM, "simulation")) == len(before) + 4


def test_long_names_are_cut_and_stay_apart() -> None:
    vary = {
        "training.final_learning_rate_fraction": [0.123456789, 0.123456788],
        "training.checkpoint_seconds": [1.5, 2.5],
    }
    found = names(configured(a={"of": ["wavelet_unet"], "vary": vary}))
    assert len(set(found)) == 4
    assert all(len(name) <= NAME_LENGTH and re.fullmatch(r"[a-z0-9_]+", name) for name in found)


def test_names_and_variations_are_the_same_every_time() -> None:
    study = {"of": ["wdno", "fno"], "vary": {"training.learning_rate": [1e-5, 0.003]}}
    first, second = configured(a=study), configured(a=study)
    assert variations(first, "a", SYSTEM) == variations(second, "a", SYSTEM)
    assert names(first)[0] == "wdno__learning_rate_1e_05"


def test_a_longer_study_keeps_its_names() -> None:
    one, two = (
        names(configured(a={"of": ["wdno"], "vary": {"sampler.steps": steps, "samples": [1]}}))
        for steps in ([1], [1, 2])
    )
    assert one == two[:1] == ["wdno__steps_1__samples_1"]


def test_labels_and_titles_are_those_of_the_configuration() -> None:
    values = read([DEFAULT])
    values["systems"][SYSTEM]["title"] = "Burgers with forcing"
    values["systems"][SYSTEM]["methods"] = {"fno": {"label": "Fourier"}}
    config = configuration.validate(values)
    labels = configuration.labels(config, SYSTEM, "simulation")
    assert (labels["fno"], labels["persistence"]) == ("Fourier", "Persistence")
    assert labels["wdno__ddim_eta_1_0__steps_25__samples_1"] == "WDNO, DDIM, eta 1, steps 25"
    assert configuration.labels(config, "advection", "simulation")["fno"] == "FNO"
    assert configuration.title(config, SYSTEM, "Burgers equation") == "Burgers with forcing"
    assert configuration.title(config, "advection", "Advection equation") == "Advection equation"


def test_the_default_study_is_of_checkpoints_that_are_trained_anyway() -> None:
    config = configuration.load(DEFAULT)
    without = copy.deepcopy(read([DEFAULT]))
    del without["studies"]
    plain = configuration.validate(without)
    assert configuration.trainings(config, SYSTEM) == configuration.trainings(plain, SYSTEM)
    assert len(variations(config, "samplers", SYSTEM)) == 2 * 3 * 5


@pytest.mark.parametrize(
    ("study", "words"),
    [
        ({"of": ["wdn"], "vary": {"samples": [1]}}, ["studies.a.of", "'wdn'", "'wdno'"]),
        ({"of": [], "vary": {"samples": [1]}}, ["studies.a.of"]),
        ({"of": ["wdno"], "vary": {}}, ["studies.a.vary"]),
        ({"of": ["wdno"], "vary": {"samples": []}}, ["studies.a.vary.samples"]),
        ({"of": ["wdno"], "vary": {"samples": [1, 1]}}, ["studies.a.vary", "1 appears twice"]),
        (
            {"of": ["wdno"], "vary": {"samplers.steps": [1]}},
            ["studies.a.vary", "samplers.steps", "sampler"],
        ),
        ({"of": ["wdno"], "vary": {"network.widht": [8]}}, ["studies.a.vary", "network.widht"]),
        ({"of": ["wdno"], "vary": {"label": ["x"]}}, ["studies.a.vary", "label: no option"]),
        ({"of": ["wdno"], "vary": {"network.width": [0]}}, ["studies.a.vary", "network.width = 0"]),
        (
            {"of": ["wdno"], "vary": {"sampler": [{"name": "ddpm", "eta": 1.0}]}},
            ["studies.a.vary", "'wdno'", "ddpm", "only 'ddim' has eta"],
        ),
        (
            {"of": ["fno"], "vary": {"sampler.steps": [1]}},
            ["studies.a.vary", "'fno'", "there is no `sampler`"],
        ),
        (
            {"of": ["fno"], "vary": {"sampler": [{"name": "ddim"}]}},
            ["studies.a.vary", "'fno'", "regression", "nothing to sample"],
        ),
        (
            {"of": ["fno"], "vary": {"network.modes": [64]}},
            ["studies.a.vary", "'fno'", "modes = 64", "32 x 48"],
        ),
        (
            {"of": ["persistence"], "vary": {"network.width": [8]}},
            ["studies.a.vary", "'persistence'", "network.width: no option of the method"],
        ),
        (
            {"of": ["wdno"], "vary": {"representation": [{"name": "wavelet", "family": "db20"}]}},
            ["studies.a.vary", "db20", "40 taps"],
        ),
        (
            {"task": "simulatoin", "of": ["wdno"], "vary": {"samples": [1]}},
            ["studies.a.task", "'simulatoin'", "'simulation'"],
        ),
        (
            {"systems": ["burger"], "of": ["wdno"], "vary": {"samples": [1]}},
            ["studies.a.systems", "'burger'", "'burgers'"],
        ),
        (
            {"of": ["wdno"], "vary": {"samples": [1]}, "metrics": ["msee"]},
            ["studies.a.metrics", "'msee'", "'mse'"],
        ),
    ],
)
def test_what_cannot_be_varied_is_refused_by_name(study: dict, words: list[str]) -> None:
    message = refused(**study)
    missing = [word for word in words if word not in message]
    assert missing == [], f"{message} lacks {missing}"


def test_a_study_of_a_system_that_is_not_run_makes_nothing() -> None:
    values = read([DEFAULT])
    values["systems"] = {"advection": values["systems"]["advection"]}
    config = configuration.validate(values)
    assert variations(config, "samplers", "advection") == []
    assert configuration.studies(config) == []
    assert configuration.studies(configuration.load(DEFAULT)) == ["samplers", "given_noise"]
    with pytest.raises(ConfigError, match="'burgers' is not in this configuration"):
        variations(config, "samplers", SYSTEM)
    with pytest.raises(ConfigError, match=r"studies\.smaplers.*did you mean 'samplers'"):
        variations(config, "smaplers", "advection")
