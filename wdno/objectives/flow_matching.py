r"""Flow matching: the network learns the velocity from noise to data on straight paths.

With $x_t = (1 - t) x_0 + t \epsilon$, so that time runs from data to noise as it does in diffusion,

$$ L = E_{t, x_0, \epsilon} \| w_\theta(x_t, t) - (\epsilon - x_0) \|^2, $$

whose minimum is the velocity $E[\epsilon - x_0 \mid x_t]$ of a flow that takes noise to data
(rectified flow, arXiv 2209.03003; flow matching with the optimal-transport path, 2210.02747;
$1 - t$ is the time there). With wavelets it is the flow in wavelet space of arXiv 2605.16573.

It is diffusion with another schedule (:class:`wdno.diffusion.schedule.Straight`) and another
quantity that is predicted, so that samplers, guidance, stepping and all tasks are the same. `euler`
and `heun` are the samplers of the flow; where the paths that data take are nearly straight, few of
their steps suffice.
"""

from __future__ import annotations

from typing import Literal

from torch import nn

from wdno.objectives.diffusion import Diffusion


class FlowMatching(Diffusion):
    """A flow from noise to data, under conditions that are clean channels beside the noisy ones."""

    def __init__(
        self, network: nn.Module, *, prediction: Literal["velocity", "x0"] = "velocity"
    ) -> None:
        """Make the denoiser; training times are continuous.

        Args:
            network: ``([B, C + D, *grid], [B]) -> [B, C, *grid]``.
            prediction: what the network predicts.
        """
        super().__init__(network, schedule="straight", prediction=prediction, training_times=0)


Objective = FlowMatching
