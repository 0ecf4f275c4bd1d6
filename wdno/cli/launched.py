"""Whether this process is one of several that `torchrun` started."""

from __future__ import annotations

import os

LAUNCHED = "TORCHELASTIC_RUN_ID"
"""Environment variable: set by `torchrun` in each process that it starts."""


def launched() -> bool:
    """Whether `torchrun` started this process."""
    return LAUNCHED in os.environ


def first_process() -> bool:
    """Whether this is the process that speaks, of those that `torchrun` started."""
    return not launched() or os.environ.get("RANK") == "0"
