"""Names and labels of the variations of a study, made of the values that are varied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from wdno.options import plain_number

Values = dict[str, Any]


def name_parts(values: Values) -> list[str]:
    """Return the parts of a name: each option's last key and its value."""
    last = [key.rpartition(".")[2] for key in values]
    return [
        _part(end if last.count(end) == 1 else key, value)
        for (key, value), end in zip(values.items(), last, strict=True)
    ]


def _part(key: str, value: Any) -> str:
    if isinstance(value, Mapping) and "name" in value:
        others = [_part(inner, item) for inner, item in value.items() if inner != "name"]
        return "_".join([_slug(value["name"]), *others])
    return _slug(key, value)


def _slug(*values: object) -> str:
    text = "_".join(re.sub("^-", "minus_", str(value)) for value in values).lower()
    return re.sub(r"[^a-z0-9]+", "_", text).strip("_")


def label_of(base: str, section: BaseModel, values: Values, told: list[str]) -> str:
    """Return a name for readers: that of the base, and the options that have several values."""
    several = {key: value for key, value in values.items() if key in told} or values
    return ", ".join([base, *_said(section, several)])


def _said(section: BaseModel, values: Values) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping) and "name" in value:
            chosen = getattr(section, key, None)
            yield str(getattr(chosen, "label", value["name"]))
            yield from _said(section, {k: v for k, v in value.items() if k != "name"})
        else:
            number = plain_number(value) if isinstance(value, float) else str(value)
            yield f"{key.rpartition('.')[2].replace('_', ' ')} {number}"
