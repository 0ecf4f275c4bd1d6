from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from small_networks import CHANNELS, NAMES, call, make, relative
from torch import nn

from wdno.networks import REGISTRY
from wdno.networks.auxiliary import Supervised


def test_networks_are_found_by_name_and_take_the_options_of_the_configuration() -> None:
    # Dense layers take one grid alone, LocalNO needs another package: both have tests of their own.
    assert {*NAMES, "mlp", "local_no"} == set(REGISTRY.names())
    for name in (*NAMES, "mlp"):
        light = REGISTRY.light(name).Options
        needed = {"grid": [32, 48]} if "grid" in light.model_fields else {}
        given = light(name=name, **needed)
        assert given.check((32, 48)) == []
        with torch.device("meta"):
            built = REGISTRY.build(
                name,
                **given.model_dump(exclude={"name"}),
                **CHANNELS,
                dims=2,
                padding=("zeros",) * 2,
            )
        assert type(built) is REGISTRY.load(name)


def test_unknown_name_and_option_are_refused_naming_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"unknown network 'resnet': expected one of .*fno.*unet"):
        REGISTRY.build("resnet")
    with pytest.raises(ValueError, match=r"unknown option\(s\) depth; expected .*multipliers"):
        REGISTRY.build("unet", in_channels=1, out_channels=1, depth=3)


def test_importing_the_package_is_light() -> None:
    code = "import sys, wdno.networks; sys.exit(bool({'torch', 'neuralop'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize(
    ("name", "grid"),
    [
        ("unet", (9,)),
        ("unet", (8, 12)),
        ("unet", (9, 13)),
        ("unet", (5, 16)),
        ("unet", (3, 3)),
        ("unet", (3, 6, 8)),
        ("unet", (1, 7, 11)),
        ("fno", (9,)),
        ("fno", (8, 12)),
        ("fno", (9, 13)),
        ("fno", (4, 4)),
        ("fno", (4, 6, 7)),
        ("fno", (5, 9, 4)),
        ("ffno", (9,)),
        ("ffno", (4, 5)),
        ("ffno", (5, 4, 7)),
        ("mwt", (9,)),
        ("mwt", (2, 5)),
        ("mwt", (3, 4, 7)),
        ("transolver", (9,)),
        ("transolver", (2, 5)),
        ("transolver", (3, 4, 1)),
        ("oformer", (9,)),
        ("oformer", (3, 1)),
        ("oformer", (5, 4, 7)),
        ("wno", (9,)),
        ("wno", (8, 12)),
        ("wno", (9, 13)),
        ("wno", (4, 6, 7)),
        ("cnn", (9,)),
        ("cnn", (6, 7)),
        ("cnn", (3, 4, 5)),
        ("cno", (3,)),
        ("cno", (9, 13)),
        ("cno", (1, 5, 7)),
        ("mgno", (9,)),
        ("mgno", (5, 2)),
        ("mgno", (1, 3, 6)),
        ("uno", (9,)),
        ("uno", (7, 12)),
        ("uno", (5, 4, 7)),
        ("codano", (9,)),
        ("codano", (5, 12)),
        ("codano", (5, 4, 7)),
    ],
)
def test_a_sample_on_a_grid_of_any_size_does_not_depend_on_its_batch(
    name: str, grid: tuple[int, ...], timed: bool
) -> None:
    network = make(name, len(grid), grid=grid, timed=timed).double()
    y = call(network, grid, timed=timed)
    assert y.shape == (2, 2, *grid) and y.is_contiguous()
    x = torch.randn(2, 3, *grid, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    t = torch.tensor([0.1, 0.9], dtype=torch.float64) if timed else None
    for k in range(2):
        alone = network(x[k : k + 1], None if t is None else t[k : k + 1])
        torch.testing.assert_close(alone, y[k : k + 1], rtol=1e-9, atol=1e-12)


# A network with coarser levels commutes with shifts by its total stride along coarsened axes, 4 of
# a U-Net of three levels; without coarsening, as in time for dims 3, by any shift. A Fourier
# operator commutes with any.
@pytest.mark.parametrize(
    ("name", "grid", "axis", "shift"),
    [
        ("unet", (8, 12), 0, 4),
        ("unet", (8, 12), 1, 4),
        ("unet", (8, 12), 1, 8),
        ("unet", (3, 8, 12), 0, 1),
        ("unet", (3, 8, 12), 1, 4),
        ("unet", (3, 8, 12), 2, 4),
        ("fno", (8, 12), 0, 1),
        ("fno", (9, 12), 0, 1),
        ("fno", (9, 13), 1, 1),
        ("fno", (5, 7, 6), 0, 1),
        ("fno", (5, 7, 6), 1, 2),
        ("ffno", (8, 13), 0, 1),
        ("ffno", (5, 7, 6), 2, 1),
        ("oformer", (8, 13), 0, 1),
        ("transolver", (8, 13), 0, 1),
        ("transolver", (5, 7, 6), 2, 1),
        ("transolver", (9,), 0, 2),
        ("oformer", (5, 7, 6), 2, 1),
        ("oformer", (9,), 0, 2),
        ("cno", (8, 12), 0, 4),
        ("cno", (3, 8, 12), 0, 1),
        ("cno", (3, 8, 12), 2, 4),
        ("mgno", (8, 12), 1, 2),
        ("mgno", (3, 8, 12), 0, 1),
        ("mgno", (3, 8, 12), 1, 2),
        ("uno", (8, 12), 0, 2),
        ("uno", (5, 8, 12), 0, 1),
        ("uno", (5, 8, 12), 2, 2),
        ("codano", (8, 13), 0, 1),
        ("codano", (5, 7, 6), 2, 1),
    ],
)
def test_circular_axes_commute_with_translation(
    name: str, grid: tuple[int, ...], axis: int, shift: int
) -> None:
    dims = len(grid)
    x = torch.randn(2, 3, *grid, dtype=torch.float64)
    t = torch.tensor([0.2, 0.7], dtype=torch.float64)
    padding = ["zeros"] * dims
    errors = {}
    for kind in ("zeros", "circular"):
        padding[axis] = kind
        network = make(name, dims, padding=tuple(padding)).double()
        if isinstance(unit := getattr(network, "refine", None), nn.ModuleList):
            assert len(unit) == 2, "three levels have a total stride of 4"
        moved = network(x.roll(shift, axis + 2), t)
        errors[kind] = relative(moved, network(x, t).roll(shift, axis + 2))
    assert errors["circular"] < 1e-12, f"circular: relative error {errors['circular']:.1e}"
    assert errors["zeros"] > 1e-4, f"zeros: relative error only {errors['zeros']:.1e}"


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_has_a_gradient(name: str, dims: int) -> None:
    grid = (4, 8, 8)[-dims:]
    own = issubclass(REGISTRY.load(name), Supervised)  # it has losses beside that of the output
    network = make(name, dims, grid=grid, timed=not own)
    if own:
        y, loss = network.supervised(torch.randn(2, 3, *grid), torch.randn(2, 2, *grid))
        (y.square().sum() + loss.sum()).backward()
    else:
        call(network, grid).square().sum().backward()
    missing = [
        key for key, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0
    ]
    assert not missing, f"no gradient in {missing}"


@pytest.mark.parametrize("name", NAMES)
def test_diffusion_time_matters_sample_by_sample(name: str) -> None:
    network = make(name).double()
    x = torch.randn(3, 3, 8, 12, dtype=torch.float64)
    t = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    y = network(x, t)
    change = relative(network(x, t.flip(0)), y)
    assert change > 1e-3, f"relative change {change:.1e}"
    alone = relative(network(x[1:2], t[1:2]), y[1:2])
    assert alone < 1e-12, f"a sample depends on its batch: relative {alone:.1e}"


@pytest.mark.parametrize("name", NAMES)
def test_seed_fixes_the_weights_and_the_output(name: str) -> None:
    first, again, other = (call(make(name, seed=seed), (8, 12)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", NAMES)
def test_state_dict_round_trip(name: str) -> None:
    source, target = make(name), make(name, seed=1)
    state = source.state_dict()
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    assert not any(value.is_complex() for value in state.values()), "fused Adam takes no complex"
    target.load_state_dict({key: value.clone() for key, value in state.items()}, strict=True)
    assert torch.equal(call(target, (8, 12)), call(source, (8, 12)))


@pytest.mark.parametrize("name", NAMES)
def test_memory_layout_of_the_input_does_not_matter(name: str) -> None:
    network = make(name)
    x, t = torch.randn(2, 3, 8, 12), torch.rand(2)
    y = network(x, t)
    assert relative(network(x.contiguous(memory_format=torch.channels_last), t), y) < 1e-6
    assert relative(network(x.transpose(2, 3).contiguous().transpose(2, 3), t), y) < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_mixed_precision_is_close(name: str) -> None:
    network = make(name)
    y = call(network, (8, 12))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = call(network, (8, 12))
    assert relative(mixed.float(), y) < 5e-2
