"""Reading and checking configuration files, and writing out what they amount to.

Files are merged in order, section by section (lists and values are replaced), as Snakemake does
with ``--configfile``; the result is validated as a whole before anything runs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from wdno.config.base import ConfigError, merge
from wdno.config.checks import check
from wdno.config.explain import validated
from wdno.config.root import Config
from wdno.config.yaml_text import parse, text_of

logger = logging.getLogger(__name__)

DEFAULT = Path(__file__).resolve().parents[2] / "config" / "config.yaml"
"""The default configuration, which belongs to the project and which overlays are merged over."""


def read(paths: Iterable[Path]) -> dict[str, Any]:
    """Read YAML files and merge them in order.

    Raises:
        ConfigError: a file is absent, is not UTF-8, is not YAML, is not a mapping, has a key twice
            in a section, or has a number that YAML reads in another base.
    """
    merged: dict[str, Any] = {}
    for path in map(Path, paths):
        where = f"config file {path}"
        values = parse(text_of(path), where)
        if values is None:
            continue  # an empty file changes nothing
        if not isinstance(values, Mapping):
            raise ConfigError(
                f"{where}: expected a mapping of options, found {type(values).__name__}; see "
                "config/README.md"
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
    """Read, merge and validate configuration files, over the default where they are overlays.

    Raises:
        ConfigError: see :func:`read` and :func:`validate`.
    """
    values = read(paths)
    if not _whole(values):
        values = read(over_default(paths))
    return validate(values)


def over_default(paths: Sequence[Path]) -> list[Path]:
    """Return files in the order in which they are merged: the default first, below overlays.

    Files are overlays if neither all of them nor the first one is a whole configuration, such as
    the default or what `wdno config resolve` writes.

    Args:
        paths: configuration files, in order.

    Raises:
        ConfigError: see :func:`read`.
    """
    files = [Path(path) for path in paths]
    if any(map(_is_default, files)) or _whole(read(files)) or _whole(read(files[:1])):
        return files
    if not DEFAULT.is_file():
        logger.warning("the default configuration, %s, is not there to be read first", DEFAULT)
        return files
    logger.info("%s is read first: %s changes it", DEFAULT, ", ".join(map(str, files)))
    return [DEFAULT, *files]


def _is_default(file: Path) -> bool:
    return DEFAULT.is_file() and file.is_file() and file.samefile(DEFAULT)


def _whole(values: Mapping[str, Any]) -> bool:
    """Whether values are all that a configuration must have, each valid by itself."""
    try:
        Config.model_validate(merge({}, values))
    except ValidationError:
        return False
    return True


def dump(config: Config) -> str:
    """Return the resolved configuration as YAML, every default written out."""
    values = config.model_dump(mode="json", exclude_none=True)
    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
