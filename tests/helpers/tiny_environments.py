"""Options of environments on tiny grids."""

from __future__ import annotations

from typing import Any

TINY: dict[str, dict[str, Any]] = {
    "wdno/Burgers-v0": {
        "options": {
            "grid": {"time": 4, "x": 12},
            "finite_difference": {"points": 60, "steps": 4800},
        },
    },
}
