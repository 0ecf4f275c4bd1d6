"""Options of environments on tiny grids, of all registered systems that can be controlled."""

from __future__ import annotations

from typing import Any

from wdno.systems import REGISTRY

TINY: dict[str, dict[str, Any]] = {
    "wdno/Burgers-v0": {
        "options": {
            "grid": {"time": 4, "x": 12},
            "finite_difference": {"points": 60, "steps": 4800},
        },
    },
}
if REGISTRY.light("smoke").Options.term_weights:
    TINY["wdno/Smoke-v0"] = {
        "options": {"cells": 64, "steps": 64, "grid": {"time": 4, "cells": 16}},
    }
