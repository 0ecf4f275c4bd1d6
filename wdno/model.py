r"""A model: representation, network and objective put together for the layout of a data set.

With the encoding $W$ of the representation and its scales $s$, the network learns

$$ p\big( s^{-1} W u_{1..T} \,\big|\, s_f^{-1} W f,\; s_0^{-1} W_0 u_0 \big), $$

where $W_0$ is the transform over space alone, repeated along time (arXiv 2412.04833, section 3).
On axes that are periodic the transform and the network's convolutions wrap around.
Fields enter as departures from their means in training: a transform that continues them by zeros
would see a temperature in kelvin as its edges. With a representation that is `relative`, $u_{1..T}$
stands for the departure from the last given
frame, which is added again. The given frames $u_0$ are never generated: they are put before the
prediction as they came.

Fields without space (series) are generated beside the state: transformed over time, repeated over
space, averaged on the way back. An objective that is `stepwise` maps one frame to the next; its
network sees the frame and the forcing that leads to the next one, and has no axis of time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from wdno import networks, objectives, representations
from wdno.data.dataset import Generated, Layout, Trajectories, last_given
from wdno.representations.base import ChannelScaler, fit_scalers
from wdno.training.checkpoint import CheckpointError, load_model, save_model

SCALE_SAMPLES = 4096


class LayoutError(ValueError):
    """A model and a data set that do not fit each other."""


class Model(nn.Module):
    """A point on the three axes, built for the fields and the grid of a data set.

    Attributes:
        spec: options of the three axes, as in the configuration, by ``representation``,
            ``network`` and ``objective``.
        layout: fields, grid and boundaries that it was built for.
        field_mean: mean of each state field in training, ``[F]``, a buffer.
        series_mean: mean of each series in training, ``[S]``, a buffer.
    """

    field_mean: Tensor
    series_mean: Tensor

    def __init__(self, spec: Mapping[str, Mapping[str, Any]], layout: Layout) -> None:
        """Build with random weights and unit scales.

        Args:
            spec: options of the three axes, each with its ``name``.
            layout: what the data set holds.

        Raises:
            ValueError: an unknown name or option, a grid too small for one of the three, or a
                stepwise objective with coefficients that mix times.
        """
        super().__init__()
        self.spec = {axis: dict(spec[axis]) for axis in ("representation", "network", "objective")}
        self.layout = layout
        dims = len(layout.grid)
        periodic = [kind == "periodic" for kind in layout.boundaries]
        chosen = dict(self.spec["representation"])
        self.relative = bool(chosen.pop("relative", False))
        self.representation = representations.build(**chosen, dims=dims, periodic=periodic)
        objective = objectives.load(self.spec["objective"]["name"])
        self.stepwise = objective.stepwise
        if self.stepwise and (self.relative or not self.representation.local_in_time):
            raise ValueError(
                f"objective {self.spec['objective']['name']!r} goes from frame to frame; expected "
                "the representation 'identity', relative = false, got "
                f"{self.spec['representation']['name']!r}, relative = {self.relative}"
            )
        state, forcing, series = layout.state, layout.forcing, layout.series
        self.register_buffer("field_mean", torch.zeros(len(state)))
        self.register_buffer("series_mean", torch.zeros(len(series)))
        target_names = self.representation.channel_names(state)
        target_names += self.representation.series_channel_names(series)
        condition_names = self.representation.channel_names(forcing)
        if not self.stepwise:
            given = range(layout.given_frames)
            initial = [f"{name}{k}" for name in state for k in given]
            condition_names += self.representation.static_channel_names(initial)
            condition_names += [f"{name}{k}" for name in series for k in given]
        self.target_scaler = ChannelScaler(len(target_names), center=True, names=target_names)
        self.condition_scaler = ChannelScaler(
            len(condition_names), center=True, keep_constant=True, names=condition_names
        )
        network_axes = ["circular" if wraps else "zeros" for wraps in periodic]
        if not self.stepwise:
            network_axes.insert(0, "zeros")
        network = networks.build(
            **self.spec["network"],
            in_channels=objective.in_channels(len(target_names), len(condition_names)),
            out_channels=len(target_names),
            dims=len(network_axes),
            time_conditioned=objective.time_conditioned,
            padding=network_axes,
        )
        options = {k: v for k, v in self.spec["objective"].items() if k != "name"}
        self.weighting = options.pop("weighting", "uniform")
        self.objective = objective(network, **options)

    @property
    def channels(self) -> int:
        """Number of channels that are generated."""
        return len(self.target_scaler.names)

    def parameter_count(self) -> int:
        """Return the number of trainable numbers; a complex one counts twice."""
        return sum(
            p.numel() * (2 if p.is_complex() else 1) for p in self.parameters() if p.requires_grad
        )

    def compile(self, *args: Any, **options: Any) -> None:
        """Compile the network with ``torch.compile``; the rest is too little to gain from it."""
        cast(nn.Module, self.objective.network).compile(*args, **options)

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the coefficients of state and series, ``[B, C, *grid]``, in their units.

        They are of departures from the means in training or from the last given frame.
        """
        state, series = self._origin(batch)
        return self._encode(batch["state"] - state, batch.get("series"), series)

    def _encode(self, state: Tensor, series: Tensor | None, series_origin: Tensor) -> Tensor:
        """Return the coefficients of departures of the state, and of the series from an origin."""
        coefficients = self.representation.encode(state)
        if not self.layout.series or series is None:
            return coefficients
        encoded = self.representation.encode_series(series - series_origin, state.shape[3:])
        return torch.cat([coefficients, encoded], dim=1)

    def _origin(self, batch: Mapping[str, Tensor]) -> Generated:
        """Return what is generated as departures from it, to be broadcast over time and space."""
        if self.relative:
            return last_given(batch, self.layout)
        mean = self.field_mean.view(1, -1, 1, *[1] * (len(self.layout.grid) - 1))
        return Generated(mean, self.series_mean.view(1, -1, 1))

    def condition(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the coefficients of forcing and given frames, ``[B, D, *grid]``.

        Those of the given frames are of departures from the fields' means in training; the given
        values of series follow them, as they are. With a stepwise objective both are left out.
        """
        layout = self.layout
        if self.stepwise:
            return self.representation.encode(batch["forcing"])
        parts = [self.representation.encode(batch["forcing"])] if layout.forcing else []
        # Channels of the given frames are those of field 1, then of field 2, ...
        mean = self.field_mean.repeat_interleave(layout.given_frames)
        given = batch["initial"] - mean.view(1, -1, *[1] * (len(layout.grid) - 1))
        parts.append(self.representation.encode_static(given, layout.grid[0]))
        if layout.series:
            numbers = batch["initial_series"].flatten(1)
            grid = parts[-1].shape[2:]
            parts.append(numbers[(..., *[None] * len(grid))].expand(*numbers.shape, *grid))
        return torch.cat(parts, dim=1)

    def _first(self, batch: Mapping[str, Tensor]) -> Tensor | None:
        """Return the last given frame in normalised channels, for a stepwise objective."""
        if not self.stepwise:
            return None
        given, origin = last_given(batch, self.layout), self._origin(batch)
        first = self._encode(given.state - origin.state, given.series, origin.series)
        return self.target_scaler.normalise(first)[:, :, 0]

    @torch.no_grad()
    def fit_scales(self, data: Trajectories) -> None:
        """Measure the mean of every field and the scale of every channel on the training data.

        Of a large set on its first samples, which are independent draws or in random order.

        Raises:
            ValueError: a channel is constant or not finite; the message names it.
        """
        size, count = data.block(), min(len(data), SCALE_SAMPLES)
        means = self.field_mean.double().zero_(), self.series_mean.double().zero_()
        for batch in data.batches(size, count):
            for mean, name in zip(means, ("state", "series"), strict=True):
                values = batch[name].double().transpose(0, 1).flatten(1).mean(1)
                mean += values * (len(batch["index"]) / count)
        self.field_mean.copy_(means[0])
        self.series_mean.copy_(means[1])
        fit_scalers(
            (self.target_scaler, self.condition_scaler),
            ((self.target(batch), self.condition(batch)) for batch in data.batches(size, count)),
        )

    def _weight(self) -> Tensor | None:
        if self.weighting == "uniform":
            return None
        # Field by field: a pressure of tens must not silence a velocity of ones.
        states = len(self.layout.state) * len(self.representation.subbands)
        scales = self.target_scaler.scale
        parts = scales[:states], scales[states:]
        weights = []
        for scale, fields in zip(parts, (self.layout.state, self.layout.series), strict=True):
            weight = scale if self.weighting == "scale" else scale.square()
            weight = weight.view(len(fields), -1) if fields else weight.view(0, 1)
            weights.append((weight / weight.mean(dim=1, keepdim=True)).flatten())
        return torch.cat(weights)

    def loss_per_sample(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Return the objective's loss of each sample, ``[B]``.

        Args:
            batch: as :meth:`wdno.data.dataset.Trajectories.batch` gives it, on the model's device.
            generator: CPU generator of all randomness.
        """
        target = self.target_scaler.normalise(self.target(batch))
        condition = self.condition_scaler.normalise(self.condition(batch))
        return self.objective.loss_per_sample(
            target, condition, generator, self._weight(), self._first(batch)
        )

    @torch.no_grad()
    def predict(
        self,
        batch: Mapping[str, Tensor],
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None = None,
    ) -> Generated:
        """Draw one prediction for each case of a batch.

        Args:
            batch: ``initial``, ``forcing`` and, where there are series, ``initial_series``; a
                ``state`` is not looked at.
            generators: one CPU generator for each case.
            sampling: name, steps and options of the sampler, for a diffusion model.

        Returns:
            The generated frames and series, in physical units.
        """
        condition = self.condition_scaler.normalise(self.condition(batch))
        channels = self.objective.predict(
            condition, self.channels, generators, sampling, self._first(batch)
        )
        coefficients = self.target_scaler.denormalise(channels)
        states = len(self.layout.state) * len(self.representation.subbands)
        frames = self.layout.grid[0]
        state, series = self._origin(batch)
        decoded = self.representation.decode(coefficients[:, :states], self.layout.grid)
        if not self.layout.series:
            return Generated(decoded + state, decoded.new_zeros(len(decoded), 0, frames))
        numbers = self.representation.decode_series(coefficients[:, states:], frames)
        return Generated(decoded + state, numbers + series)

    def require(self, layout: Layout, data: Path, model: Path) -> None:
        """Refuse data of another layout.

        Raises:
            LayoutError: naming what differs, both values, both files and what to do.
        """
        for key, expected in self.layout.to_json().items():
            found = layout.to_json()[key]
            if found != expected:
                raise LayoutError(
                    f"system {layout.system!r}: {key} of {data} is {_shown(found)}, the model "
                    f"{model} was trained on {_shown(expected)}; train it again, or generate the "
                    "data with the options that the model had"
                )


def _shown(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(v, int) for v in value):
        return " x ".join(map(str, value))
    return ", ".join(map(str, value)) if isinstance(value, list) else repr(value)


def save(
    path: Path, trained: Model, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> None:
    """Write a trained model: weights, scales, options, layout, and facts about its training."""
    metadata = {"spec": trained.spec, "layout": trained.layout.to_json(), **facts}
    save_model(path, dict(tensors), metadata)


def load(path: Path) -> tuple[Model, dict[str, Any]]:
    """Read a trained model, ready to predict.

    Returns:
        The model in evaluation mode, and the metadata that it was saved with.

    Raises:
        CheckpointError: the file is truncated, not a model, or of another version.
    """
    tensors, metadata = load_model(path)
    try:
        model = Model(metadata["spec"], Layout.from_json(metadata["layout"]))
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"model {path}: written by another version of this program ({error}); train it again"
        ) from error
    model.load_state_dict(tensors)
    return model.eval(), metadata
