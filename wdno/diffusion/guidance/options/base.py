"""What every guidance has among its options."""

from __future__ import annotations

from pydantic import Field

from wdno.options import Section


class GuidanceOptions(Section):
    """How samples are drawn towards low J."""

    name: str = Field(description="Guidance.")
    weight: float = Field(default=1.0, ge=0.0, description="Strength; 0 draws without guidance.")
