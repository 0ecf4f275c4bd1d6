"""The folder in which downloads are kept, outside of the results."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VARIABLE = "WDNO_CACHE"
"""Environment variable that names the folder."""


def folder() -> Path:
    """Return `$WDNO_CACHE`, or else `wdno` in `$XDG_CACHE_HOME`, or else `~/.cache/wdno`."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "wdno"


def request_folder(kind: str, request: Mapping[str, Any]) -> Path:
    """Return the folder of the parts that answer a request, the same for the same request.

    Args:
        kind: Who is asked, such as "cds".
        request: What is asked for, as plain values for JSON.
    """
    identity = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:16]
    return folder() / "era5" / kind / identity
