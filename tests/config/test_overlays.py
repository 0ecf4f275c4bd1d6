"""Overlays: the default belongs below them, whoever reads them and from wherever."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import yaml

from wdno import config as configuration
from wdno.config import ConfigError, over_default, resolve

ROOT = Path(__file__).parents[2]
DEFAULT = ROOT / "config" / "config.yaml"
TINY = ROOT / "tests" / "config" / "tiny.yaml"


def written(path: Path, values: object) -> Path:
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_an_overlay_alone_is_read_over_the_default(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mine = written(tmp_path / "mine.yaml", {"run": "mine", "seeds": [3]})
    with caplog.at_level(logging.INFO):
        config = configuration.load(mine)
    assert config == configuration.load(DEFAULT, mine)
    assert (config.run, config.seeds) == ("mine", [3])
    assert f"{DEFAULT} is read first: {mine} changes it" in caplog.text
    assert over_default([TINY, mine]) == [DEFAULT, TINY, mine]


def test_a_whole_configuration_stands_alone(tmp_path: Path) -> None:
    config = configuration.load(DEFAULT, TINY)
    whole = tmp_path / "whole.yaml"
    whole.write_text(configuration.dump(config), encoding="utf-8")
    assert configuration.load(whole) == config, "systems that the overlay removed stay away"
    mine = written(tmp_path / "mine.yaml", {"seeds": [5]})
    assert over_default([whole, mine]) == [whole, mine]
    wrong = written(tmp_path / "wrong.yaml", {"seeds": [-1]})
    assert over_default([whole, wrong]) == [whole, wrong], "wrong, but no overlay of the default"


def test_the_default_is_read_once(tmp_path: Path) -> None:
    mine = written(tmp_path / "mine.yaml", {"seeds": [5]})
    assert over_default([DEFAULT, mine]) == [DEFAULT, mine]
    assert over_default([mine, DEFAULT]) == [mine, DEFAULT]


def test_a_default_that_is_wrong_is_told_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))
    values["models"]["wdno"]["network"]["widht"] = 3
    monkeypatch.setattr(resolve, "DEFAULT", written(tmp_path / "config.yaml", values))
    with pytest.raises(ConfigError, match=r"models\.wdno\.network\.widht: unknown option"):
        configuration.load(tmp_path / "config.yaml")


def test_where_there_is_no_default_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(resolve, "DEFAULT", tmp_path / "absent.yaml")
    mine = written(tmp_path / "mine.yaml", {"run": "mine"})
    with pytest.raises(ConfigError, match=r"models: missing"):
        configuration.load(mine)
    assert f"{tmp_path / 'absent.yaml'}, is not there" in caplog.text
