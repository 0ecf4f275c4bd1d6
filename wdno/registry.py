"""Pieces found by name: systems, representations, networks, objectives, samplers, guidance, tasks.

A kind of piece is a package, and each of its pieces a module (or a package) with two faces:

- the light one, which a configuration is checked with: a class `Options`. It imports neither torch
  nor anything else that takes long. It stands in ``<package>/options/<name>.py``, or, for pieces
  that are light themselves, in the piece.
- the piece itself, under the attribute that the kind has: `Network`, `Sampler`, ... It is imported
  when it is asked for.

So a new file is a new choice, and nothing else needs to know of it. Modules whose names begin with
an underscore, and `base` and `options`, are not pieces.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Annotated, Any, TypeVar, Union

T = TypeVar("T")

NOT_PIECES = frozenset({"base", "options"})


class UnknownPieceError(ValueError):
    """A piece that has no module."""


def construct(kind: str, name: str, piece: Callable[..., T], options: Mapping[str, Any]) -> T:
    """Make a piece with options, of which it knows all.

    Args:
        kind: what it is, for messages.
        name: its name, for messages.
        piece: its class.
        options: keywords of the class.

    Raises:
        ValueError: the class has no such option, or refuses a value.
    """
    accepted = inspect.signature(piece).parameters
    unknown = sorted(set(options) - set(accepted))
    if unknown:
        raise ValueError(
            f"{kind} {name!r}: unknown option(s) {', '.join(unknown)}; "
            f"expected {', '.join(accepted) or 'none'}"
        )
    return piece(**options)


class Registry:
    """The pieces of one kind.

    Attributes:
        kind: what they are, for messages.
        package: the package of their modules.
        attribute: name under which a module has the piece; empty: the piece is the module.
        options: package of the light modules.
    """

    def __init__(self, kind: str, package: str, attribute: str = "", options: str = "") -> None:
        """Of a package.

        Args:
            kind: what the pieces are, for messages.
            package: dotted name of the package of their modules.
            attribute: name under which a module has the piece; empty: the piece is the module.
            options: dotted name of the package of the light modules; empty: the pieces are light
                themselves, and a piece that is a package has the module ``options``.
        """
        self.kind, self.package, self.attribute = kind, package, attribute
        self.options = options or package

    def names(self) -> tuple[str, ...]:
        """Return the names of all pieces, in alphabetical order."""
        return _pieces_in(*importlib.import_module(self.options).__path__)

    def require(self, name: str) -> None:
        """Refuse a name that no piece has.

        Raises:
            UnknownPieceError: naming those that there are, and what a new one is.
        """
        if name not in self.names():
            raise UnknownPieceError(
                f"unknown {self.kind} {name!r}: expected one of {', '.join(self.names())}; a new "
                f"one is a module {self.package}.<name>, see CONTRIBUTING.md"
            )

    def light(self, name: str) -> ModuleType:
        """Import the light module of a piece, the one that has `Options`.

        Raises:
            UnknownPieceError: there is no such piece.
            TypeError: the module lacks `Options`.
        """
        self.require(name)
        module = importlib.import_module(f"{self.options}.{name}")
        if not hasattr(module, "Options") and hasattr(module, "__path__"):
            module = importlib.import_module(f"{self.options}.{name}.options")
        if not hasattr(module, "Options"):
            raise TypeError(f"module {module.__name__} lacks `Options`, which every piece has")
        return module

    def choice(self) -> Any:
        """Return the type of an option that is one of these pieces, told apart by `name`."""
        from pydantic import Field

        options = tuple(self.light(name).Options for name in self.names())
        if len(options) == 1:
            return options[0]
        return Annotated[Union[options], Field(discriminator="name")]  # noqa: UP007

    def load(self, name: str) -> Any:
        """Import a piece.

        Raises:
            UnknownPieceError: there is no such piece.
            TypeError: its module lacks what the kind has.
        """
        self.require(name)
        module = importlib.import_module(f"{self.package}.{name}")
        if not self.attribute:
            return module
        if not hasattr(module, self.attribute):
            raise TypeError(
                f"module {module.__name__} lacks `{self.attribute}`, which every {self.kind} has"
            )
        return getattr(module, self.attribute)

    def build(self, name: str, /, **options: Any) -> Any:
        """Make a piece with options.

        Raises:
            UnknownPieceError: there is no such piece.
            ValueError: the piece has no such option, or refuses a value.
        """
        return construct(self.kind, name, self.load(name), options)

    def module(self, name: str, part: str) -> ModuleType:
        """Import a module of a piece that is a package, such as a task's ``evaluation``.

        Raises:
            UnknownPieceError: there is no such piece.
        """
        self.require(name)
        return importlib.import_module(f"{self.package}.{name}.{part}")


@cache
def _pieces_in(*folders: str) -> tuple[str, ...]:
    """Names of the modules in folders, listed once: a workflow asks for them at every job."""
    found = (module.name for module in pkgutil.iter_modules(folders))
    return tuple(
        sorted(name for name in found if name not in NOT_PIECES and not name.startswith("_"))
    )
