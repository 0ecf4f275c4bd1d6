"""Which methods of a run are a method of the paper, by what they are made of.

A design is a mapping from dotted keys of options to what must hold of each:

| written | holds where the option is |
|---|---|
| a value | that value |
| null | absent, null or empty |
| a list | one of its values |
| ``{given: true}`` | neither absent nor empty |
| ``{without: x}`` | a list without x, or absent |

Names and labels of methods and models are no options, so that renaming changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wdno import networks, objectives, representations
from wdno.paper.contents import Design

PIECES = {
    "representation": representations.REGISTRY,
    "network": networks.REGISTRY,
    "objective": objectives.REGISTRY,
}


def value_at(options: Any, key: str) -> Any:
    """Return an option by its dotted key; through a list, the list of its members' values.

    Args:
        options: plain values, as a configuration has them.
        key: such as `sampler.steps`.

    Returns:
        None where it is absent.
    """
    head, _, rest = key.partition(".")
    if isinstance(options, list):
        return [value_at(one, key) for one in options]
    found = options.get(head) if isinstance(options, Mapping) else None
    return value_at(found, rest) if rest else found


def matches(options: Mapping[str, Any], designs: Sequence[Design]) -> bool:
    """Whether a method is what any of the designs says.

    Args:
        options: those of the method, with its models below their roles.
        designs: see above.
    """
    return any(
        all(_holds(value_at(options, key), wanted) for key, wanted in design.items())
        for design in designs
    )


def _holds(value: Any, wanted: Any) -> bool:
    empty = value in (None, [], {})
    if isinstance(wanted, Mapping):
        if "without" in wanted:
            return wanted["without"] not in (value or [])
        return not empty
    if isinstance(wanted, list):
        return any(_holds(value, one) for one in wanted)
    return empty if wanted is None else bool(value == wanted)


def lacking(design: Design) -> str:
    """Return which piece of a design there is not, such as "network 'cno'"; empty: none."""
    for key, wanted in design.items():
        *_, kind, last = ["", *key.split(".")]
        if last == "name" and kind in PIECES and wanted not in PIECES[kind].names():
            return f"{kind} {wanted!r}"
    return ""


def described(design: Design) -> str:
    """Write what a design asks for, as an overlay would: `model.network.name: wno, ...`."""
    said = {key: wanted for key, wanted in design.items() if isinstance(wanted, str | int | float)}
    return ", ".join(f"`{key}: {wanted}`" for key, wanted in said.items())
