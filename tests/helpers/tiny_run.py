"""What the tiny run consists of, and which of its jobs a change concerns."""

from __future__ import annotations

from snakemake_project import ROOT

from wdno import config as configuration
from wdno.studies.expand import variations

CONFIG = configuration.load(ROOT / "config/config.yaml", ROOT / "tests/config/tiny.yaml")
SEEDS = tuple(CONFIG.seeds)
MODELS = ("ddpm", "fno", "wdno")
DIFFUSION = ("ddpm", "wdno")
METHODS = (*MODELS, "persistence")

STUDIES = CONFIG.studies
VARIATIONS = [one for study in STUDIES for one in variations(CONFIG, study, "burgers")]
STUDIED = tuple(dict.fromkeys(one.method for one in VARIATIONS))
"""Methods that the studies add."""

SHOWN = ("error_over_time", "error_by_steepness", "spectra", "trajectories")
FIGURES = {f"simulation_{name}": f"burgers_simulation_{name}" for name in SHOWN}
"""Rules of figures, with the names of their files."""
ERROR_FIGURES = tuple(FIGURES)
STUDY_JOBS = tuple(f"{rule} {name}" for rule in ("study_table", "study_figure") for name in STUDIES)
FIGURES |= {"training": "burgers_simulation_training"}
FIGURES |= {f"study_figure {name}": f"study_{name}" for name in STUDIES}
TABLES = ("simulation", *(f"study_{name}" for name in STUDIES))
PAPER = "paper_pages"
SHOWING = ("simulation_table", *ERROR_FIGURES, *STUDY_JOBS, PAPER)
"""Jobs that show errors: the tables, the pages and the figures, but that of losses."""


def each(rule: str, names: tuple[str, ...] = ("wdno",)) -> list[str]:
    """The jobs of a rule: one for each seed, but of what is not trained."""
    seeds = {"persistence": SEEDS[:1]}
    return [f"{rule} {name} {seed}" for name in names for seed in seeds.get(name, SEEDS)]


def studied(*models: str) -> tuple[str, ...]:
    """The methods of studies that sample these models."""
    return tuple(dict.fromkeys(one.method for one in VARIATIONS if one.of in models))


def after_evaluation(*models: str) -> list[str]:
    """The jobs that another way of sampling these models brings."""
    added = studied(*models)
    jobs = [*each("evaluate", models), *each("evaluate", added), *ERROR_FIGURES]
    return [*jobs, "simulation_table", PAPER, *(STUDY_JOBS if added else ())]


def after_training(*models: str) -> list[str]:
    """The jobs that a new training of these models brings."""
    return [*each("train", models), "training", *after_evaluation(*models)]
