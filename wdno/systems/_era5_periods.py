"""Options of the ERA5 system: which times are for training, validation and test."""

from __future__ import annotations

import datetime
import math
from typing import Annotated

from pydantic import BeforeValidator
from pydantic import Field as Option

from wdno.options import Section
from wdno.systems._era5_windows import SPLITS


def _text(value: object) -> object:
    # YAML reads an unquoted 2019-03-01 as a date.
    return value.isoformat() if isinstance(value, datetime.date) else value


Date = Annotated[str, BeforeValidator(_text, json_schema_input_type=str)]


class PeriodsOptions(Section):
    """Periods of time, each a first and a last date (or time, `2019-03-01T06:00`), included.

    Times are in UTC; those with an offset, `2019-03-01T06:00+05:00`, are converted.
    """

    train: list[Date] = Option(min_length=2, max_length=2, description="Training period.")
    validation: list[Date] = Option(min_length=2, max_length=2, description="Validation period.")
    test: list[Date] = Option(min_length=2, max_length=2, description="Test period.")

    def hours(self) -> dict[str, tuple[int, int]]:
        """Return the first and the last full hour of each period, since 1970.

        A last date counts to its end.

        Raises:
            ValueError: A text is no date.
        """
        found = {}
        for name in SPLITS:
            first, last = getattr(self, name)
            found[name] = (math.ceil(_hours(first, name)), math.floor(_hours(last, name, 23)))
        return found


def _hours(text: str, split: str, of_day: int = 0) -> float:
    """Hours since 1970 of a time, or of an hour of a date."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"periods.{split}: {text!r} is not a date, such as '2019-03-01', '2019-03-01T06:00' or "
            "'2019-03-01T06:00+05:00'"
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp() / 3600 + (of_day if len(text) <= len("2019-03-01") else 0)
