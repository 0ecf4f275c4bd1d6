"""From a user's files to data sets by the stages that the workflow calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from own_files import FRAMES, POINTS, netcdf, pdebench_advection, values

from wdno import config as configuration
from wdno.config import ConfigError
from wdno.data.dataset import Trajectories
from wdno.stages import data

DEFAULT = Path(__file__).parents[2] / "config" / "config.yaml"
SIMULATION = {"simulation": {"methods": ["fno", "persistence"]}}
SPLITS = ("train", "validation", "test")


def _configured(folder: Path, name: str, options: dict[str, Any]) -> list[Path]:
    """The default configuration with one system, whose options are given."""
    others = dict.fromkeys(("burgers", "advection", "compressible_ns", "era5", "smoke"))
    section = {"options": options, "tasks": SIMULATION}
    section["data"] = {"samples": {"train": 8, "validation": 100, "test": 100}}
    overlay = {
        "systems": {**others, name: section},
        "models": {"fno": {"network": {"modes": 3}, "training": {"batch_size": 4}}},
        "evaluation": {"reference": "fno"},
        "studies": {"samplers": None},
    }
    (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay, sort_keys=False))
    return [DEFAULT, folder / "overlay.yaml"]


def _made(folder: Path, config: list[Path], name: str) -> dict[str, Trajectories]:
    record = folder / "record.nc"
    data.fetch(config, name, record, folder / "state")
    for split in SPLITS:
        data.generate(config, name, split, folder / f"{split}.nc", folder / "parts", 1, record)
    return {split: Trajectories(folder / f"{split}.nc") for split in SPLITS}


def test_a_file_becomes_data_sets(tmp_path: Path) -> None:
    path = netcdf(tmp_path / "waves.nc")
    options = {
        "paths": str(path),
        "fields": {"u": {}, "f": {"role": "forcing"}},
        "axes": {"x": {"points": POINTS, "boundary": "periodic"}},
        "time": {"steps": FRAMES - 1},
    }
    config = _configured(tmp_path, "file", options)
    loaded = configuration.load(*config)
    assert configuration.system_names(loaded) == ["file"]
    assert configuration.system(loaded, "file").options.files() == [str(path)]
    made = _made(tmp_path, config, "file")
    # At most as many as there are: a fifth of them is for validation and for test.
    assert {split: len(found) for split, found in made.items()} == {
        "train": 8, "validation": 3, "test": 3
    }  # fmt: skip
    for found in made.values():
        number = found.dataset["trajectory"].to_numpy()
        np.testing.assert_array_equal(found.dataset["u"], values()[number])
    again = configuration.validate(yaml.safe_load(configuration.dump(loaded)))
    assert again == loaded and list(again.systems.file.options.fields) == ["u", "f"]


def test_published_files_become_data_sets_of_a_system(tmp_path: Path) -> None:
    path = pdebench_advection(tmp_path / "advection.hdf5")
    options = {"pdebench": {"paths": [str(path)]}, "t_end": 1.0, "grid": {"time": 8, "x": 16}}
    made = _made(tmp_path, _configured(tmp_path, "advection", options), "advection")
    assert made["train"].layout.title == "Advection equation (PDEBench)"
    number = made["test"].dataset["trajectory"].to_numpy()
    np.testing.assert_array_equal(made["test"].dataset["u"], values()[number])


def test_a_system_of_equations_has_nothing_to_fetch(tmp_path: Path) -> None:
    config = _configured(tmp_path, "advection", {"grid": {"time": 8, "x": 16}})
    with pytest.raises(ConfigError, match="solved from equations: there is nothing to fetch"):
        data.fetch(config, "advection", tmp_path / "record.nc", tmp_path / "state")
