"""Auto-encoders with a transition: the parts, their losses, grids, and the published size."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from small_networks import CHANNELS, count, make, relative
from torch.nn import functional

from wdno.config.models import ModelOptions
from wdno.networks import REGISTRY
from wdno.networks.cnn import _AutoEncoder
from wdno.networks.options.cnn import CNNOptions


def test_has_the_published_number_of_parameters() -> None:
    # arXiv 2412.04833: 156 346, for one channel each on 120 points: 2 x 77 977 + 392.
    with torch.device("meta"):
        network = REGISTRY.build("cnn", in_channels=2, out_channels=1, dims=1, grid=(120,))
    parts = [count(coder) for coder in network.coders]
    assert (count(network), parts, count(network.transition)) == (156_346, [77_977] * 2, 392)


def test_the_next_frame_is_decoded_from_the_transition_of_both_codes() -> None:
    network = make("cnn", 1, grid=(10,), timed=False).double()
    x = torch.randn(2, 3, 10, dtype=torch.float64)
    frame, acting = network.coders
    codes = torch.cat((frame.encode(x[:, :2]), acting.encode(x[:, 2:])), dim=1)
    layer = network.transition.convolution
    code = functional.conv1d(codes, layer.weight, layer.bias, padding=1)
    assert code.shape == (2, 8, 3)  # a quarter of the points
    assert relative(network(x), frame.decode(code)) < 1e-12


def test_auxiliary_losses_are_those_of_reconstructions_and_of_the_code() -> None:
    network = make("cnn", 1, grid=(10,), timed=False).double()
    x, wanted = torch.randn(3, 3, 10).double(), torch.randn(3, 2, 10).double()
    output, loss = network.supervised(x, wanted)
    assert torch.equal(output, network(x))
    u, f = x[:, :2], x[:, 2:]
    frame, acting = network.coders
    code = network.transition(torch.cat((frame.encode(u), acting.encode(f)), dim=1))
    there = frame.encode(wanted)

    def mean(h: torch.Tensor) -> torch.Tensor:
        return h.square().mean((1, 2))

    # Published: 2.5 for the next frame, 0.5, 1 and 1.
    expected = 0.5 * mean(frame.decode(frame.encode(u)) - u)
    expected = expected + mean(acting.decode(acting.encode(f)) - f)
    expected = (expected + mean(code - there) / mean(there)) / 2.5
    torch.testing.assert_close(loss, expected.to(loss.dtype), rtol=1e-5, atol=1e-6)


def test_auxiliary_losses_vanish_for_a_network_that_is_right() -> None:
    # With codes that are zero, and frames that are, everything is right but the relative part.
    network = make("cnn", 1, grid=(8,), timed=False)
    with torch.no_grad():
        for coder in network.coders:
            for layer in (coder.up[-1].convolution,):
                layer.weight.zero_()
                layer.bias.zero_()
        network.transition.convolution.weight.zero_()
        network.transition.convolution.bias.zero_()
    _, loss = network.supervised(torch.zeros(1, 3, 8), torch.zeros(1, 2, 8))
    assert loss.item() == pytest.approx(1 / 2.5, rel=1e-5)


def test_without_what_acts_there_is_one_auto_encoder() -> None:
    network = make("cnn", 1, grid=(8,), timed=False, in_channels=2)
    assert len(network.coders) == 1
    output, loss = network.supervised(torch.randn(2, 2, 8), torch.randn(2, 2, 8))
    assert output.shape == (2, 2, 8) and (loss > 0).all()


@pytest.mark.parametrize(("kind", "n"), [("zeros", 9), ("zeros", 12), ("circular", 12)])
def test_interpolation_is_linear_from_end_to_end_or_around(kind: str, n: int) -> None:
    coder = _AutoEncoder(1, 2, (n,), (kind,))
    coarse = -(-n // 2)
    x = torch.arange(coarse, dtype=torch.float64)
    found = coder._refined(x.view(1, 1, -1), (n,))[0, 0]
    if kind == "zeros":
        torch.testing.assert_close(found, torch.linspace(0, coarse - 1, n).double())
    else:
        between = torch.stack((x, (x + x.roll(-1)) / 2), dim=1).flatten()
        torch.testing.assert_close(found, between)


def test_periodic_decoders_commute_with_shifts_of_the_code() -> None:
    network = make("cnn", 1, grid=(16,), padding=("circular",), timed=False).double()
    code = torch.randn(1, 8, 4, dtype=torch.float64)
    decode = network.coders[0].decode
    assert relative(decode(code.roll(1, 2)), decode(code).roll(4, 2)) < 1e-12


def test_options_refuse_other_grids_and_objectives_that_do_not_step() -> None:
    options = CNNOptions(name="cnn", grid=[8])
    assert options.check((8,), (True,)) == []
    assert "the network would see [9]" in options.check((9,))[0]
    short = CNNOptions(name="cnn", grid=[4, 8])
    assert short.check((4, 8), (False, True)) == []
    assert "at least 5 points" in short.check((4, 8), (True, False))[0]

    def model(**objective) -> ModelOptions:
        return ModelOptions.model_validate(
            {
                "representation": {"name": "identity"},
                "network": {"name": "cnn", "grid": [8]},
                "objective": objective,
            }
        )

    model(name="regression", stepping={"residual": False})
    for objective, got in (
        ({"name": "regression"}, "stepping: null"),
        ({"name": "regression", "stepping": {}}, "stepping: {residual: true}"),
        ({"name": "diffusion", "stepping": {"residual": False}}, "got 'diffusion'"),
    ):
        with pytest.raises(ValidationError, match="goes from a frame to the next") as refused:
            model(**objective)
        assert got in str(refused.value)


def test_supervision_needs_no_diffusion_time() -> None:
    with pytest.raises(ValueError, match="cnn: expected a diffusion time"):
        make("cnn", grid=(8, 8)).supervised(torch.zeros(1, 3, 8, 8), torch.zeros(1, 2, 8, 8))
    assert CHANNELS["in_channels"] > CHANNELS["out_channels"]
