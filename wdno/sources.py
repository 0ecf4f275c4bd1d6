"""The code behind a module: which modules it uses, and a digest of them all.

The modules are those reached by following imports within the package, read as text, nothing
executed. Comments, docstrings, formatting, and the version number do not enter a digest.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

NEUTRAL = frozenset(
    {
        # Their effect on a stage travels through its options and its command.
        "wdno.cli",
        "wdno.config",
        "wdno.digest",
        "wdno.sources",
        "wdno.options",
        # How a piece is found by its name.
        "wdno.registry",
        # How files are moved into place and labelled, and on which processors work is done.
        "wdno.files",
        "wdno.provenance",
        "wdno.runtime",
        "wdno.devices",
    }
)
"""Modules left out of every digest, with all that is below them."""

DISPATCH = frozenset({"wdno.stages"})
"""Packages whose ``__init__`` only finds the stage that was asked for: left out by itself."""

NOT_BEHAVIOUR = frozenset({"__all__", "__author__", "__version__"})


class DigestError(ValueError):
    """A stage or a module that does not exist was asked for."""


WORDS = {"label": 1, "note": 5}
"""Arguments of a metric that are for readers: name -> position."""


def digest(*roots: str, without: Collection[str] = (), words: bool = True) -> str:
    """Return the digest of the modules used by `roots`, themselves included.

    Args:
        *roots: Dotted names within the package.
        without: Modules to leave out, beside :data:`NEUTRAL`.
        words: Whether the labels and notes of metrics count.

    Returns:
        16 hexadecimal digits, the same on every machine and for every folder of the package.

    Raises:
        DigestError: A root is not a module of the package.
    """
    state = hashlib.sha256()
    for name in modules(*roots, without=without):
        state.update(f"{name} {_digest(name, words)}\n".encode())
    return state.hexdigest()[:16]


def modules(*roots: str, without: Collection[str] = ()) -> list[str]:
    """Return the names of the modules used by `roots`, themselves included, sorted.

    Importing ``a.b.c`` runs ``a`` and ``a.b`` first, so packages on the way count.

    Args:
        *roots: Dotted names within the package.
        without: Modules to leave out, beside :data:`NEUTRAL`.

    Raises:
        DigestError: A root is not a module of the package.
    """
    skipped = NEUTRAL.union(without)

    def counts(name: str) -> bool:
        below = (name == other or name.startswith(f"{other}.") for other in skipped)
        return name not in DISPATCH and not any(below)

    for root in roots:
        if _path(root) is None:
            raise DigestError(f"no module {root!r} in {PACKAGE}")
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        parent = name.rpartition(".")[0]
        if _path(parent):
            waiting.append(parent)
        if name not in found and counts(name):
            found.add(name)
            waiting.extend(_imported(name) - found)
    return sorted(found)


@cache
def _path(name: str) -> Path | None:
    """Return the file of a module of the package, if there is one."""
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return None
    base = PACKAGE.joinpath(*parts[1:])
    for path in (base / "__init__.py", base.with_suffix(".py") if parts[1:] else base):
        if path.is_file():
            return path
    return None


@cache
def _tree(name: str) -> tuple[Path, ast.Module]:
    path = _path(name)
    assert path is not None  # only names found by _path come here
    return path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def _digest(name: str, words: bool) -> str:
    """Return the digest of a module's own code, and of the data files that it names."""
    path, tree = _tree(name)
    code = tree if words or not _has_metrics(tree) else _Wordless(tree).visit(copy.deepcopy(tree))
    state = hashlib.sha256(repr(_canonical(code)).encode())
    for file in _data_files(tree, path.parent):
        state.update(f"{file.relative_to(PACKAGE).as_posix()} ".encode())
        state.update(hashlib.sha256(file.read_bytes()).digest())
    return state.hexdigest()


@cache
def _imported(name: str) -> frozenset[str]:
    """Return the modules of the package that a module imports."""
    path, tree = _tree(name)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = _imports(tree, package)
    return frozenset(module for module in found if module != name and _path(module))


def _canonical(node: object) -> object:
    """Reduce a syntax tree to nested tuples without positions, docstrings and empty fields.

    Empty fields are dropped because they differ between Python versions.
    """
    if isinstance(node, list):
        return tuple(_canonical(item) for item in node if not _is_neutral(item))
    if not isinstance(node, ast.AST):
        return node
    fields = ((field, _canonical(value)) for field, value in ast.iter_fields(node))
    return type(node).__name__, *((key, value) for key, value in fields if value not in ((), None))


class _Wordless(ast.NodeTransformer):
    """Leaves out the labels and notes of metrics, and texts that are nothing else."""

    def __init__(self, tree: ast.Module) -> None:
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_metric(node)]
        words = [inner for call in calls for word in _words(call) for inner in ast.walk(word)]
        used = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        elsewhere = [one.id for one in used if isinstance(one.ctx, ast.Load) and one not in words]
        self.texts = {one.id for one in words if isinstance(one, ast.Name)} - set(elsewhere)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        """Leave out the assignment of a text."""
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        return None if names & self.texts else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Leave out the words of a metric."""
        if _is_metric(node):
            words = _words(node)
            node.args = [arg for arg in node.args if arg not in words]
            node.keywords = [key for key in node.keywords if key.value not in words]
        return self.generic_visit(node)


def _has_metrics(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.Call) and _is_metric(node) for node in ast.walk(tree))


def _is_metric(call: ast.Call) -> bool:
    return _name(call.func) == "Metric"


def _words(call: ast.Call) -> list[ast.expr]:
    """Return those arguments of a metric that are for readers."""
    placed = [arg for position, arg in enumerate(call.args) if position in WORDS.values()]
    return placed + [key.value for key in call.keywords if key.arg in WORDS]


def _name(node: ast.AST) -> str | None:
    """Return the last part of a dotted name."""
    return getattr(node, "id", None) or getattr(node, "attr", None)


def _is_neutral(node: object) -> bool:
    """Whether a statement is a docstring, a name of :data:`NOT_BEHAVIOUR`, or only for types."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if isinstance(node, ast.Assign):
        return all(isinstance(t, ast.Name) and t.id in NOT_BEHAVIOUR for t in node.targets)
    return _is_for_types(node) and not getattr(node, "orelse", [])


def _is_for_types(node: object) -> bool:
    """Whether a statement is ``if TYPE_CHECKING:`` or ``if typing.TYPE_CHECKING:``."""
    if not isinstance(node, ast.If):
        return False
    return _name(node.test) == "TYPE_CHECKING"


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    """Give every name that may be a module in the imports below `node`, at any depth."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = child.module or ""
            if child.level:
                parts = package.split(".")
                above = parts[: len(parts) - child.level + 1]
                base = ".".join([*above, *filter(None, [base])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.If) and _is_for_types(child):
            for statement in child.orelse:
                yield from _imports(ast.Module([statement], []), package)
        elif not isinstance(child, ast.expr):
            yield from _imports(child, package)


def _data_files(tree: ast.AST, folder: Path) -> list[Path]:
    """Find the package's data files that a module names, whole or by a pattern of their name.

    ``files("wdno.tasks.simulation") / "published" / "simulation.csv"`` names one file;
    ``f"{table}.csv"`` names all of that suffix in and below the module's folder.
    """
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    named = {Path(text).name for text in texts if re.fullmatch(r"[\w./-]+\.\w+", text)}
    suffixes = {text for text in texts if re.fullmatch(r"\.[a-z]+", text)}
    return sorted(
        file
        for file in _package_data()
        if file.name in named or (file.suffix in suffixes and file.is_relative_to(folder))
    )


@cache
def _package_data() -> tuple[Path, ...]:
    """List the files of the package that are neither code nor caches."""
    return tuple(
        file
        for file in PACKAGE.rglob("*")
        if file.is_file()
        and not file.suffix.startswith(".py")
        and "__pycache__" not in file.parts
        and not file.name.startswith(".")
    )
