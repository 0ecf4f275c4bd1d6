"""AdamW, its state as named tensors, and the bound on the gradient."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from wdno.training.settings import TrainingSettings

Named = dict[str, nn.Parameter]


def trained_parameters(model: nn.Module) -> Named:
    """Parameters that are trained, by name, each once.

    Raises:
        ValueError: There are none.
    """
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not named:
        raise ValueError(f"training: {type(model).__name__} has no parameters to train")
    return named


def build_optimiser(parameters: Named, settings: TrainingSettings) -> torch.optim.AdamW:
    """AdamW (arXiv 1711.05101); weight decay applies to parameters of two dimensions or more.

    Real parameters take PyTorch's fused form, three times as fast on CPUs as the others. Complex
    ones, such as the spectral weights of a Fourier neural operator, cannot; their real and
    imaginary parts are two parameters to Adam.
    """
    groups = []
    for is_matrix in (True, False):
        for is_complex in (False, True):
            members = [
                p
                for p in parameters.values()
                if (p.ndim >= 2) == is_matrix and p.is_complex() == is_complex
            ]
            form = "foreach" if is_complex else "fused"
            decay = settings.weight_decay if is_matrix else 0.0
            if members:
                groups.append({"params": members, "weight_decay": decay, form: True})
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas)


def set_learning_rate(optimiser: torch.optim.Optimizer, value: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = value


def clip_gradient(parameters: list[nn.Parameter], largest: float | None) -> Tensor:
    """Scale the gradient down to a norm; the norm before that is returned, a scalar."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    if largest is not None:
        nn.utils.clip_grads_with_norm_(parameters, largest, norm)
    return norm


def optimiser_tensors(optimiser: torch.optim.Optimizer, parameters: Named) -> dict[str, Tensor]:
    """State of the optimiser, by `<parameter>/<quantity>`."""
    return {
        f"{name}/{key}": value
        for name, parameter in parameters.items()
        for key, value in optimiser.state.get(parameter, {}).items()
    }


@torch.no_grad()
def restore_optimiser(
    optimiser: torch.optim.Optimizer, parameters: Named, tensors: Mapping[str, Tensor]
) -> None:
    """Put back what `optimiser_tensors` gave, in the memory format of the parameters."""
    fused = {p for group in optimiser.param_groups if group["fused"] for p in group["params"]}
    for name, parameter in parameters.items():
        state = {}
        for key in ("step", "exp_avg", "exp_avg_sq"):
            stored = tensors.get(f"{name}/{key}")
            if stored is None:
                continue
            if key == "step":  # elsewhere than the fused form has it, it would be waited for
                state[key] = stored.to(parameter.device if parameter in fused else "cpu", copy=True)
            else:
                state[key] = torch.empty_like(parameter).copy_(stored)
        if state:
            optimiser.state[parameter] = state
