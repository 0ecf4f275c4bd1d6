r"""U-Net: residual convolutions at several resolutions, with a skip connection at each.

Level l of L works on a grid that is 2^l times coarser than the input. With channels c_0 = width,
c_{l+1} = width * multipliers[l], the encoder maps c_l to c_l and then to c_{l+1} while coarsening,
the middle works on c_L at the coarsest grid, and the decoder takes c_{l+1} and the c_l of every
encoder block of its level back to c_{l+1}, and then to c_l while refining (arXiv 1505.04597 and
2006.11239; sizes of arXiv 2412.04833: width 128, multipliers 1, 2, 4, 8).

Grids of any size are mapped without cropping or filling up: coarsening takes n points to
ceil(n / 2), refining repeats points up to the exact size that the encoder had. Of a grid (time, x)
both axes are coarsened, of a grid (time, y, x) only space.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from wdno.networks.arguments import AXES, GridNetwork, check_positive
from wdno.networks.blocks import (
    Attention,
    Convolution,
    LinearAttention,
    Norm,
    Pointwise,
    ResidualBlock,
)
from wdno.networks.blocks import normalisation as normalise
from wdno.networks.conditioning import TimeEmbedding
from wdno.networks.levels import strides
from wdno.options import shown

_CHANNELS_LAST = {
    1: torch.contiguous_format,
    2: torch.channels_last,
    3: torch.channels_last_3d,
}


class _Level(nn.Module):
    """Residual blocks of one level and one side, the last followed by attention if wanted."""

    def __init__(self, blocks: Sequence[nn.Module], attention: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.attention = attention

    def encode(self, x: Tensor, embedding: Tensor | None) -> list[Tensor]:
        """Outputs of all blocks, from first to last; without blocks, the input."""
        outputs: list[Tensor] = []
        for block in self.blocks:
            x = block(x, embedding)
            outputs.append(x)
        return [*outputs[:-1], self.attention(x)]

    def decode(self, x: Tensor, skips: list[Tensor], embedding: Tensor | None) -> Tensor:
        """Output of the last block; each takes one of ``skips``, from last to first."""
        for block, skip in zip(self.blocks, reversed(skips), strict=True):
            x = block(torch.cat((x, skip), dim=1), embedding)
        y: Tensor = self.attention(x)
        return y


class UNet(GridNetwork):
    """U-Net on grids of one to three axes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dims: Axes of the grid: 1 for (x), 2 for (time, x) or (y, x), 3 for (time, y, x).
        time_conditioned: Modulate every residual block by the diffusion time.
        padding: "zeros" or "circular" for each axis, in all convolutions; zeros if not given.
        width: Channels of the finest level.
        multipliers: Channels of each level, as multiples of the width.
        blocks: Residual blocks of each level in the encoder, and again in the decoder; one number,
            or one for each level. A level of 0 has none in the encoder and one in the decoder; 0
            at the finest level saves most of the time that it can.
        attention: Where self-attention among all points of a grid follows a residual block: in the
            "middle", at "all" levels and the middle, nowhere ("none"), or a list of booleans, one
            for each level from fine to coarse and one for the middle; "linear" has attention of
            linear cost at all levels, and full attention in the middle.
        heads: Attention heads.
        head_dim: Channels of a head.
        groups: Most groups of a normalisation; see :func:`wdno.networks.blocks.normalisation`.
        normalisation: Its kind: over the grid in "group"s, at each "point", or "none".
        kernel: Size of the kernels; odd.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dims: int = 2,
        time_conditioned: bool = False,
        padding: Sequence[str] | None = None,
        width: int = 128,
        multipliers: Sequence[int] = (1, 2, 4, 8),
        blocks: int | Sequence[int] = 2,
        attention: Literal["middle", "linear", "all", "none"] | Sequence[bool] = "middle",
        heads: int = 4,
        head_dim: int = 32,
        groups: int = 8,
        normalisation: Norm = "group",
        kernel: int = 3,
    ) -> None:
        super().__init__("unet", in_channels, dims, padding, time_conditioned=time_conditioned)
        padding = self.padding
        check_positive(
            "unet",
            in_channels=in_channels,
            out_channels=out_channels,
            width=width,
            heads=heads,
            head_dim=head_dim,
        )
        if not multipliers or min(multipliers) < 1:
            raise ValueError(f"unet: expected multipliers of 1 or more, got {list(multipliers)}")
        levels = len(multipliers)
        counts = _per_level("blocks", blocks, levels)
        attends = _attention(attention, levels)
        self.levels = levels
        self.stride = strides(dims)
        self.coarsest = 2 ** (levels - 1)
        self.local = normalisation != "group" and not any(attends)
        self._reach = _reach(levels, counts, kernel // 2)

        embedding = 4 * width if time_conditioned else 0
        self.embed = TimeEmbedding(embedding) if time_conditioned else None
        channels = [width, *(width * multiplier for multiplier in multipliers)]

        def block(inputs: int, outputs: int) -> ResidualBlock:
            return ResidualBlock(
                inputs,
                outputs,
                kernel=kernel,
                padding=padding,
                groups=groups,
                embedding=embedding,
                norm=normalisation,
            )

        at_levels = LinearAttention if attention == "linear" else Attention

        def attend(size: int, wanted: bool, kind: type[Attention]) -> nn.Module:
            if not wanted:
                return nn.Identity()
            return kind(size, heads=heads, head_dim=head_dim, groups=groups)

        def level(inputs: int, outputs: int, count: int, wanted: bool) -> _Level:
            blocks = [block(inputs, outputs) for _ in range(count)]
            return _Level(blocks, attend(outputs, wanted and count > 0, at_levels))

        self.stem = Convolution(in_channels, width, kernel, padding)
        self.encoder = nn.ModuleList()
        self.coarsen = nn.ModuleList()
        self.decoder = nn.ModuleList()
        self.refine = nn.ModuleList()
        for index in range(levels):
            fine, coarse = channels[index], channels[index + 1]
            stride = self.stride if index < levels - 1 else None
            count, wanted = counts[index], attends[index]
            self.encoder.append(level(fine, fine, count, wanted))
            self.coarsen.append(Convolution(fine, coarse, kernel, padding, stride=stride))
            self.decoder.append(level(coarse + fine, coarse, max(count, 1), wanted))
            if index:
                self.refine.append(Convolution(coarse, fine, kernel, padding))
        deepest = channels[-1]
        self.middle = nn.ModuleList([block(deepest, deepest), block(deepest, deepest)])
        self.middle_attention = attend(deepest, attends[-1], Attention)
        self.norm = normalise(channels[1], groups, normalisation)
        self.head = Pointwise(channels[1], out_channels, zero=True)

    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        embedding = None if self.embed is None or t is None else self.embed(t.to(x.dtype))
        # Again after the stem: the layout of a single channel says nothing.
        x = self._lay_out(self.stem(self._lay_out(x)))
        skips: list[list[Tensor]] = []
        for level, coarsen in zip(self.encoder, self.coarsen, strict=True):
            skips.append(cast(_Level, level).encode(x, embedding))
            x = coarsen(skips[-1][-1])
        x = self.middle_attention(self.middle[0](x, embedding))
        x = self.middle[1](x, embedding)
        for index in reversed(range(self.levels)):
            x = cast(_Level, self.decoder[index]).decode(x, skips[index], embedding)
            if index:
                size = skips[index - 1][-1].shape[2:]
                x = self.refine[index - 1](functional.interpolate(x, size=size, mode="nearest"))
        y: Tensor = self.head(functional.silu(self.norm(x)))
        return y

    def reach(self) -> tuple[int, ...] | None:
        """Most points between an output and an input that it depends on, along each axis.

        A multiple of ``coarsest``. None with attention or a normalisation over the grid, by which
        each output depends on all inputs.
        """
        if not self.local:
            return None
        fine, coarsened = self._reach
        return tuple(coarsened if stride > 1 else fine for stride in self.stride)

    def _lay_out(self, x: Tensor) -> Tensor:
        """Channels last on a CPU, up to three times faster; CUDA's group norm would undo it."""
        if x.device.type != "cpu":
            return x
        return x.contiguous(memory_format=_CHANNELS_LAST[self.dims])

    def check_grid(self, grid: Sequence[int]) -> None:
        """Refuse a grid that is too small for the number of levels.

        Raises:
            ValueError: Naming the axis.
        """
        factor = 2 ** (self.levels - 1)
        for name, size, stride in zip(AXES[self.dims], grid, self.stride, strict=True):
            if stride > 1 and size <= factor // 2:
                raise ValueError(
                    f"unet: a grid of {shown(grid)} is too small for {self.levels} "
                    f"levels: axis {name!r} of {size} point(s) cannot be halved {self.levels - 1} "
                    f"times; give at most {max(size - 1, 0).bit_length() + 1} multipliers, or a "
                    f"grid of at least {factor // 2 + 1} points along it"
                )


def _reach(levels: int, blocks: Sequence[int], margin: int) -> tuple[int, int]:
    """Reach of all convolutions, along an axis that is never coarsened and along one that is."""
    convolutions = [2 * count + 2 * max(count, 1) + 1 for count in blocks]  # and one that coarsens
    convolutions[0] += 1  # the stem
    convolutions[-1] += 4  # the middle
    spacing = [2**level for level in range(levels)]
    refining = [margin + 1] * (levels - 1)  # after points were repeated
    fine = margin * (sum(convolutions) + levels - 1)
    coarse = sum(s * margin * count for s, count in zip(spacing, convolutions, strict=True))
    coarse += sum(s * reach for s, reach in zip(spacing[1:], refining, strict=True))
    coarsest = spacing[-1]
    return fine, -(-coarse // coarsest) * coarsest


def _per_level(name: str, value: int | Sequence[int], levels: int) -> list[int]:
    values = [value] * levels if isinstance(value, int) else list(value)
    if len(values) != levels or min(values) < 0:
        raise ValueError(
            f"unet: expected {name} as one number, or one for each of the {levels} levels, "
            f"all 0 or more; got {value}"
        )
    return values


def _attention(attention: str | Sequence[bool], levels: int) -> list[bool]:
    named = {
        "none": [False] * (levels + 1),
        "middle": [False] * levels + [True],
        "linear": [True] * (levels + 1),
        "all": [True] * (levels + 1),
    }
    if isinstance(attention, str):
        if attention in named:
            return named[attention]
    elif len(attention) == levels + 1:
        return [bool(wanted) for wanted in attention]
    raise ValueError(
        f"unet: expected attention {', '.join(map(repr, named))}, or a list of {levels + 1} "
        f"booleans ({levels} levels and the middle), got {attention!r}"
    )


Network = UNet
