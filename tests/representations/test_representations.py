"""Representations: layout of channels, round trips, names, scales and errors."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import pywt
import torch
from torch import Tensor

from wdno.problem import Span
from wdno.representations import REGISTRY
from wdno.representations.base import Representation
from wdno.representations.identity import Identity
from wdno.representations.scaling import ChannelScaler
from wdno.representations.wavelet import Wavelet


def data(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(sum(shape)))


def relative_error(actual: Tensor, expected: Tensor) -> float:
    assert actual.shape == expected.shape, f"{tuple(actual.shape)} != {tuple(expected.shape)}"
    return float((actual - expected).norm() / expected.norm())


CASES = [
    ("identity", {}, (81, 120)),
    ("identity", {"dims": 3}, (32, 64, 64)),
    ("fourier", {"periodic": [True]}, (81, 120)),
    ("fourier", {"dims": 3, "periodic": [False, True], "mode": "periodization"}, (7, 8, 9)),
    ("wavelet", {}, (81, 120)),
    ("wavelet", {"mode": ("zero", "periodization")}, (17, 25)),
    ("wavelet", {"family": "bior1.3", "mode": "zero", "dims": 3}, (32, 64, 64)),
    ("wavelet", {"family": "haar", "dims": 3, "backend": "pytorch_wavelets"}, (7, 8, 9)),
]


@pytest.mark.parametrize(("name", "options", "grid"), CASES)
def test_a_representation_is_invertible_and_keeps_its_promises(
    name: str, options: dict[str, object], grid: tuple[int, ...]
) -> None:
    if options.get("backend") == "pytorch_wavelets":
        pytest.importorskip("pytorch_wavelets")
    representation = REGISTRY.build(name, **options)
    assert isinstance(representation, Representation)
    x = data(2, 3, *grid)
    c = representation.encode(x, grid)
    sizes = representation.coefficient_grid(grid)
    error = relative_error(representation.decode(c, grid), x)
    assert error < 1e-6, f"reconstruction {error:.1e}"

    still, series, number = x[:, :, 0], x.flatten(3)[..., 0], x.flatten(2)[..., 0]
    parts: list[tuple[Span, Tensor]] = [
        *(("space_time", x), ("space", still), ("time", series), ("number", number))
    ]
    for span, fields in parts:
        encoded = representation.encode(fields, grid, span)
        names = representation.channel_names(["u", "v", "p"], span)
        assert encoded.shape == (2, len(names), *sizes), f"{span}: coefficients concatenate"
        assert len(set(names)) == len(names) == 3 * len(representation.bands(span))
    repeated = representation.encode(number, grid, "number")
    assert torch.equal(repeated, number[(..., *[None] * len(grid))].expand_as(repeated))

    repeated = representation.encode(series, grid, "time")
    # What is generated differs from point to point; its mean is what counts.
    noise = data(*repeated.shape)
    noise = noise - noise.flatten(3).mean(3)[(..., *[None] * (len(grid) - 1))]
    error = relative_error(representation.decode(repeated + noise, grid, "time"), series)
    assert error < 1e-5, f"reconstruction of series {error:.1e}"


def test_names_of_channels() -> None:
    wavelet, flow, identity = Wavelet(), Wavelet("bior1.3", "zero", dims=3), Identity()
    assert wavelet.channel_names(["u", "f"]) == [
        *("u:aa", "u:ad", "u:da", "u:dd"),
        *("f:aa", "f:ad", "f:da", "f:dd"),
    ]
    assert wavelet.channel_names(["u0"], "space") == ["u0:a", "u0:d"]
    assert flow.channel_names(["rho"])[:3] == ["rho:aaa", "rho:aad", "rho:ada"]
    assert flow.channel_names(["rho"], "space") == ["rho:aa", "rho:ad", "rho:da", "rho:dd"]
    assert identity.channel_names(["u", "f"]) == ["u", "f"]
    assert identity.channel_names(["u0"], "space") == ["u0"]
    assert wavelet.channel_names(["s"], "time") == ["s:a", "s:d"]
    assert wavelet.channel_names(["p", "q"], "number") == ["p", "q"]


@pytest.mark.parametrize(
    ("axis", "channel"), [(0, "f:daa"), (1, "f:ada"), (2, "f:aad"), (None, "f:aaa")]
)
def test_a_channel_holds_what_its_name_says(axis: int | None, channel: str) -> None:
    # Alternating along one axis of the second field only: Haar puts it into one channel.
    representation, grid = Wavelet("haar", dims=3), (4, 6, 8)
    x = torch.zeros(1, 2, *grid)
    shape = [1, 1, 1]
    if axis is not None:
        shape[axis] = grid[axis]
    x[:, 1] = 1.0 if axis is None else (-1.0) ** torch.arange(grid[axis]).reshape(shape)
    energy = representation.encode(x, grid).square().sum((0, 2, 3, 4))
    names = representation.channel_names(["u", "f"])
    found = [name for name, e in zip(names, energy, strict=True) if e > 1e-6]
    assert found == [channel], dict(zip(names, energy.tolist(), strict=True))


@pytest.mark.parametrize("mode", ["periodization", "zero"])
def test_a_static_field_is_transformed_over_space_and_repeated(mode: str) -> None:
    x = data(2, 3, 12, 21, dtype=torch.float64)
    c = Wavelet("bior2.4", ("zero", mode, mode), dims=3).encode(x, (33, 12, 21), "space")
    bands = pywt.dwtn(x.numpy(), "bior2.4", mode, axes=(2, 3))
    expected = np.stack([bands[name] for name in ("aa", "ad", "da", "dd")], axis=2)
    frames = pywt.dwt_coeff_len(33, 10, "zero")
    assert c.shape == (2, 12, frames, *expected.shape[3:])
    for frame in (0, frames - 1):
        actual = c[:, :, frame].unflatten(1, (3, 4)).numpy()
        np.testing.assert_allclose(actual, expected, atol=1e-13)


def test_a_series_is_transformed_over_time_and_repeated() -> None:
    x = data(2, 3, 21, dtype=torch.float64)
    wavelet = Wavelet("bior2.4", ("zero", "symmetric", "symmetric"), dims=3)
    c = wavelet.encode(x, (21, 12, 16), "time")
    a, d = pywt.dwt(x.numpy(), "bior2.4", "zero")
    expected = np.stack([a, d], axis=2).reshape(2, 6, -1)
    for point in ((0, 0), (5, 3)):
        np.testing.assert_allclose(c[:, :, :, *point].numpy(), expected, atol=1e-13)


def test_coefficients_of_a_series_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected coefficients .batch, 1 per field, 4, 8., got"):
        Identity().decode(data(2, 1, 5, 8), (4, 8), "time")
    with pytest.raises(ValueError, match="expected the span 'space_time' or 'time' to decode"):
        Identity().decode(data(2, 1, 4, 8), (4, 8), "space")


def test_one_channel_per_static_field_of_one_axis() -> None:
    x = data(2, 1, 16, dtype=torch.float64)
    c = Wavelet("db2").encode(x, (8, 16), "space")
    a, d = pywt.dwt(x[:, 0].numpy(), "db2", "periodization")
    np.testing.assert_allclose(c[:, :, 3].numpy(), np.stack([a, d], axis=1), atol=1e-13)


def test_gradients_reach_through_decode() -> None:
    representation = Wavelet()
    c = representation.encode(data(1, 1, 21, 20, dtype=torch.float64), (21, 20)).requires_grad_()
    torch.autograd.gradcheck(lambda v: representation.decode(v, (21, 20)), c, fast_mode=True)


def test_a_representation_has_no_state() -> None:
    assert not Wavelet().state_dict()
    assert not list(Wavelet().parameters())
    assert str(Wavelet(mode=("zero", "periodization"))) == (
        "Wavelet(bior2.4, zero x periodization, backend=matrices, dims=2)"
    )


# Registry and errors


def test_registry() -> None:
    assert {"fourier", "identity", "wavelet"} <= set(REGISTRY.names())
    assert isinstance(REGISTRY.build("identity", dims=3), Identity)
    with pytest.raises(ValueError, match=r"unknown representation 'wavelets': .*identity.*wavelet"):
        REGISTRY.build("wavelets")
    with pytest.raises(ValueError, match=r"unknown option.* wave; expected family, mode"):
        REGISTRY.build("wavelet", wave="haar")


def test_importing_the_registry_is_cheap() -> None:
    code = "import sys, wdno.representations; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_wavelet_options_are_checked() -> None:
    with pytest.raises(ValueError, match=r"did you mean .*'bior2.4'"):
        Wavelet("bior24")
    with pytest.raises(ValueError, match="expected one mode or 2"):
        Wavelet(mode=("zero", "zero", "zero"))
    with pytest.raises(ValueError, match="unknown wavelet mode 'circular'"):
        Wavelet(mode=("zero", "circular"))
    with pytest.raises(ValueError, match=r"expected dims 2 .* or 3"):
        Wavelet(dims=4)
    with pytest.warns(UserWarning, match="only to 3e-3"):
        Wavelet("dmey")


def test_a_grid_too_small_for_the_wavelet() -> None:
    representation = Wavelet("bior2.4")
    for call in (
        lambda: representation.encode(data(1, 1, 16, 9), (16, 9)),
        lambda: representation.coefficient_grid((16, 9)),
        lambda: representation.encode(data(1, 1, 9), (16, 9), "space"),
        lambda: representation.decode(data(1, 4, 8, 5), (16, 9)),
    ):
        with pytest.raises(ValueError, match=r"axis 'x' of the grid .16, 9. has 9 .* at least 10"):
            call()
    with pytest.raises(ValueError, match=r"axis 'time' .* has 8 samples"):
        representation.encode(data(1, 1, 16), (8, 16), "space")
    assert representation.coefficient_grid((10, 10)) == (5, 5)


@pytest.mark.parametrize("representation", [Identity(), Wavelet("haar")])
def test_shapes_that_do_not_fit(representation: Representation) -> None:
    c = representation.encode(data(2, 3, 8, 8), (8, 8))
    with pytest.raises(ValueError, match=r"expected \[batch, channels, time, x\] .* got shape"):
        representation.encode(data(2, 8, 8), (8, 8))
    with pytest.raises(ValueError, match=r"of the sizes \(8, 10\), got shape \(2, 3, 8, 8\)"):
        representation.encode(data(2, 3, 8, 8), (8, 10))
    with pytest.raises(ValueError, match=r"expected \[batch, channels, x\] .* got shape"):
        representation.encode(data(2, 3, 8, 8), (8, 8), "space")
    with pytest.raises(ValueError, match=r"to decode to the grid .8, 10. expected"):
        representation.decode(c, (8, 10))
    with pytest.raises(ValueError, match=r"expected a grid .time, x."):
        representation.decode(c, (8, 8, 8))


def test_coefficients_that_are_no_whole_number_of_fields() -> None:
    with pytest.raises(ValueError, match=r"\[batch, 4 per field, 4, 4\], got shape \(2, 6, 4, 4\)"):
        Wavelet("haar").decode(data(2, 6, 4, 4), (8, 8))


# Scales


def test_scales_are_the_standard_deviations() -> None:
    c = data(50, 3, 4, 5) * torch.tensor([1e-3, 1.0, 1e3])[:, None, None] + 2.0
    scaler = ChannelScaler(3).fit(c.split(7))
    expected = c.double().transpose(0, 1).flatten(1)
    error = (scaler.scale / expected.std(1, correction=0) - 1).abs().max()
    assert error < 1e-6, f"relative error of the scales {float(error):.1e}"
    assert torch.equal(scaler.mean, torch.zeros(3))

    centred = ChannelScaler(3, center=True).fit(c.split(7))
    assert torch.allclose(centred.mean, expected.mean(1).float(), rtol=1e-5)
    before = centred.scale.clone()
    assert torch.equal(centred.fit(c.split(7)).scale, before), "a second fit starts afresh"
    unit = centred.normalise(c).transpose(0, 1).flatten(1)
    assert unit.mean(1).abs().max() < 1e-3
    assert (unit.std(1) - 1).abs().max() < 1e-2
    assert relative_error(centred.denormalise(centred.normalise(c)), c) < 1e-6


def test_scales_do_not_depend_on_the_batches_nor_suffer_from_a_large_mean() -> None:
    c = 1e6 + data(60, 1, 8, dtype=torch.float64)
    scales = [
        float(ChannelScaler(1).fit(parts).scale)
        for parts in ([c], c.split(1), c.split(7), [c[:0], c])
    ]
    assert max(scales) - min(scales) < 1e-7, scales
    assert abs(scales[0] / float(c.std(correction=0)) - 1) < 1e-6, scales


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_is_named(value: float) -> None:
    batches = [data(2, 4, 3, 3), data(2, 4, 3, 3)]
    batches[1][0, 2, 1, 1] = value
    scaler = ChannelScaler(4, names=Wavelet().channel_names(["u"]))
    with pytest.raises(ValueError, match="batch 1, channel 'u:da' has 1 of 18 values NaN"):
        scaler.fit(batches)
    assert torch.equal(scaler.scale, torch.ones(4)), "a failed fit must leave the scales alone"


def test_constant_channels() -> None:
    c = data(20, 3, 8)
    c[:, 1] = 0.0
    assert float(ChannelScaler(3).fit([c]).scale[1]) == 1.0
    for value in (3.7, 1e-30):
        c[:, 1] = value
        for parts in ([c], c.split(3)):
            with pytest.raises(ValueError, match="channel 'f' has no usable spread"):
                ChannelScaler(3, names=["u", "f", "p"]).fit(parts)


def test_scaler_errors() -> None:
    with pytest.raises(ValueError, match="got no data at all"):
        ChannelScaler(2).fit([])
    with pytest.raises(ValueError, match="got no data at all"):
        ChannelScaler(2).fit([data(0, 2, 3)])
    with pytest.raises(ValueError, match="expected 2 names"):
        ChannelScaler(2, names=["u"])
    for call in (ChannelScaler(2).normalise, ChannelScaler(2).denormalise):
        with pytest.raises(ValueError, match=r"expected \[batch, 2, ...\].* got shape \(1, 3, 4\)"):
            call(data(1, 3, 4))


def test_scales_travel_in_the_state_dict() -> None:
    fitted = ChannelScaler(4, center=True).fit([data(9, 4, 5, 6) * 3 + 1])
    restored = ChannelScaler(4, center=True)
    restored.load_state_dict(fitted.state_dict())
    c = data(2, 4, 5, 6)
    assert set(fitted.state_dict()) == {"mean", "scale", "constant"}
    assert torch.equal(restored.normalise(c), fitted.normalise(c))
    assert not torch.equal(restored.normalise(c), c)


def test_a_constant_condition_is_kept_with_scale_one() -> None:
    data = torch.stack([torch.full((6, 5), 0.2), torch.randn(6, 5)], dim=1)
    scaler = ChannelScaler(2, center=True, keep_constant=True).fit([data])
    torch.testing.assert_close(scaler.mean[0], torch.tensor(0.2))
    assert scaler.scale[0] == 1
    torch.testing.assert_close(scaler.normalise(data)[:, 0], torch.zeros(6, 5))
    with pytest.raises(ValueError, match="no usable spread"):
        ChannelScaler(2, center=True).fit([data])
