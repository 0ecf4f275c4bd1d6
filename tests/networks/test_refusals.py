"""What networks refuse: options, inputs and grids, in one wording."""

from __future__ import annotations

import pytest
import torch
from small_networks import CHANNELS, NAMES, make, options

from wdno.networks import REGISTRY


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dims": 4}, "expected dims 1"),
        ({"padding": ("zeros",)}, "a padding for each of the axes time or y, x"),
        ({"padding": "circular"}, "a padding for each"),
        ({"padding": ("zeros", "reflect")}, "axis 'x' is 'reflect'"),
        ({"width": 0}, "width of 1 or more"),
    ],
)
def test_bad_options_are_refused(name: str, wrong, message: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: .*{message}"):
        REGISTRY.build(name, **CHANNELS | options(name) | wrong)


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("unet", {"multipliers": ()}, "multipliers of 1 or more"),
        ("unet", {"blocks": (1, 1)}, "blocks as one number, or one for each of the 3 levels"),
        ("unet", {"blocks": -1}, "all 0 or more; got -1"),
        ("unet", {"attention": "soft"}, "attention 'none', 'middle', 'linear', 'all'"),
        ("unet", {"attention": (True, False)}, "a list of 4 booleans"),
        ("unet", {"kernel": 4}, "odd kernel"),
        ("unet", {"groups": 0}, "at least 1 group"),
        ("fno", {"modes": (4, 4, 4)}, "modes as one number, or one for each"),
        ("fno", {"modes": 0}, "modes as one number"),
        ("fno", {"domain_padding": -0.1}, "domain_padding from 0 to 1"),
        ("ffno", {"modes": (4, 4, 4)}, "modes as one number, or one for each"),
        ("ffno", {"expansion": 0}, "expansion of 1 or more"),
        ("oformer", {"latent": 17}, "an even latent of at least 4.* got 24 and 17"),
        ("oformer", {"width": 3}, "a width and an even latent of at least 4"),
        ("wno", {"levels": (1, 1, 1)}, "levels as one number, or one for each of the 2 axes"),
        ("wno", {"time": "channel"}, "time 'axis', or 'channels'"),
        ("wno", {"mode": "mirror"}, "unknown wavelet mode 'mirror'"),
        ("wno", {"grid": (8,)}, r"expected a grid of 2 axes, got \[8\]"),
        ("cnn", {"grid": (8,)}, r"expected a grid of 2 axes, got \[8\]"),
        ("cnn", {"in_channels": 1}, r"the 2 channel\(s\) of a frame first .* got 1 in all"),
        ("cno", {"blocks": -1}, "blocks and middle_blocks of 0 or more, got -1, 1"),
        ("cno", {"levels": 0}, "levels of 1 or more"),
        ("mgno", {"smoothings": ()}, "smoothings of 1 or more, for one grid or more"),
        ("mgno", {"smoothings": (1, 0)}, "smoothings of 1 or more"),
        ("uno", {"modes": (4, 4, 4)}, "modes as one number, or one for each"),
        ("uno", {"domain_padding": -0.1}, "domain_padding from 0 to 1"),
        ("codano", {"heads": 0}, "heads of 1 or more"),
        ("codano", {"normalisation": "group"}, "normalisation 'instance' or 'none', got 'group'"),
        ("codano", {"padding": ("circular",) * 2}, "without an end .* use normalisation 'none'"),
        ("fno", {"factorization": "svd"}, "factorization None, 'tucker'.* got 'svd' and 0.1"),
        ("fno", {"rank": 0.0}, "a rank above 0"),
    ],
)
def test_bad_own_options_are_refused(name: str, wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        REGISTRY.build(name, **CHANNELS | options(name) | wrong)


@pytest.mark.parametrize("name", NAMES)
def test_bad_inputs_are_refused(name: str) -> None:
    timed, plain = make(name), make(name, timed=False)
    x, t = torch.randn(2, 3, 8, 12), torch.rand(2)
    with pytest.raises(ValueError, match=r"expected an input \[batch, 3, .*, x\], got .*2, 4"):
        timed(torch.randn(2, 4, 8, 12), t)
    with pytest.raises(ValueError, match="expected an input"):
        timed(x[..., 0], t)
    with pytest.raises(ValueError, match=r"diffusion time of shape \(2,\), got none"):
        timed(x)
    with pytest.raises(ValueError, match=r"diffusion time of shape \(2,\), got .*\(1,\)"):
        timed(x, t[:1])
    with pytest.raises(ValueError, match="built with time_conditioned=False"):
        plain(x, t)


def test_grids_too_small_are_refused_saying_what_to_change() -> None:
    unet = make("unet", timed=False)
    with pytest.raises(ValueError, match=r"grid of 8 x 2 .* 3 levels: axis 'x' .*at most 2 mult"):
        unet(torch.randn(1, 3, 8, 2))
    with pytest.raises(ValueError, match="at least 3 points"):
        unet(torch.randn(1, 3, 1, 8))
    fno = make("fno", timed=False)
    with pytest.raises(ValueError, match=r"3 modes along axis 'time or y', .*keeps 4.*most 3"):
        fno(torch.randn(1, 3, 3, 12))
    for network in (make("cno"), make("mgno"), make("uno", modes=1)):
        with pytest.raises(ValueError, match=rf"{network.name}: .* a grid of 8 x 1 cannot be halv"):
            network(torch.zeros(1, 3, 8, 1), torch.zeros(1))
    for name in ("uno", "codano"):
        with pytest.raises(ValueError, match=rf"{name}: .*3 modes along axis 'time or y'"):
            make(name, timed=False)(torch.zeros(1, 3, 3, 12))
    with pytest.raises(ValueError, match=r"cnn: built for the grid \[8, 12\], got \[8, 8\]"):
        make("cnn", timed=False)(torch.zeros(1, 3, 8, 8))
    wide = make("unet", timed=False, kernel=5, padding=("circular", "zeros"))
    with pytest.raises(ValueError, match=r"periodic axis of 1 point\(s\) is too short"):
        wide(torch.randn(1, 3, 3, 8))
