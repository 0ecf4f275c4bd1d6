"""Configuration: the one source of every option, of its type, its default and its description."""

from wdno.config.base import ConfigError
from wdno.config.resolve import (
    dump,
    labels,
    load,
    merge,
    method,
    model,
    system,
    system_names,
    validate,
)
from wdno.config.root import Config, MethodOptions, ModelOptions, SamplerOptions, SystemConfig

__all__ = [
    "Config",
    "ConfigError",
    "MethodOptions",
    "ModelOptions",
    "SamplerOptions",
    "SystemConfig",
    "dump",
    "labels",
    "load",
    "merge",
    "method",
    "model",
    "system",
    "system_names",
    "validate",
]
