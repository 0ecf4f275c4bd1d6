"""What a model is asked with, checked before it is: the given parts, and the sampler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from wdno.options import shown
from wdno.problem import Part, Problem, ProblemError, along

if TYPE_CHECKING:
    from wdno.problem import Batch


def check_given(problem: Problem, batch: Batch, level: int, like: Tensor) -> None:
    """Refuse given parts that are missing, or of another shape, type or device than the model's.

    Args:
        problem: of the model.
        batch: the given parts; others may stand in it, too.
        level: of the grid that the batch is on, see :meth:`Problem.grid_at`.
        like: a tensor of the model.

    Raises:
        ProblemError: naming the part, what was expected, what came, and what to do.
    """
    missing = [part.name for part in problem.given if part.name not in batch]
    if missing:
        names = ", ".join(part.name for part in problem.given)
        raise ProblemError(
            f"batch: the given parts are {names}; {', '.join(missing)} is missing from "
            f"{', '.join(map(str, batch)) or 'an empty batch'}"
        )
    cases: int | None = None
    for part in problem.given:
        values = batch[part.name]
        where = f"batch: given part {part.name!r} ({', '.join(part.fields)})"
        if not isinstance(values, Tensor):
            raise ProblemError(
                f"{where}: expected a tensor, got {type(values).__name__}; make one by "
                "torch.as_tensor"
            )
        _check_shape(where, problem, part, level, values)
        if cases not in (None, len(values)):
            raise ProblemError(f"{where}: {len(values)} cases, the parts before have {cases}")
        cases = len(values)
        if (values.dtype, values.device) != (like.dtype, like.device):
            raise ProblemError(
                f"{where}: {values.dtype} on {values.device}, the model is {like.dtype} on "
                f"{like.device}; convert the part or the model by .to"
            )


def _check_shape(where: str, problem: Problem, part: Part, level: int, values: Tensor) -> None:
    grid = problem.grid_at(level + 1 if part.halved else level)
    expected = (len(part.fields), *along(part.span, grid))
    if values.ndim == len(expected) + 1 and tuple(values.shape[1:]) == expected:
        return
    raise ProblemError(
        f"{where}: expected the shape [cases, {', '.join(map(str, expected))}], got "
        f"{list(values.shape)}; the model's grid is {shown(grid)}, time first. Where "
        "representation and network take another one, ask model.on_grid(grid)"
    )


def check_sampling(sampling: Mapping[str, Any]) -> None:
    """Refuse a sampler without name or steps.

    Raises:
        ValueError: saying what was expected and what came.
    """
    if not isinstance(sampling, Mapping) or not {"name", "steps"} <= set(sampling):
        raise ValueError(
            "sampling: expected the name of a sampler, its steps, and what options it has, such as "
            f"{{'name': 'ddim', 'steps': 10}}; got {sampling!r}"
        )
