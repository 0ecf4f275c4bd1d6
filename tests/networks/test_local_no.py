"""Local neural operator: refused without its package, and with it the package's."""

from __future__ import annotations

import importlib.metadata

import pytest
import torch
from small_networks import BATCH, CHANNELS, call, descend, relative

from wdno.networks import REGISTRY
from wdno.networks.options import local_no
from wdno.networks.options.local_no import LocalNOOptions

OPTIONS = {"modes": 4, "width": 6, "layers": 2}
needs_package = pytest.mark.skipif(
    local_no.missing() is not None, reason="torch-harmonics 0.7 is not installed"
)


def build(**options) -> torch.nn.Module:
    torch.manual_seed(0)
    return REGISTRY.build("local_no", **CHANNELS, **OPTIONS | options)


@pytest.mark.parametrize("version", [None, "0.9.3"])
def test_is_refused_without_its_package_before_anything_runs(monkeypatch, version) -> None:
    def found(name: str) -> str:
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", found)
    (problem,) = LocalNOOptions(name="local_no").check((16, 16))
    assert "torch-harmonics" in problem and "pip install" in problem
    assert f"got {version or 'none'}" in problem
    with pytest.raises(ImportError, match=r"local_no: it needs the package torch-harmonics"):
        build()


def test_check_refuses_other_axes_and_modes(monkeypatch) -> None:
    monkeypatch.setattr(local_no, "missing", lambda: None)
    check = LocalNOOptions(name="local_no", modes=4, radius=3).check
    assert check((4, 8), (False, True)) == []
    assert "has 1 axes" in check((8,))[0] and "has 3 axes" in check((8, 8, 8))[0]
    assert "allowed: 1 to 3" in check((3, 8))[0]
    assert (
        "radius = 3"
        in LocalNOOptions(name="local_no", modes=2, radius=3).check((2, 8), (True, True))[0]
    )
    with pytest.raises(ValueError, match="local_no: expected a grid of 2 axes, got 1"):
        build(dims=1)


@needs_package
def test_is_that_of_the_package_where_axes_end() -> None:
    from neuralop.models.local_no import LocalNO as Package

    torch.manual_seed(0)
    theirs = Package(
        n_modes=(4, 4),
        in_channels=3,
        out_channels=2,
        hidden_channels=6,
        default_in_shape=[64, 64],
        n_layers=2,
        conv_padding_mode="zeros",
        positional_embedding=None,
    )
    ours = build(positional_embedding=False, domain_padding=0.0)
    x = torch.randn(1, 3, 64, 64)
    assert relative(ours(x), theirs(x)) < 1e-5


@needs_package
@pytest.mark.parametrize("radius", [1, 2])
def test_local_operators_reach_as_far_as_they_should(radius: int) -> None:
    network = build(radius=radius).double()
    h = torch.zeros(1, 6, 11, 11, dtype=torch.float64)
    h[..., 5, 5] = 1.0
    alone = network.integrals[0](h) - network.integrals[0].bias.view(1, -1, 1, 1)
    rows = alone.abs().sum((0, 1, 3)).nonzero().flatten()
    assert (rows.min().item(), rows.max().item()) == (5 - radius, 5 + radius)
    constant = torch.ones(1, 6, 9, 9, dtype=torch.float64)
    assert network.differences[0](constant, 1.0)[..., 1:-1, 1:-1].abs().max() < 1e-12


@needs_package
@pytest.mark.parametrize("axis", [0, 1])
def test_circular_axes_commute_with_translation(axis: int) -> None:
    x = torch.randn(2, 3, 8, 9, dtype=torch.float64)
    padding = ["zeros", "zeros"]
    errors = {}
    for kind in ("zeros", "circular"):
        padding[axis] = kind
        network = build(padding=tuple(padding), radius=2).double()
        moved = network(x.roll(1, axis + 2))
        errors[kind] = relative(moved, network(x).roll(1, axis + 2))
    assert errors["circular"] < 1e-12 and errors["zeros"] > 1e-4, errors


@needs_package
def test_every_parameter_has_a_gradient_and_a_diffusion_time_matters() -> None:
    network = build(time_conditioned=True)
    y = call(network, (8, 12))
    y.square().sum().backward()
    missing = [key for key, p in network.named_parameters() if not p.grad.abs().max() > 0]
    assert not missing, f"no gradient in {missing}"
    x = torch.randn(2, 3, 8, 12)
    assert (
        relative(network(x, torch.tensor([0.1, 0.9])), network(x, torch.tensor([0.9, 0.1]))) > 1e-3
    )


@needs_package
def test_one_batch_is_learnt_to_near_zero() -> None:
    network = build(width=24, layers=3, domain_padding=0.0)
    x, target = torch.randn(2, 3, *BATCH), torch.randn(2, 2, *BATCH)
    losses = descend(network, target, x, steps=400, share=5e-3)
    assert losses[-1] < 5e-3 * losses[0], f"loss {losses[0]:.1e} -> {losses[-1]:.1e}"
