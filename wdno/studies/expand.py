"""The variations of a study, as ordinary methods and models.

Every combination of the values that a study gives is a method with a name of its own, made of the
values, as `wdno__ddim_eta_0_0__steps_4`. Where it differs from its base in the model too, the model
is one of its own that is trained; where it equals its base, it is the base.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from wdno.config import explain, overrides
from wdno.config.base import ConfigError, merge, suggest
from wdno.config.methods import MethodOptions
from wdno.config.models import ModelOptions
from wdno.config.root import Config
from wdno.options import NAME_LENGTH
from wdno.studies.naming import Values, label_of, name_parts
from wdno.studies.options import StudyOptions

M = TypeVar("M", bound=BaseModel)

NOT_VARIED = frozenset({"label", "model", "baseline", "cases"})
"""Options of methods and models that make no variation."""


class VariationError(ValueError):
    """A variation that cannot be: of an option that there is not, or to a value that it refuses."""


@dataclass(frozen=True)
class Variation:
    """One combination of values.

    Attributes:
        study: name of the study.
        system: name of the system.
        of: the method that is varied.
        method: name of the varied method.
        model: name of its model; None where the method has none.
        values: what is varied: option -> value, in the order of the study.
    """

    study: str
    system: str
    of: str
    method: str
    model: str | None
    values: Values


@dataclass
class Expansion:
    """All variations of one system.

    Attributes:
        variations: of each study.
        methods: methods that they add to the configured ones.
        models: models that they add.
        problems: what is wrong with those that cannot be, each a sentence.
    """

    variations: dict[str, list[Variation]] = field(default_factory=dict)
    methods: dict[str, MethodOptions] = field(default_factory=dict)
    models: dict[str, ModelOptions] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def variations(config: Config, study: str, system: str) -> list[Variation]:
    """Return the variations of a study for a system; none where it does not concern the system.

    Raises:
        ConfigError: the study or the system is not configured.
    """
    if study not in config.studies:
        raise ConfigError(
            f"studies.{study}: not configured{suggest(study, config.studies)}; configured: "
            f"{', '.join(config.studies) or 'none'}"
        )
    return expand(config, system).variations.get(study, [])


def expand(config: Config, system: str) -> Expansion:
    """Return the variations of all studies for a system; worked out once for a configuration.

    Raises:
        ConfigError: the system is not configured, or an override of it is invalid.
    """
    known: dict[str, Expansion] = config.derived.setdefault("expansions", {})
    if system not in known:
        expansion = Expansion()
        tasks = overrides.tasks(config, system)
        for study, options in config.studies.items():
            concerned = options.systems is None or system in options.systems
            if concerned and options.task in tasks:
                expansion.variations[study] = list(
                    _vary_study(config, study, options, system, expansion)
                )
        known[system] = expansion
    return known[system]


def _vary_study(
    config: Config, study: str, options: StudyOptions, system: str, expansion: Expansion
) -> Iterator[Variation]:
    for of in options.of:
        if of not in config.methods:
            continue  # reported where references are checked
        where = f"studies.{study}.vary, of {of!r} for {system}"
        made: dict[str, Values] = {}
        for chosen in itertools.product(*options.vary.values()):
            values = dict(zip(options.vary, chosen, strict=True))
            try:
                one = _vary(config, study, system, of, values, expansion)
            except VariationError as error:
                expansion.problems.append(f"{where}: {error}")
                continue
            content = _content(config, expansion, one)
            if content in made:
                expansion.problems.append(
                    f"{where}: {_told(made[content])} and {_told(values)} come to the same method; "
                    "leave one out"
                )
            made.setdefault(content, values)
            yield one


def _vary(
    config: Config, study: str, system: str, of: str, values: Values, expansion: Expansion
) -> Variation:
    options = config.studies[study]
    method = overrides.configured_method(config, system, of)
    model = None
    if method.model is not None and method.model in config.models:
        model = overrides.configured_model(config, system, method.model)
    of_method, of_model = _divide(method, model, values)
    told = [key for key, tried in options.vary.items() if len(tried) > 1]

    base = method.model
    if model is not None and base is not None and of_model:
        changed = _changed(model, of_model, of_model)
        if changed != model:
            name = "__".join([base, *name_parts(of_model)])
            label = label_of(model.label or base, changed, of_model, told)
            changed = changed.model_copy(update={"label": label})
            base = _enter(expansion.models, config.models, name, changed)
    extra: Values = {"model": base} if base != method.model else {}
    extra |= {"cases": options.cases} if options.cases is not None else {}
    varied = _changed(method, {**of_method, **extra}, of_method)
    name = of
    if varied != method:
        name = "__".join([of, *name_parts(values)])
        label = label_of(method.label or of, varied, values, told)
        varied = varied.model_copy(update={"label": label})
        name = _enter(expansion.methods, config.methods, name, varied)
    return Variation(study, system, of, name, base, values)


def _content(config: Config, expansion: Expansion, one: Variation) -> str:
    """Return all that a variation does, as text: two of the same text are one method."""
    method, model = expansion.methods.get(one.method), None
    if method is None:
        method = overrides.configured_method(config, one.system, one.method)
    if one.model is not None:
        model = expansion.models.get(one.model)
        if model is None and one.model in config.models:
            model = overrides.configured_model(config, one.system, one.model)
    sections = (method, model) if model is not None else (method,)
    plain = [one.model_dump(mode="json", exclude={"label", "model"}) for one in sections]
    return json.dumps(plain, sort_keys=True)


def _told(values: Mapping[str, Any]) -> str:
    """Write values for a message."""
    return ", ".join(f"{key} = {value!r}" for key, value in values.items())


def _divide(
    method: MethodOptions, model: ModelOptions | None, values: Values
) -> tuple[Values, Values]:
    """Divide options into those of the method and those of its model."""
    divided: tuple[Values, Values] = ({}, {})
    for key, value in values.items():
        homes = [_has(section, key) for section in (method, model)]
        if not any(homes):
            known = [*_keys(method), *(_keys(model) if model is not None else [])]
            raise VariationError(
                f"{key}: no option of the method or its model{suggest(key, known)}; allowed: "
                f"{', '.join(known)}, or an option in one of them"
            )
        divided[0 if homes[0] else 1][key] = value
    return divided


def _keys(section: BaseModel) -> list[str]:
    return [key for key in type(section).model_fields if key not in NOT_VARIED]


def _has(section: BaseModel | None, key: str) -> bool:
    """Whether an option is one of a section; of its parts, those that it may have at all."""
    if section is None:
        return False
    head, *rest = key.split(".")
    if head not in _keys(section):
        return False
    inner = explain.sections(type(section).model_fields[head].annotation)
    return not rest or any(rest[0] in one.model_fields for one in inner)


def _changed(section: M, values: Mapping[str, Any], named: Mapping[str, Any]) -> M:
    """Return a section with some values changed; `named` are those to name in a message."""
    plain = section.model_dump(exclude_unset=True)
    # Whole sections first, then their parts.
    for key, value in sorted(values.items(), key=lambda item: item[0].count(".")):
        *path, last = key.split(".")
        place: dict[str, Any] = plain
        there: object = section
        for part in path:
            outer, there = there, getattr(there, part, None)
            if place.get(part) is None:
                if there is None:
                    assert isinstance(outer, BaseModel)
                    there = _default(outer, part, key)
                place[part] = {}
            place = place[part]
        place[last] = _beside(place.get(last), value)
    try:
        return type(section).model_validate(plain)
    except ValidationError as error:
        told = _told(named)
        problems = "; ".join(explain.problems(error, type(section)))
        raise VariationError(f"{told}: {problems}") from error


def _default(outer: BaseModel, part: str, key: str) -> BaseModel:
    """Return the section that is meant where one is left out, if it can be only one."""
    kinds = list(explain.sections(type(outer).model_fields[part].annotation))
    if len(kinds) != 1 or any(one.is_required() for one in kinds[0].model_fields.values()):
        raise VariationError(f"{key}: there is no `{part}`; vary it as a whole beside")
    return kinds[0]()


def _beside(own: Any, value: Any) -> Any:
    """Return a value in the place of another; a section of the same name keeps what is not said."""
    both = isinstance(own, Mapping) and isinstance(value, Mapping)
    if both and own.get("name") == value.get("name"):
        return merge(own, value)
    return copy.deepcopy(value)


def _enter(known: dict[str, M], configured: Mapping[str, object], name: str, options: M) -> str:
    """Enter a section under a name, or under a longer one where another has it; return the name."""
    values = options.model_dump(mode="json", exclude={"label"})
    digits = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]
    if len(name) > NAME_LENGTH:
        name = f"{name[: NAME_LENGTH - 10].rstrip('_')}__{digits}"
    if name in known and values == known[name].model_dump(mode="json", exclude={"label"}):
        return name  # another study has it too
    if name in configured or name in known:
        name = f"{name[: NAME_LENGTH - 10].rstrip('_')}__{digits}"
    known[name] = options
    return name
