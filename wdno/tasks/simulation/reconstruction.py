"""What the way to the network's channels and back costs, before anything is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from wdno.evaluation.metric import Metric
from wdno.evaluation.scores.pointwise import relative_l2

if TYPE_CHECKING:
    from wdno.data.dataset import ProblemData
    from wdno.model import Model

RECONSTRUCTION = Metric(
    "reconstruction",
    "Reconstruction",
    "relative",
    better="neither",
    note="Reconstruction: relative L2 error of the truth that was made channels of the network, "
    "normalised, and made fields again: what representation and single precision cost.",
)


def reconstruction(
    model: Model, data: ProblemData, cases: int, batch_size: int
) -> NDArray[np.float64]:
    """Return how far the state is from itself, once encoded and decoded, of the first cases.

    Args:
        model: on any device.
        data: the test set.
        cases: number of cases N.
        batch_size: cases at a time.

    Returns:
        Relative L2 errors, ``[N]``; NaN where the truth is zero throughout.
    """
    device, found = model.target_scaler.scale.device, []
    for batch in data.batches(batch_size, cases):
        parts = {name: values.to(device) for name, values in batch.items()}
        with torch.no_grad():
            again = model.decode(model.encode(parts, parts), parts)["state"]
        found.append(relative_l2(batch["state"], again[:, None]))
    return np.concatenate(found)
