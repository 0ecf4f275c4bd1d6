"""Whether what tables and figures show side by side has names that tell it apart."""

from __future__ import annotations

from collections.abc import Mapping

from wdno.config.lookup import labels
from wdno.config.overrides import system, system_names, tasks
from wdno.config.root import Config
from wdno.studies import expand

TRUTH = "Truth"
"""What figures call the exact solution."""


def check_names(config: Config) -> list[str]:
    """Refuse names that tables and figures could not tell apart, and those of other things.

    Args:
        config: a configuration that is otherwise sound.
    """
    titles = {name: system(config, name).title for name in system_names(config)}
    problems = [
        f"systems.{' and systems.'.join(names)}: have the same title {title!r}; give each its own"
        for title, names in _shared({name: title for name, title in titles.items() if title})
    ]
    for name in titles:
        for task, options in tasks(config, name).items():
            found = labels(config, name, task)
            listed = {method: found[method] for method in options.methods}
            problems += _check(f"systems.{name}.tasks.{task}.methods", listed)
    for study, chosen in config.studies.items():
        if any(expand.variations(config, study, name) for name in titles):
            varied = {of: config.methods[of].label or of for of in chosen.of}
            problems += _check(f"studies.{study}.of", varied)
    return problems


def _check(where: str, named: Mapping[str, str]) -> list[str]:
    """Refuse methods of the same name, and one that is called as the exact solution is."""
    problems = [
        f"{where}: {' and '.join(map(repr, names))} are called {label!r} in its table and figures; "
        "give each a label of its own"
        for label, names in _shared(named)
    ]
    problems += [
        f"{where}: {name!r} is called {label!r}, as the exact solution is in figures; give it "
        "another label"
        for name, label in named.items()
        if _key(label) == _key(TRUTH)
    ]
    return problems


def _shared(named: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Return each name that several have, as it is first written, with those that have it."""
    groups: dict[str, list[str]] = {}
    for one, label in named.items():
        groups.setdefault(_key(label), []).append(one)
    return [(named[those[0]], those) for those in groups.values() if len(those) > 1]


def _key(label: str) -> str:
    """Return what counts of a name: headings are in lower case, and lines break at spaces."""
    return " ".join(label.casefold().split())
