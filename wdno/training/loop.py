r"""The training loop, one for every objective.

Step s draws a batch and random numbers from (seed, s) alone, and with the mean loss $L$ over the
batch takes

$$ g = \nabla_\theta L, \qquad g \leftarrow g \min(1, c / |g|), \qquad
   \theta \leftarrow \mathrm{AdamW}(\theta, g, \eta_s), \qquad
   \bar\theta \leftarrow d_n \bar\theta + (1 - d_n) \theta. $$

The averaged weights are the result. Everything that a step depends on (weights, average, moments
of Adam, the step's number) is in the saved state, so an interrupted and resumed run takes the same
steps as an uninterrupted one: on a CPU, with the same number of threads, bit for bit.
"""

from __future__ import annotations

import math
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from wdno.devices import resolve_device
from wdno.training import distributed
from wdno.training.batches import Batches, Data, groups_of
from wdno.training.interruption import Interrupted, Interruption
from wdno.training.log import Line, Progress, TrainingLog
from wdno.training.settings import TrainingSettings
from wdno.training.state import Training
from wdno.training.trainer import Trainer


@dataclass(frozen=True)
class TrainingResult:
    """What a training yields.

    Attributes:
        tensors: Averaged weights, and the buffers, by their names in the model's `state_dict`; on
            the CPU.
        steps: Steps taken, over all runs.
        seconds: Wall-clock seconds of these steps, without validation and saving of states.
        final_loss: Loss of the last line of the log: the mean since the line before it.
        validation: (steps taken, loss of the averaged weights, None if it is not finite).
        lines: The lines of the log.
    """

    tensors: dict[str, Tensor]
    steps: int
    seconds: float
    final_loss: float
    validation: list[tuple[int, float | None]]
    lines: list[Line]


def train(
    model: nn.Module,
    data: Data,
    *,
    options: TrainingSettings,
    seed: int,
    state_dir: Path,
    log: Path,
    fingerprint: str,
    device: str = "auto",
    validation: Data | None = None,
    validate_every: int | None = None,
    tensorboard: Path | None = None,
    progress: bool = True,
    readers: int = 0,
    trainer: type[Training] = Trainer,
) -> TrainingResult:
    """Train a model, or go on training it from a saved state.

    Works on the CPU, on one GPU, and in several processes started by `torchrun`, each of which
    calls it with the same arguments and gets the same result; only the first writes files. The
    result does not depend on how many there are, but for rounding, and for random numbers that a
    network draws itself, as dropout does; a state saved by some is resumed by any number.

    Args:
        model: Has `loss_per_sample(batch, generator) -> Tensor [B]`, with the batch on the
            model's device and a CPU generator. Its weights are changed, and are not the averaged
            ones afterwards: those are in the result.
        data: Training samples; read ahead where that saves time.
        options: How to train.
        seed: Of the order of the samples and of all random numbers, >= 0. The initial weights are
            the caller's.
        state_dir: Folder of the state, of no other use. The caller removes it with
            `discard_state` once the model is written.
        log: JSON-lines file: step, loss (mean since the line before), learning_rate,
            gradient_norm (likewise, before clipping), seconds, steps_per_second, and
            validation_loss where it was computed.
        fingerprint: Of configuration, code and data: a state of another one is not resumed. The
            seed and those of `options` that matter are added to it.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        validation: Samples for the validation loss, of the averaged weights, with the same random
            numbers every time.
        validate_every: Steps between validations; None for one at the end.
        tensorboard: Folder for TensorBoard events.
        progress: Show a progress bar, or messages where there is no terminal.
        readers: Processes that read `data`, which must be picklable, for this one; 0 for data in
            memory, or to read in a thread. The result does not depend on it.
        trainer: What takes the steps.

    Returns:
        The result.

    Raises:
        Interrupted: SIGINT or SIGTERM came; the step was completed and the state saved.
        NonFiniteError: Loss, gradient or weights are not finite; the last good state is kept.
        DiskFullError: No space left for the state or the log.
        LostProcessError: Another process is gone; the last state is kept.
        ValueError: The arguments do not fit each other.
    """
    target = resolve_device(device)
    with (
        torch.random.fork_rng([target] if target.type == "cuda" else []),
        Interruption() as interruption,
        distributed.process_group(target),
    ):
        training = trainer(
            model,
            groups_of(data),
            settings=options,
            seed=seed,
            state_dir=Path(state_dir),
            fingerprint=fingerprint,
            device=target,
        )
        training.resume()
        with ExitStack() as stack:
            batches = Batches(
                data,
                training.order,
                options.steps,
                distributed.rank(),
                distributed.world_size(),
                processes=readers,
                pin=target.type == "cuda",
            )
            stack.enter_context(closing(batches))
            record = None
            if distributed.is_main():
                record = TrainingLog(Path(log), training.lines, tensorboard)
                stack.enter_context(closing(record))
            bar = Progress(training.step, options.steps, shown=progress and distributed.is_main())
            stack.enter_context(closing(bar))
            _run(training, batches, record, bar, interruption, validation, validate_every)
        return TrainingResult(
            tensors=training.averaged(),
            steps=training.step,
            seconds=training.seconds,
            final_loss=training.lines[-1]["loss"],
            validation=[
                (line["step"], line["validation_loss"])
                for line in training.lines
                if "validation_loss" in line
            ],
            lines=training.lines,
        )


def _run(
    trainer: Training,
    batches: Batches,
    record: TrainingLog | None,
    bar: Progress,
    interruption: Interruption,
    validation: Data | None,
    validate_every: int | None,
) -> None:
    """Take all remaining steps, and what falls due between them."""
    settings = trainer.settings
    saved = time.monotonic()
    while trainer.step < settings.steps:
        started = time.perf_counter()
        trainer.take_step(batches.get(trainer.step))
        step, last = trainer.step, trainer.step == settings.steps
        validates = validation is not None and (
            last or (validate_every is not None and step % validate_every == 0)
        )
        logs = validates or last or step % settings.log_every == 0
        if logs:
            trainer.require_finite()  # waits for the device, so that the clock is right
        trainer.seconds += time.perf_counter() - started
        if logs:
            batches.settle()
            loss = trainer.validate(validation) if validation is not None and validates else None
            line = _line(trainer, loss)
            trainer.lines.append(line)
            bar.report(line["loss"])
            if record is not None:
                record.write(line)
        signum = distributed.largest(interruption.signum)
        if signum or last or time.monotonic() - saved >= settings.checkpoint_seconds:
            trainer.save()
            saved = time.monotonic()
        if signum:
            distributed.wait()  # until the first process has saved
            raise Interrupted(signum, step, settings.steps, trainer.state_dir)
        bar.advance(step)
    distributed.wait()


def _line(trainer: Training, validation_loss: float | None) -> Line:
    """A line of the log, of the steps since the last."""
    before = trainer.lines[-1] if trainer.lines else {"step": 0, "seconds": 0.0}
    loss, norm = trainer.watch.means()
    elapsed = trainer.seconds - before["seconds"]
    line: Line = {"step": trainer.step, "loss": loss}
    if validation_loss is not None:
        line["validation_loss"] = validation_loss if math.isfinite(validation_loss) else None
    return line | {
        "learning_rate": trainer.settings.learning_rate_at(trainer.step - 1),
        "gradient_norm": norm,
        "seconds": trainer.seconds,
        "steps_per_second": (trainer.step - before["step"]) / elapsed,
    }
