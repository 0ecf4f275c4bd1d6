"""What options of systems that read a user's files share: names of files, and shares of splits."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field as Option
from pydantic import NonNegativeFloat, model_validator

from wdno.options import Section


def matching(name: str) -> list[str]:
    """Return the files that a path stands for, in alphabetical order.

    `*`, `?` and `[...]` in a name, also of a folder, stand for several, unless there is a file or
    folder of just that name. Where there is none, the path itself is returned, so that an error
    names it.
    """
    path = Path(name).expanduser()
    return [str(found) for found in _matching(path) or [path]]


def _matching(path: Path) -> list[Path]:
    if path.exists() or path == path.parent:
        return [path] if path.exists() else []
    return sorted(found for folder in _matching(path.parent) for found in folder.glob(path.name))


class SharesOptions(Section):
    """Shares of validation and test; the rest is for training."""

    validation: NonNegativeFloat = Option(default=0.15, lt=1, description="Share of validation.")
    test: NonNegativeFloat = Option(default=0.15, lt=1, description="Share of test.")

    @model_validator(mode="after")
    def _leave_training(self) -> SharesOptions:
        if self.validation + self.test >= 1:
            raise ValueError(
                "splits: the shares of validation and test must leave some of training"
            )
        return self
