"""Options of the representation `identity`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from wdno.representations.options.base import RepresentationOptions


class IdentityOptions(RepresentationOptions):
    """The fields themselves, one channel each."""

    local_in_time: ClassVar[bool] = True

    name: Literal["identity"] = Field(description="The fields on their grid.")


Options = IdentityOptions
