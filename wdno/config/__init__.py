"""Configuration: the one source of every option, of its type, its default and its description."""

from wdno.config.base import ConfigError, merge
from wdno.config.code import method_code, training_code
from wdno.config.lookup import (
    labels,
    method,
    method_with_models,
    methods_of,
    model,
    reference,
    studies,
    title,
)
from wdno.config.methods import MethodOptions
from wdno.config.models import ModelOptions, TrainingOptions
from wdno.config.needs import collections, known_samples, models_for, models_of, trainings
from wdno.config.overrides import system, system_names, tasks
from wdno.config.resolve import dump, load, over_default, read, validate
from wdno.config.root import Config, EvaluationOptions, SystemConfig
from wdno.config.yaml_text import typed

__all__ = [
    "Config",
    "ConfigError",
    "EvaluationOptions",
    "MethodOptions",
    "ModelOptions",
    "SystemConfig",
    "TrainingOptions",
    "collections",
    "dump",
    "known_samples",
    "labels",
    "load",
    "merge",
    "method",
    "method_code",
    "method_with_models",
    "methods_of",
    "model",
    "models_for",
    "models_of",
    "over_default",
    "read",
    "reference",
    "studies",
    "system",
    "system_names",
    "tasks",
    "title",
    "training_code",
    "trainings",
    "typed",
    "validate",
]
