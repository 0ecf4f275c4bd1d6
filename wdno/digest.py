"""Digests of the code behind a stage, so that a change of code reruns the stages it concerns.

Snakemake notices changed rules, options and inputs, but not an edit of a module that a rule's
command imports. So each rule carries the digest of the modules that its stage uses: the modules
reached from the stage's roots by following imports within the package, read as text, nothing
executed. Comments, docstrings, formatting, and the version number do not enter it.

Pieces that are imported by name (``wdno.networks.unet``) cannot be found by reading imports; they
are listed as roots in :data:`STAGES`.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent

NEUTRAL = frozenset(
    {
        # Their effect on a stage travels through its options and its command.
        "wdno.cli",
        "wdno.config",
        "wdno.digest",
        # How files are moved into place and labelled, and on which processors work is done.
        "wdno.files",
        "wdno.provenance",
        "wdno.runtime",
    }
)
"""Modules left out of every digest, with all that is below them."""

DISPATCH = frozenset({"wdno.stages"})
"""Packages whose ``__init__`` only finds the stage that was asked for: left out by itself."""

NOT_BEHAVIOUR = frozenset({"__all__", "__author__", "__version__"})


class DigestError(ValueError):
    """A stage or a module that does not exist was asked for."""


@dataclass(frozen=True)
class Stage:
    """Where the code of a stage begins.

    Attributes:
        roots: Modules, with the names of configured pieces in braces.
        without: Modules that the roots import and this stage never calls.
    """

    roots: tuple[str, ...]
    without: frozenset[str] = frozenset()


MODEL = (
    "wdno.representations.{representation}",
    "wdno.networks.{network}",
    "wdno.objectives.{objective}",
)

STAGES = {
    "fetch": Stage(("wdno.stages.data", "wdno.systems.{system}"), without=frozenset({"wdno.data"})),
    # How a record was downloaded is over when samples are cut from it.
    "generate": Stage(
        ("wdno.stages.data", "wdno.systems.{system}"), without=frozenset({"wdno.archives"})
    ),
    "statistics": Stage(("wdno.data.statistics",)),
    "card": Stage(("wdno.data.card",)),
    # Training minimises a loss and draws no samples.
    "train": Stage(("wdno.stages.train", *MODEL), without=frozenset({"wdno.diffusion.samplers"})),
    "evaluate": Stage(("wdno.stages.evaluate", *MODEL)),
    "evaluate_baseline": Stage(("wdno.stages.evaluate",)),
    "study": Stage(("wdno.stages.evaluate", *MODEL)),
    "table": Stage(("wdno.stages.tables",)),
    "figure": Stage(("wdno.stages.figures",)),
}
"""The stages of the workflow, by the verb of the command line that runs them."""


def stage_digest(stage: str, **names: str) -> str:
    """Return the digest of the code of a stage.

    Args:
        stage: A key of :data:`STAGES`.
        **names: Values for the braces in its roots, such as ``network="unet"``.

    Returns:
        16 hexadecimal digits.

    Raises:
        DigestError: Unknown stage, a name that is missing, or one that has no module.
    """
    if stage not in STAGES:
        raise DigestError(f"unknown stage {stage!r}: expected one of {', '.join(STAGES)}")
    try:
        roots = [root.format(**names) for root in STAGES[stage].roots]
    except KeyError as error:
        raise DigestError(
            f"stage {stage!r} needs {error.args[0]!r}: given {', '.join(names) or 'nothing'}"
        ) from error
    return digest(*roots, without=STAGES[stage].without)


def digest(*roots: str, without: Collection[str] = ()) -> str:
    """Return the digest of the modules used by `roots`, themselves included.

    Args:
        *roots: Dotted names within the package.
        without: Modules to leave out, beside :data:`NEUTRAL`.

    Returns:
        16 hexadecimal digits, the same on every machine and for every folder of the package.

    Raises:
        DigestError: A root is not a module of the package.
    """
    state = hashlib.sha256()
    for name in modules(*roots, without=without):
        state.update(f"{name} {_read(name).digest}\n".encode())
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
            waiting.extend(_read(name).imports - found)
    return sorted(found)


@dataclass(frozen=True)
class _Source:
    """What a module's file holds: the digest of its code, and the modules it imports."""

    digest: str
    imports: frozenset[str]


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
def _read(name: str) -> _Source:
    path = _path(name)
    assert path is not None  # only names found by _path come here
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    state = hashlib.sha256(repr(_canonical(tree)).encode())
    for file in _data_files(tree, path.parent):
        state.update(f"{file.relative_to(PACKAGE).as_posix()} ".encode())
        state.update(hashlib.sha256(file.read_bytes()).digest())
    imports = frozenset(
        module for module in _imports(tree, package) if module != name and _path(module)
    )
    return _Source(state.hexdigest(), imports)


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
    test = node.test
    return (getattr(test, "id", None) or getattr(test, "attr", None)) == "TYPE_CHECKING"


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
        else:
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
