"""Digests of the code behind a stage, so that a change of code reruns the stages it concerns.

Snakemake notices changed rules, options and inputs, but not an edit of a module that a rule's
command imports. So each rule carries the digest of the modules that its stage uses
(:mod:`wdno.sources`). The labels and notes of metrics, which only tables and figures show, do not
count for stages that compute.

Pieces that are imported by name (``wdno.networks.unet``) cannot be found by reading imports; they
are listed as roots in :data:`STAGES`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from string import Formatter

from wdno.sources import DigestError, digest


@dataclass(frozen=True)
class Stage:
    """Where the code of a stage begins.

    Attributes:
        roots: Modules, with the names of configured pieces in braces.
        optional: Further ones, which count if the piece in their braces is given.
        without: Modules that the roots import and this stage never calls.
        presents: Whether the stage writes for readers, so that labels and notes of metrics count.
    """

    roots: tuple[str, ...]
    optional: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    presents: bool = False


MODEL = (
    "wdno.tasks.{task}.problem",
    "wdno.representations.{representation}",
    "wdno.networks.{network}",
    "wdno.objectives.{objective}",
)
STEPPING = "wdno.objectives.{stepping}"
TRAINER = "wdno.training.{trainer}"
MEASURED = "wdno.data.{measured}"
HALVED = "wdno.data.{halved}"
REWARDS = "wdno.tasks.{task}.{rewards}"
SCENE = "wdno.evaluation.figures.scene_figure"
LOSSES = "wdno.evaluation.figures.training"


def _presenting(*roots: str, without: Collection[str] = ()) -> Stage:
    return Stage(roots, without=frozenset(without), presents=True)


STAGES = {
    "fetch": Stage(("wdno.stages.data", "wdno.systems.{system}"), without=frozenset({"wdno.data"})),
    # How a record was downloaded is over when samples are cut from it.
    "generate": Stage(
        ("wdno.stages.data", "wdno.systems.{system}"), without=frozenset({"wdno.archives"})
    ),
    "statistics": Stage(("wdno.data.statistics",)),
    # Training minimises a loss and draws no samples, but those that it learns from.
    "train": Stage(
        ("wdno.stages.train", *MODEL),
        optional=(STEPPING, TRAINER, REWARDS, MEASURED, HALVED),
        without=frozenset({"wdno.diffusion.samplers"}),
    ),
    "evaluate": Stage(
        ("wdno.stages.evaluate", "wdno.tasks.{task}.evaluation", *MODEL),
        optional=(STEPPING, "wdno.diffusion.samplers.{sampler}"),
    ),
    "collect": Stage(
        ("wdno.stages.collect", "wdno.tasks.{task}.collection", *MODEL),
        optional=(STEPPING, "wdno.diffusion.samplers.{sampler}"),
    ),
    "collect_baseline": Stage(("wdno.stages.collect", "wdno.tasks.{task}.collection")),
    "evaluate_baseline": Stage(("wdno.stages.evaluate", "wdno.tasks.{task}.evaluation")),
    "card": _presenting("wdno.data.card"),
    "scene": _presenting("wdno.stages.figures", SCENE, without=("wdno.studies", LOSSES)),
    "training": _presenting("wdno.stages.figures", LOSSES, without=("wdno.studies", SCENE)),
    "table": _presenting(
        "wdno.stages.tables",
        "wdno.tasks.{task}.table",
        without=("wdno.studies", "wdno.data.card"),
    ),
    "figure": _presenting(
        "wdno.stages.figures",
        "wdno.tasks.{task}.figures",
        without=("wdno.studies", SCENE, LOSSES),
    ),
    "paper": _presenting("wdno.stages.paper"),
    "study": _presenting(
        *("wdno.stages.tables", "wdno.stages.figures"),
        *("wdno.studies.table", "wdno.studies.figure", "wdno.tasks.{task}.metrics"),
        without=("wdno.data.card", SCENE, LOSSES),
    ),
}
"""The stages of the workflow, by what they do."""


def stage_digest(stage: str, *, also: Sequence[str] = (), **names: str) -> str:
    """Return the digest of the code of a stage.

    Args:
        stage: A key of :data:`STAGES`.
        also: Further modules whose code counts, even of a package that the stage leaves out.
        **names: Values for the braces in its roots, such as ``network="unet"``; those of a model
            are `ModelOptions.pieces`.

    Returns:
        16 hexadecimal digits.

    Raises:
        DigestError: Unknown stage, a name that is missing, or one that has no module.
    """
    roots = stage_roots(stage, **names)
    left_out = {
        name
        for name in STAGES[stage].without
        if not any(one == name or one.startswith(f"{name}.") for one in also)
    }
    return digest(*roots, *also, without=left_out, words=STAGES[stage].presents)


def stage_roots(stage: str, **names: str) -> tuple[str, ...]:
    """Return the modules that the code of a stage begins in; see :func:`stage_digest`."""
    if stage not in STAGES:
        raise DigestError(f"unknown stage {stage!r}: expected one of {', '.join(STAGES)}")
    optional = (root for root in STAGES[stage].optional if _braces(root) <= names.keys())
    try:
        return tuple(root.format(**names) for root in (*STAGES[stage].roots, *optional))
    except KeyError as error:
        raise DigestError(
            f"stage {stage!r} needs {error.args[0]!r}: given {', '.join(names) or 'nothing'}"
        ) from error


def _braces(root: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(root) if name}
