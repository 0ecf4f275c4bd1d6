"""Whether a model of another task can be the base of super-resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdno.options import shown
from wdno.problem import ProblemError
from wdno.tasks.superresolution.sections import BASE_TASK

if TYPE_CHECKING:
    from wdno.data.dataset import Layout
    from wdno.grids.levels import Grid
    from wdno.model import Model


def require_base(model: Model, layout: Layout, grid: Grid, path: object, file: object) -> None:
    """Refuse a base model of another grid, of other boundaries or of other fields.

    Args:
        model: the base model.
        layout: of the data that it is to predict, or of the same on a finer grid.
        grid: on which it predicts them.
        path: the data file, for the message.
        file: the model's, for the message.

    Raises:
        ProblemError: naming what it generates, what is expected, both files and what to do.
    """
    own = model.problem
    fields = {part.name: part.fields for part in own.generated}
    wanted = {"state": layout.state} | ({"series": layout.series} if layout.series else {})
    if (own.grid, own.boundaries, fields) != (grid.shape, layout.boundaries, wanted):
        raise ProblemError(
            f"the model {file} of the task {BASE_TASK} generates {fields} on {shown(own.grid)}, "
            f"expected {wanted} on {shown(grid.shape)}, from which {path} is refined; train it "
            "again, or generate the data with the options that the model had"
        )
