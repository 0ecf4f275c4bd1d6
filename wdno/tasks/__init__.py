"""Tasks: what is given, what is generated, and how the outcome is scored, a package each.

A task is independent of every other. Its package has the modules

- `options`: the light one, `Options`, its section of the configuration;
- `problem`: `problem`, what is given and generated in a data file, and `data`, the samples as such;
- `evaluation`: `evaluate`, from trained models and data to a record;
- `metrics`: `METRICS`, what its scores mean, and `COMPARED`, the one that ratios are made of;
- `table`: `table`, from records to its table;
- `figures`: `FIGURES`, from records to each of its figures.
"""

from __future__ import annotations

from wdno.registry import Registry

REGISTRY = Registry("task", __name__)
