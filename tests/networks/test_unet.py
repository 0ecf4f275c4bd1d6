"""U-Net and its blocks: attention, levels, kernels, and the published size."""

from __future__ import annotations

import pytest
import torch
from small_networks import CHANNELS, UNET, call, make, relative
from torch import nn

from wdno.networks import REGISTRY
from wdno.networks.blocks import Attention, LinearAttention


def test_unet_starts_as_zero() -> None:
    network = REGISTRY.build("unet", dims=2, **CHANNELS, **UNET)
    assert not call(network, (8, 12), timed=False).any()


@pytest.mark.parametrize(
    "attention", ["none", "middle", "linear", "all", (False, True, False, True)]
)
@pytest.mark.parametrize("blocks", [2, (1, 2, 1)])
def test_unet_attention_and_blocks(attention, blocks) -> None:
    network = make("unet", attention=attention, blocks=blocks)
    assert call(network, (9, 12)).shape == (2, 2, 9, 12)
    layers = [type(module) for module in network.modules() if isinstance(module, Attention)]
    named = {"none": (0, 0), "middle": (1, 0), "linear": (1, 6), "all": (7, 0)}
    expected = named[attention] if isinstance(attention, str) else (3, 0)
    found = layers.count(Attention), layers.count(LinearAttention)
    assert found == expected, f"{found} full and linear attention layers, expected {expected}"


def test_linear_attention_is_that_of_its_matrix() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, 30, 8, dtype=torch.float64)
    layer = LinearAttention(16, heads=4, head_dim=8, groups=1)
    weights = q.softmax(-1) @ k.softmax(-2).transpose(-1, -2) / 8**0.5
    torch.testing.assert_close(layer.mix(q, k, v), weights @ v)
    # Each query's weights are a distribution over the points, but for the scale.
    torch.testing.assert_close(weights.sum(-1), torch.full((2, 4, 30), 8**-0.5).double())


def test_linear_attention_commutes_with_translation() -> None:
    torch.manual_seed(0)
    layer = LinearAttention(16, heads=2, head_dim=8, groups=1)
    torch.nn.init.normal_(layer.out.weight)
    x = torch.randn(2, 16, 6, 9)
    moved = layer(x.roll((2, 5), (2, 3)))
    torch.testing.assert_close(moved, layer(x).roll((2, 5), (2, 3)), rtol=1e-4, atol=1e-5)
    assert relative(layer(x), x) > 0.01, "it does something"


def test_unet_without_blocks_at_a_level_has_one_in_its_decoder() -> None:
    network = make("unet", blocks=(0, 1, 0), attention="all")
    assert call(network, (9, 13)).shape == (2, 2, 9, 13)
    counts = [[len(level.blocks) for level in side] for side in (network.encoder, network.decoder)]
    assert counts == [[0, 1, 0], [1, 1, 1]]


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_unet_kernels(kernel: int) -> None:
    network = make("unet", kernel=kernel, padding=("zeros", "circular"))
    assert call(network, (9, 13)).shape == (2, 2, 9, 13)


def test_parameters_of_the_published_unet() -> None:
    # arXiv 2412.04833: about 140.7 million for the 1D systems.
    with torch.device("meta"):
        network = REGISTRY.build(
            "unet",
            in_channels=8,
            out_channels=4,
            dims=2,
            time_conditioned=True,
            width=128,
            multipliers=(1, 2, 4, 8),
            attention="linear",
        )
    count = sum(p.numel() for p in network.parameters())
    assert abs(count / 140.7e6 - 1) < 0.01, f"{count} parameters"


@pytest.mark.parametrize("dims", [2, 3])
def test_pointwise_is_a_convolution_of_size_one(dims: int) -> None:
    from wdno.networks.blocks import Pointwise

    torch.manual_seed(0)
    layer, x = Pointwise(3, 5), torch.randn(2, 3, *(4, 6, 5)[:dims])
    convolve = (nn.functional.conv2d, nn.functional.conv3d)[dims - 2]
    expected = convolve(x, layer.weight.view(5, 3, *(1,) * dims), layer.bias)
    assert relative(layer(x), expected) < 1e-6
    # Other devices take the convolution.
    assert layer.to("meta")(x.to("meta")).shape == expected.shape


def test_group_normalisation_keeps_sixteen_channels_in_a_group() -> None:
    from wdno.networks.blocks import normalisation

    groups = {c: normalisation(c, 8).num_groups for c in (4, 16, 24, 32, 48, 80, 128, 1024)}
    assert groups == {4: 1, 16: 1, 24: 1, 32: 2, 48: 3, 80: 5, 128: 8, 1024: 8}
    assert normalisation(96, 4).num_groups == 4
