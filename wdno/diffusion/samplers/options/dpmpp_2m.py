"""Options of the sampler `dpmpp_2m`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from wdno.diffusion.samplers.options.base import SamplerOptions


class DPMPP2MOptions(SamplerOptions):
    """Second-order multistep DPM-Solver++ (arXiv 2211.01095), deterministic."""

    label: ClassVar[str] = "DPM-Solver++(2M)"

    name: Literal["dpmpp_2m"] = Field(description="Deterministic solver of second order.")


Options = DPMPP2MOptions
