"""What the stages of tables and figures need of a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wdno import config as configuration
from wdno import tasks
from wdno.stages import _read
from wdno.studies.expand import variations
from wdno.studies.results import StudyResults


def studied(config: configuration.Config, study: str, inputs: Sequence[Path]) -> StudyResults:
    """Read the records of a study.

    Args:
        config: the configuration.
        study: name of the study.
        inputs: folders of the evaluations of its variations, on all systems.

    Raises:
        ConfigError: there is no such study.
        EvaluationError: a folder holds no complete record, or they are not those of the study.
        MetricError: the study asks for a metric that its task does not have.
    """
    systems = configuration.system_names(config)
    found = [one for system in systems for one in variations(config, study, system)]
    options = config.studies[study]
    metrics = tasks.REGISTRY.module(options.task, "metrics")
    records = _read.records(config, inputs, examples=False)
    _read.require_task(records, options.task, inputs)
    return StudyResults.collect(
        found,
        records,
        title=options.label or study,
        metrics=[metrics.METRICS[name] for name in options.metrics or [metrics.COMPARED]],
        labels={name: config.methods[name].label or name for name in options.of},
    )
