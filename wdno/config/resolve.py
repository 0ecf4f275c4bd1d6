"""Reading, merging and checking configuration files.

Files are merged in order, section by section (lists and values are replaced), as Snakemake does
with ``--configfile``; the result is validated as a whole before anything runs.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from wdno.config.axes import MethodOptions, ModelOptions
from wdno.config.base import ConfigError, suggest
from wdno.config.checks import check
from wdno.config.root import Config, SystemConfig

M = TypeVar("M", bound=BaseModel)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `over` into `base`, section by section; a null removes the key.

    Args:
        base: the values below.
        over: the values above; mappings are merged, everything else replaces.

    Returns:
        A new mapping; neither argument is changed.
    """
    merged = copy.deepcopy(dict(base))
    for key, value in over.items():
        if isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, Mapping) else {}, value)
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


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


def _known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys allowed in the section at `location` (without its last part)."""
    section: Any = model
    for part in location:
        fields = getattr(section, "model_fields", None)
        if fields is None:
            return []
        if part not in fields:
            # A tag of a discriminated union, or a key of a dictionary of sections.
            continue
        section = _section_of(fields[part].annotation, location)
        if section is None:
            return []
    return sorted(getattr(section, "model_fields", {}))


def _section_of(annotation: Any, location: tuple[int | str, ...]) -> Any:
    """Find the section class inside an annotation such as ``dict[str, X]`` or ``A | B | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [_section_of(part, location) for part in getattr(annotation, "__args__", ())]
    sections = [section for section in found if section is not None]
    for section in sections:
        tags = getattr(section.model_fields.get("name"), "annotation", None)
        if set(getattr(tags, "__args__", ())) & set(location):
            return section
    return sections[0] if sections else None


_AXES = ("representation", "network", "objective")
_KEPT = " (an overlay that changes a `name` keeps the other options; remove them with null)"


def _written(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys as a user writes them: without the choice that follows an axis."""
    pairs = zip(("", *location), location, strict=False)
    return [str(part) for before, part in pairs if before not in _AXES or part == "name"]


def explain(error: ValidationError, model: type[BaseModel], prefix: str = "") -> str:
    """Say of each invalid option its key, its value and what is allowed, a line each."""
    lines = []
    for problem in error.errors():
        location = tuple(problem["loc"])
        key = ".".join(filter(None, [prefix, *_written(location)]))
        value = problem["input"]
        if problem["type"] == "extra_forbidden":
            known = _known_keys(model, location[:-1])
            allowed = f"; allowed: {', '.join(known)}" if known else ""
            note = "" if _written(location) == [*map(str, location)] else _KEPT
            lines.append(f"{key}: unknown option{suggest(str(location[-1]), known)}{allowed}{note}")
        elif problem["type"] == "missing":
            lines.append(f"{key}: missing, and it has no default")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            shown = "" if isinstance(value, Mapping | BaseModel) else f" = {value!r}"
            lines.append(f"{key or 'config'}{shown}: {message}{_hint(value)}")
    return "\n".join(f"  {line}" for line in lines)


def _hint(value: Any) -> str:
    """Explain a number that YAML reads as text: `2e-3` has no point."""
    number: float | None = None
    if isinstance(value, str):
        for read_as in (int, float):
            try:
                number = read_as(value)
                break
            except ValueError:
                continue
    return f" (YAML reads it as text; write {number!r})" if number is not None else ""


def _validate(model: type[M], values: Mapping[str, Any], prefix: str = "", where: str = "") -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = explain(error, model, prefix)
        raise ConfigError(f"invalid configuration{where}:\n{problems}") from error


def system(config: Config, name: str) -> SystemConfig[Any]:
    """Return the section of a configured system.

    Raises:
        ConfigError: the system is not configured.
    """
    names = system_names(config)
    if name not in names:
        raise ConfigError(
            f"system {name!r} is not in this configuration{suggest(name, names)}; "
            f"configured: {', '.join(names)}"
        )
    return getattr(config.systems, name)  # type: ignore[no-any-return]


def system_names(config: Config) -> list[str]:
    """Return the names of the configured systems, in the order of the schema."""
    # The class is made when the package is imported, so type checkers do not know it.
    fields: list[str] = list(type(config.systems).model_fields)  # type: ignore[attr-defined]
    return [name for name in fields if getattr(config.systems, name) is not None]


def _with_overrides(
    kind: str,
    section: type[M],
    shared: Mapping[str, M],
    own: Mapping[str, Any],
    name: str,
    system_name: str,
) -> M:
    if name not in shared:
        raise ConfigError(
            f"{kind}.{name}: not configured{suggest(name, shared)}; "
            f"configured: {', '.join(sorted(shared))}"
        )
    if name not in own:
        return shared[name]
    values = merge(shared[name].model_dump(exclude_unset=True), own[name])
    return _validate(section, values, f"{kind}.{name}", f", of system {system_name!r}")


def model(config: Config, system_name: str, name: str) -> ModelOptions:
    """Return a model as it is for one system: the shared section with the system's overrides."""
    own = system(config, system_name).models
    return _with_overrides("models", ModelOptions, config.models, own, name, system_name)


def method(config: Config, system_name: str, name: str) -> MethodOptions:
    """Return a method as it is for one system: the shared section with the system's overrides."""
    own = system(config, system_name).methods
    return _with_overrides("methods", MethodOptions, config.methods, own, name, system_name)


def labels(config: Config) -> dict[str, str]:
    """Return the name of each model in tables and figures."""
    return {name: options.label or name for name, options in config.models.items()}


def validate(values: Mapping[str, Any]) -> Config:
    """Validate merged values as a whole, combinations of options included.

    Raises:
        ConfigError: naming every wrong key, its value and what is allowed.
    """
    config = _validate(Config, merge({}, values))
    check(config, model, method, system_names(config))
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
