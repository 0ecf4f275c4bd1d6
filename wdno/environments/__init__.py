"""Gymnasium environments of the systems that can be controlled: `docs/environments.md`.

Importing this package registers `wdno/Burgers-v0` and `wdno/Smoke-v0`.
"""

from __future__ import annotations

from typing import Any

import gymnasium

from wdno.environments.batch import ControlVectorEnv
from wdno.environments.options import EnvironmentOptions
from wdno.environments.single import ControlEnv

__all__ = ["ENVIRONMENTS", "ControlEnv", "ControlVectorEnv", "EnvironmentOptions"]

ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "wdno/Burgers-v0": {
        "system": "burgers",
        "options": {"grid": {"time": 32, "x": 48}},
        "action_scale": 5.0,
        "cases": {"train": 3000, "validation": 100, "test": 200},
    },
    "wdno/Smoke-v0": {
        "system": "smoke",
        "options": {"cells": 64, "steps": 128, "grid": {"time": 16, "cells": 32}},
        "action_scale": 5.0,
        "cases": {"train": 1000, "validation": 40, "test": 40},
    },
}
"""Registered environments and their default options: grids and cases of `config/config.yaml`."""

for _id, _options in ENVIRONMENTS.items():
    gymnasium.register(
        _id,
        entry_point="wdno.environments.single:ControlEnv",
        vector_entry_point="wdno.environments.batch:ControlVectorEnv",
        kwargs=_options,
    )
