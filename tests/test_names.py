"""Names in the package: each class is one, and modules are told apart at a glance."""

from __future__ import annotations

import ast
import itertools
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "wdno"
TERMS = {"cnn", "cno", "ddim", "ddpm", "ffno", "fno", "uno", "wno"}
"""Names that others have given."""


def test_no_class_name_stands_twice() -> None:
    places = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert not twice, f"one name for several classes: {twice}; rename all but one of them"


def _one_letter_apart(a: str, b: str) -> bool:
    """Whether one letter put in, left out or changed makes one word the other."""
    short, long = sorted((a, b), key=len)
    if len(short) == len(long):
        return sum(x != y for x, y in zip(a, b, strict=True)) == 1
    return len(long) == len(short) + 1 and any(
        long[:k] + long[k + 1 :] == short for k in range(len(long))
    )


def test_no_two_modules_of_a_package_differ_by_one_letter() -> None:
    close = []
    for package in [PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir())]:
        names = {path.stem for path in package.glob("*.py") if path.name != "__init__.py"}
        names |= {path.parent.name for path in package.glob("*/__init__.py")}
        pairs = itertools.combinations(sorted(names - TERMS), 2)
        close += [(package.name, *pair) for pair in pairs if _one_letter_apart(*pair)]
    assert not close, f"modules whose names are easily confused: {close}"
