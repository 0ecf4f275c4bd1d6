"""The training loop: what it computes, and what it says when it cannot."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from training_problem import SETTINGS, Denoiser, Samples, fit

from wdno.training.batches import STEP, BatchOrder, StepRandomness
from wdno.training.checkpoint import load_state
from wdno.training.settings import TrainingSettings
from wdno.training.trainer import Trainer
from wdno.training.watch import NonFiniteError


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(("clip", "ema_every"), [(0.05, 1), (None, 7)])
def test_the_loop_is_the_textbook_loop(tmp_path: Path, clip: float | None, ema_every: int) -> None:
    model, data = Denoiser(dropout=0.0), Samples()
    found = fit(tmp_path, Denoiser(dropout=0.0), gradient_clip=clip, ema_every=ema_every, seed=4)

    settings = TrainingSettings(**SETTINGS)
    order, randomness = BatchOrder(len(data), 4, 4), StepRandomness(torch.device("cpu"))
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}],
        foreach=False,
    )
    mean = {name: p.detach().clone() for name, p in model.named_parameters()}
    updates, losses = 0, []
    for step in range(60):
        generator = randomness.start(4, STEP, step, 0)
        loss = model.loss_per_sample(data.batch(order.indices(step)), generator).mean()
        optimiser.zero_grad()
        loss.backward()
        norm = torch.sqrt(sum(p.grad.abs().square().sum() for p in model.parameters()))
        for p in model.parameters():
            p.grad *= min(1.0, (clip or math.inf) / norm.item())
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate_at(step)
        optimiser.step()
        losses.append(loss.item())
        if (step + 1) % ema_every == 0 or step == 59:
            d = min(0.999, (1 + updates) / (10 + updates))
            mean = {k: d * mean[k] + (1 - d) * p.detach() for k, p in model.named_parameters()}
            updates += 1

    for name, expected in mean.items():
        torch.testing.assert_close(found.tensors[name], expected, rtol=1e-3, atol=1e-5)
    assert torch.equal(found.tensors["scale"], model.scale)
    assert found.tensors.keys() == model.state_dict().keys()
    ends = [7, 14, 21, 28, 35, 42, 49, 56, 60]
    assert [line["step"] for line in found.lines] == ends
    for line, start, end in zip(found.lines, [0, *ends], ends, strict=False):
        assert line["loss"] == pytest.approx(np.mean(losses[start:end]), rel=1e-4)
        assert line["learning_rate"] == settings.learning_rate_at(end - 1)
    assert found.final_loss == found.lines[-1]["loss"] < found.lines[0]["loss"]


def test_the_log_says_what_the_result_says(tmp_path: Path) -> None:
    result = fit(tmp_path, validation=Samples(9, seed=1), validate_every=10)
    assert lines(tmp_path / "train.jsonl") == result.lines
    validated = [step for step, _ in result.validation]
    assert validated == [10, 20, 30, 40, 50, 60]
    assert {line["step"] for line in result.lines} == {*range(7, 60, 7), *validated}
    assert list(result.lines[-1]) == [
        "step",
        "loss",
        "validation_loss",
        "learning_rate",
        "gradient_norm",
        "seconds",
        "steps_per_second",
    ]
    assert result.steps == 60 and result.seconds == result.lines[-1]["seconds"]


def test_validation_is_of_the_averaged_weights_and_changes_nothing(tmp_path: Path) -> None:
    data = Samples(9, seed=1)
    without = fit(tmp_path / "without", Denoiser(noise=0.0))
    model = Denoiser(noise=0.0)
    with_it = fit(tmp_path / "with", model, validation=data, validate_every=3)
    for name, tensor in without.tensors.items():
        assert torch.equal(tensor, with_it.tensors[name]), name
    model.load_state_dict(with_it.tensors)
    with torch.no_grad():
        expected = model.eval().loss_per_sample(data.batch(np.arange(9)), torch.Generator())
    assert with_it.validation[-1][1] == pytest.approx(expected.mean().item(), rel=1e-6)


def test_callers_random_numbers_are_left_alone(tmp_path: Path) -> None:
    model = Denoiser()
    torch.manual_seed(8)
    expected = torch.rand(3)
    torch.manual_seed(8)
    fit(tmp_path, model, steps=6)
    assert torch.equal(torch.rand(3), expected)


def test_frozen_and_tied_weights(tmp_path: Path) -> None:
    model = Denoiser()
    model.network[1].requires_grad_(False)
    model.tied = model.network[0].weight
    before = model.network[1].weight.clone()
    tensors = fit(tmp_path, model, steps=10).tensors
    assert torch.equal(tensors["network.1.weight"], before)
    assert torch.equal(tensors["tied"], tensors["network.0.weight"])
    assert not torch.equal(tensors["tied"], model.network[0].weight), "these are not averaged"


def test_bf16_keeps_the_type_of_the_weights(tmp_path: Path) -> None:
    exact, rough = (fit(tmp_path / p, precision=p) for p in ("float32", "bf16"))
    assert all(rough.tensors[k].dtype == tensor.dtype for k, tensor in exact.tensors.items())
    assert rough.final_loss == pytest.approx(exact.final_loss, rel=0.05)
    assert rough.final_loss != exact.final_loss


@pytest.mark.parametrize("own", [True, False])
def test_what_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool) -> None:
    class Own(Denoiser):
        def compile(self) -> None:
            self.network.compile()

    compiled = []
    monkeypatch.setattr(nn.Module, "compile", lambda module: compiled.append(type(module)))
    fit(tmp_path, Own() if own else Denoiser(), compile=True, steps=6)
    assert [kind.__name__ for kind in compiled] == ["Sequential" if own else "_Loss"]


def test_tensorboard_events(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    fit(tmp_path, tensorboard=tmp_path / "events")
    events = accumulator.EventAccumulator(str(tmp_path / "events")).Reload()
    assert [event.step for event in events.Scalars("loss")] == [*range(7, 60, 7), 60]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Linear(1, 1), "no method loss_per_sample"),
        (Denoiser().requires_grad_(False), "no parameters"),
    ],
)
def test_models_that_cannot_be_trained(tmp_path: Path, model: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(tmp_path, model)


def test_a_loss_that_is_not_per_sample(tmp_path: Path) -> None:
    class Mean(Denoiser):
        def loss_per_sample(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
            return super().loss_per_sample(batch, generator).mean()

    with pytest.raises(ValueError, match=r"one loss per sample, shape \(4,\), got \(\)"):
        fit(tmp_path, Mean())


def test_no_samples(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="data set is empty"):
        fit(tmp_path, data=Samples(0))


class BrokenGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, broken: bool) -> Tensor:
        ctx.broken = broken
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * (math.nan if ctx.broken else 1.0), None


class Breaking(Denoiser):
    """Loss or gradient is not finite where sample 7 is in the batch."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def loss_per_sample(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        losses = super().loss_per_sample(batch, generator)
        broken = batch["index"] == 7
        if self.what == "loss":
            return torch.where(broken, math.inf, losses)
        return BrokenGradient.apply(losses, bool(broken.any()))


@pytest.mark.parametrize(
    ("what", "message"), [("loss", r"the loss of samples \[7\]"), ("gradient", "the gradient")]
)
def test_a_step_that_is_not_finite(tmp_path: Path, what: str, message: str) -> None:
    order = BatchOrder(22, 4, seed=0)
    step = next(s for s in range(10) if 7 in order.indices(s))
    assert step > 0, "choose another seed: there should be a good state before"
    batch = str(order.indices(step).tolist()).replace("[", r"\[")
    with pytest.raises(NonFiniteError, match=f"step {step}: {message} .*{batch}.*state is kept"):
        fit(tmp_path, Breaking(what), seed=0, checkpoint_seconds=0.0)
    trainer = make_trainer(tmp_path, seed=0, checkpoint_seconds=0.0)
    trainer.resume()
    assert trainer.step == step, "the last good state is the one before the step"
    assert all(tensor.isfinite().all() for tensor in trainer.averaged().values())


def make_trainer(folder: Path, **changes: Any) -> Trainer:
    seed = changes.pop("seed", 3)
    return Trainer(
        Denoiser(),
        22,
        settings=TrainingSettings(**{**SETTINGS, **changes}),
        seed=seed,
        state_dir=folder / "state",
        fingerprint="problem",
        device=torch.device("cpu"),
    )


def test_a_late_look_still_saves_nothing_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a GPU a step goes on without looking at its loss; saving must look.
    trainer = make_trainer(tmp_path)
    data = Samples()
    trainer.take_step(data.batch(np.arange(4)))
    trainer.save()
    broken = data.batch(np.arange(4))
    broken["x"][2] = math.nan
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "require_finite", lambda self: None)
        trainer.take_step(broken)
        trainer.take_step(data.batch(np.arange(4)))
    third = BatchOrder(22, 4, 3).indices(1)[2]
    with pytest.raises(NonFiniteError, match=rf"step 1: the loss of samples \[{third}\]"):
        trainer.save()
    found = load_state(tmp_path / "state", trainer.fingerprint)
    assert found is not None and found[1]["step"] == 1


def test_weights_that_overflow_are_not_saved(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    trainer.take_step(Samples().batch(np.arange(4)))
    next(iter(trainer._parameters.values())).data.fill_(math.inf)
    with pytest.raises(NonFiniteError, match="weights that are not finite"):
        trainer.save()
    assert not (tmp_path / "state").exists()
