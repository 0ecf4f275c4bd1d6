"""Networks tile by tile."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from wdno.networks.fno import Network as FNO
from wdno.networks.tiling import Tiled
from wdno.networks.unet import UNet

LOCAL: dict[str, Any] = {"attention": "none", "normalisation": "point", "groups": 1}


def unet(dims: int, padding: tuple[str, ...], **options: Any) -> UNet:
    torch.manual_seed(0)
    options = {**LOCAL, "width": 4, "multipliers": (1, 2, 2), "blocks": [0, 1, 2], **options}
    network = UNet(2, 1, dims=dims, time_conditioned=True, padding=padding, **options)
    with torch.no_grad():  # blocks start as the identity
        for weights in network.parameters():
            weights.add_(0.2 * torch.randn_like(weights))
    return network.double().eval()


SMALL = {"multipliers": (1, 1), "blocks": [0, 1]}


@pytest.mark.parametrize("norm", ["point", "none"])
@pytest.mark.parametrize(
    ("padding", "grid", "tile", "options"),
    [
        (("zeros",), (613,), 18, {}),
        (("circular",), (640,), 18, {}),
        (("zeros", "circular"), (181, 208), 98, {}),
        (("zeros", "zeros"), (41, 301), 18, {}),
        (("zeros", "zeros", "zeros"), (7, 31, 61), 18, SMALL),
        (("zeros", "circular", "zeros"), (29, 8, 60), 16, SMALL),
    ],
)
def test_tiles_make_up_the_whole(
    padding: tuple[str, ...], grid: tuple[int, ...], tile: int, options: dict[str, Any], norm: str
) -> None:
    network = unet(len(grid), padding, normalisation=norm, **options)
    tiled = Tiled(network, tile, [kind == "circular" for kind in padding])
    seen: list[tuple[int, ...]] = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape[2:])))
    x, t = torch.randn(2, 2, *grid, dtype=torch.float64), torch.rand(2, dtype=torch.float64)
    with torch.no_grad():
        whole = network(x, t)
        seen.clear()
        found = tiled(x, t)
    torch.testing.assert_close(found, whole, rtol=1e-9, atol=1e-11)
    assert len(seen) > 1
    # Memory is that of a tile with its margin, whatever the grid.
    most = [tiled.tile + 2 * margin for margin in tiled.margin]
    assert all(n <= m for one in seen for n, m in zip(one, most, strict=True))


def test_the_reach_is_that_of_the_weights() -> None:
    """No input beyond it moves an output, and one near it does."""
    network = unet(1, ("zeros",), normalisation="none")
    (reach,) = network.reach() or (0,)
    x = torch.randn(1, 2, 801, dtype=torch.float64, requires_grad=True)
    network(x, torch.zeros(1, dtype=torch.float64))[0, 0, 400].backward()
    assert x.grad is not None
    moved = x.grad.abs().sum((0, 1)).nonzero().flatten()
    assert reach // 2 < max(400 - int(moved[0]), int(moved[-1]) - 400) <= reach


def test_a_small_grid_is_seen_whole() -> None:
    network = unet(2, ("zeros", "zeros"))
    x, t = torch.randn(1, 2, 16, 18, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    assert torch.equal(Tiled(network, 18, (False, False))(x, t), network(x, t))


@pytest.mark.parametrize("options", [{"normalisation": "group"}, {"attention": "middle"}])
def test_a_network_that_depends_on_the_whole_grid_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="depends on the whole grid"):
        Tiled(unet(2, ("zeros", "zeros"), **options), 16, (False, False))
    with pytest.raises(ValueError, match="FNO depends on the whole grid"):
        Tiled(FNO(1, 1, dims=1, modes=2, width=4, layers=1), 16, (False,))


def test_the_layout_of_channels_is_kept() -> None:
    network = unet(2, ("zeros", "zeros"))
    x: Tensor = torch.randn(1, 2, 32, 32, dtype=torch.float64)
    assert network(x, torch.zeros(1, dtype=torch.float64)).is_contiguous()
