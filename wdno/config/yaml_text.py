"""YAML read so that nothing is lost, and nothing becomes something else, in silence.

YAML 1.1 keeps the last of two equal keys, reads `1:30` in base 60 (90) and `0100` in base 8 (64),
and the keys `on` and `no` as truth values. None of that is meant in a configuration, so it is
refused, line by line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from wdno.config.base import ConfigError

MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""First bytes of files in other encodings; those of UTF-32 begin with those of UTF-16."""

TAG = "tag:yaml.org,2002:"
TYPES = {
    "int": "a number",
    "float": "a number",
    "bool": "a truth value",
    "null": "nothing",
    "timestamp": "a date",
}
"""What YAML makes of unquoted text, by the ends of its tags."""
OCTAL = re.compile(r"[-+]?0[0-7_]+")


class Reader(yaml.SafeLoader):
    """Reads YAML and notes what would be lost or misread.

    Attributes:
        problems: what was noted, each a line and a sentence.
    """

    def __init__(self, stream: str) -> None:
        """Of a text."""
        super().__init__(stream)
        self.problems: list[tuple[int, str]] = []

    def compose_scalar_node(self, anchor: Any) -> Any:
        """Note a number that is written in another base."""
        node = super().compose_scalar_node(anchor)
        if misread := _misread(node):
            self.problems.append((_line(node), misread))
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        """Note keys that stand twice in a mapping, and those that are no text."""
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if key.tag == f"{TAG}merge":
                continue
            if key.tag != f"{TAG}str":
                self.problems.append((_line(key), _no_name(key)))
            elif key.value in lines:
                again = f"{key.value!r} stands here again, after line {lines[key.value]} of the "
                again += "same section, which would be lost; keep one"
                self.problems.append((_line(key), again))
            else:
                lines[key.value] = _line(key)
        return node


def parse(text: str, where: str) -> Any:
    """Return the values of a text.

    Args:
        text: YAML.
        where: what it is, for messages.

    Raises:
        ConfigError: it is no YAML, a key stands twice, or a value or a key would be misread.
    """
    reader = Reader(text)
    try:
        values = reader.get_single_data()
    except (yaml.YAMLError, ValueError) as error:  # such as a date in month 13
        raise ConfigError(f"{where}: not valid YAML: {error}") from error
    finally:
        reader.dispose()
    if reader.problems:
        told = (f"{where}, line {line}: {problem}" for line, problem in sorted(reader.problems))
        raise ConfigError("\n".join(told))
    return values


def text_of(path: Path) -> str:
    """Return the text of a file.

    Raises:
        ConfigError: it cannot be read, or is not UTF-8.
    """
    where = f"config file {path}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{where}: cannot be read ({error.strerror})") from error
    found = next((name for mark, name in MARKS.items() if content.startswith(mark)), None)
    if found is None and b"\0" in content:
        found = "UTF-16, or no text"
    if found is not None:
        raise ConfigError(f"{where}: expected UTF-8, found {found}; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        told = content.splitlines()[line - 1].decode("latin-1").strip()
        raise ConfigError(
            f"{where}, line {line}: expected UTF-8, found the byte 0x{content[error.start]:02x}, "
            f"which may be Latin-1 (the line then reads {told!r}); save it as UTF-8"
        ) from error


def typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Read values of `--config` as they would be read in a file.

    Snakemake leaves what stands inside of lists and mappings as text: ``seeds=[0,1]``.

    Args:
        values: as Snakemake has them.

    Raises:
        ConfigError: a value would be misread.
    """
    return {key: _typed(value, f"--config {key}") for key, value in values.items()}


def _typed(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _typed(inner, where) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner, where) for inner in value]
    if not isinstance(value, str):
        return value
    reader: Any = Reader("")
    node = yaml.ScalarNode(reader.resolve(yaml.ScalarNode, value, (True, False)), value)
    if node.tag.removeprefix(TAG) not in TYPES:
        return value
    if misread := _misread(node):
        raise ConfigError(f"{where}: {misread}")
    try:
        return reader.construct_object(node)
    except ValueError as error:
        raise ConfigError(f"{where} = {value}: not valid YAML: {error}") from error


def _misread(node: yaml.ScalarNode) -> str:
    """Say what YAML makes of a number that nobody writes so; empty: nothing of the kind."""
    if node.tag not in (f"{TAG}int", f"{TAG}float"):
        return ""
    octal = node.tag == f"{TAG}int" and OCTAL.fullmatch(node.value)
    if not octal and ":" not in node.value:
        return ""
    number = Reader("").construct_object(yaml.ScalarNode(node.tag, node.value))
    base = "8" if octal else "60"
    return (
        f"YAML reads {node.value} as {number}, a number in base {base}; write {number}, or "
        f"'{node.value}' in quotes for the text"
    )


def _no_name(key: yaml.Node) -> str:
    """Say what YAML makes of a key that is no text."""
    if not isinstance(key, yaml.ScalarNode):
        return "a key that is a list or a mapping; expected the name of an option"
    kind = TYPES.get(key.tag.removeprefix(TAG), "no text")
    return f"YAML reads the key {key.value} as {kind}; write '{key.value}' in quotes for the name"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
