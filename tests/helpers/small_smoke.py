"""Smoke on a small grid."""

from __future__ import annotations

from wdno.systems.smoke import Options, System


def smoke(cells: int = 32, steps: int = 32, **options: object) -> System:
    settings = {"cells": cells, "steps": steps, "grid": {"time": 8, "cells": 16}} | options
    return System(Options.model_validate(settings))
