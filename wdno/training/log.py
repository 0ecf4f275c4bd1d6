"""The record of a training: JSON lines, a progress bar, and TensorBoard events if wanted."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from wdno.files import explain_full_disk, write_text

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

logger = logging.getLogger(__name__)

Line = dict[str, Any]

SECONDS_BETWEEN_MESSAGES = 60.0
"""Where there is no terminal to draw a progress bar on."""


class TrainingLog:
    """JSON lines, flushed as they are written.

    The lines are part of the training state, and a resumed run begins by writing those of its
    state: lines after the step it resumes from disappear and come again, and lines of a file that
    a workflow has removed are there again.
    """

    def __init__(
        self,
        path: Path,
        lines: list[Line],
        tensorboard: Path | None = None,
    ) -> None:
        """Write the lines so far, and go on after them.

        Args:
            path: The file; replaced.
            lines: Lines of the run so far, empty for a new one.
            tensorboard: Folder for TensorBoard events.

        Raises:
            DiskFullError: No space left.
            ValueError: TensorBoard is wanted and not installed.
        """
        step = lines[-1]["step"] if lines else 0
        self._path = path
        self._events = None if tensorboard is None else _events(tensorboard, step + 1)
        write_text(path, "".join(map(_text, lines)))
        self._file = path.open("a", encoding="utf-8")

    def write(self, line: Line) -> None:
        """Append a line: `step`, and numbers by name, None for one that is not finite.

        Raises:
            DiskFullError: No space left.
        """
        with explain_full_disk(self._path):
            self._file.write(_text(line))
            self._file.flush()
        if self._events is not None:
            for name, value in line.items():
                if name != "step" and value is not None:
                    self._events.add_scalar(name, value, line["step"])

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._events is not None:
            self._events.close()


def lines_to_tensor(lines: list[Line]) -> Tensor:
    """The lines as UTF-8 bytes, to be stored with the state."""
    return torch.tensor(list("".join(map(_text, lines)).encode()), dtype=torch.uint8)


def lines_from_tensor(stored: Tensor) -> list[Line]:
    """Inverse of `lines_to_tensor`."""
    return [json.loads(line) for line in stored.numpy().tobytes().decode().splitlines()]


class Progress:
    """A progress bar on a terminal; elsewhere, a line in the program's log once a minute."""

    def __init__(self, step: int, steps: int, *, shown: bool) -> None:
        """Begin at a step.

        Args:
            step: Steps done.
            steps: Steps in all.
            shown: Show anything at all.
        """
        self._shown, self._steps, self._first = shown, steps, step
        self._start = self._said = time.monotonic()
        self._loss = float("nan")
        terminal = shown and sys.stderr.isatty()
        self._bar = tqdm(
            total=steps, initial=step, unit="step", disable=not terminal, dynamic_ncols=True
        )

    def advance(self, step: int) -> None:
        """After one more step, which makes `step` in all."""
        self._bar.update()
        if not self._shown or not self._bar.disable:
            return
        now = time.monotonic()
        if now - self._said >= SECONDS_BETWEEN_MESSAGES:
            self._said = now
            rate = (step - self._first) / (now - self._start)
            logger.info(
                "step %d of %d, loss %.4g, %.3g steps/s, %.0f s left",
                step,
                self._steps,
                self._loss,
                rate,
                (self._steps - step) / rate,
            )

    def report(self, loss: float) -> None:
        """Show another loss from now on."""
        self._loss = loss
        self._bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def _text(line: Line) -> str:
    return json.dumps(line, allow_nan=False) + "\n"


def _events(folder: Path, first_step: int) -> SummaryWriter:
    """Events in a folder; those of a run before, from this step on, are hidden."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ValueError(
            "TensorBoard events are wanted, but the package is not installed: "
            "`pip install tensorboard`, or switch them off"
        ) from error
    return SummaryWriter(str(folder), purge_step=first_step)
