"""Files of a call, by their roles: exactly those that are needed."""

from __future__ import annotations

from collections.abc import Collection

from wdno import config as configuration


def require_files(owner: str, option: str, given: Collection[str], needed: Collection[str]) -> None:
    """Refuse other files than a method or a model needs, by their roles.

    Args:
        owner: what needs them, such as "model 'wdno'".
        option: of the command line that gives them.
        given: roles of those that are given.
        needed: roles of those that are needed.

    Raises:
        ConfigError: naming the option, what is needed and what was given.
    """
    if set(given) != set(needed):
        raise configuration.ConfigError(
            f"{owner} needs {option} of: {', '.join(needed) or 'none'}; given: "
            f"{', '.join(given) or 'none'}"
        )
