"""Reading and checking configuration files, and writing out what they amount to.

Files are merged in order, section by section (lists and values are replaced), as Snakemake does
with ``--configfile``; the result is validated as a whole before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from wdno.config.base import ConfigError, merge
from wdno.config.checks import check
from wdno.config.explain import validated
from wdno.config.root import Config


def read(paths: Iterable[Path]) -> dict[str, Any]:
    """Read YAML files and merge them in order.

    Raises:
        ConfigError: a file is absent, is not YAML, or is not a mapping.
    """
    merged: dict[str, Any] = {}
    for path in paths:
        try:
            values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"config file {path}: cannot be read ({error.strerror})") from error
        except yaml.YAMLError as error:
            raise ConfigError(f"config file {path}: not valid YAML: {error}") from error
        if values is None:
            continue  # an empty file changes nothing
        if not isinstance(values, Mapping):
            raise ConfigError(
                f"config file {path}: expected a mapping of options, found "
                f"{type(values).__name__}; see config/README.md"
            )
        merged = merge(merged, values)
    return merged


def validate(values: Mapping[str, Any]) -> Config:
    """Validate merged values as a whole, combinations of options included.

    Raises:
        ConfigError: naming every wrong key, its value and what is allowed.
    """
    config = validated(Config, merge({}, values))
    check(config)
    return config


def load(*paths: Path) -> Config:
    """Read, merge and validate configuration files.

    Raises:
        ConfigError: see :func:`read` and :func:`validate`.
    """
    return validate(read(paths))


def dump(config: Config) -> str:
    """Return the resolved configuration as YAML, every default written out."""
    values = config.model_dump(mode="json", exclude_none=True)
    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
