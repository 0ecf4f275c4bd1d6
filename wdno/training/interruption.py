"""Signals that end a run early, taken note of and acted on between two steps."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Sent by Ctrl-C, and by workflow managers and batch systems that end a job."""


class Interrupted(Exception):
    """Training was ended by a signal; its state is saved.

    Attributes:
        signum: Number of the signal.
        exit_code: What the process should end with: 128 + signum, as shells have it.
    """

    def __init__(self, signum: int, step: int, steps: int, state: Path) -> None:
        """Say where the state is.

        Args:
            signum: Number of the signal.
            step: Steps done.
            steps: Steps wanted.
            state: Folder of the saved state.
        """
        self.signum = signum
        self.exit_code = 128 + signum
        super().__init__(
            f"interrupted by {signal.Signals(signum).name} after step {step} of {steps}; the "
            f"state is saved in {state}, and the same command continues from it"
        )


class Interruption:
    """Takes note of a signal, in a context; what the signals did before is restored after it.

    A second signal acts at once, as without this class. Outside the main thread, where Python
    allows no handlers, nothing changes.

    Attributes:
        signum: Number of the signal that came, 0 for none.
    """

    def __init__(self) -> None:
        """Begin with no signal; handlers are set on entering the context."""
        self.signum = 0
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        """Set the handlers."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._previous[number] = signal.signal(number, self._take_note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Restore the handlers."""
        self._restore()

    def _take_note(self, signum: int, frame: FrameType | None) -> None:
        self.signum = signum
        self._restore()

    def _restore(self) -> None:
        while self._previous:
            number, handler = self._previous.popitem()
            # None: a handler set outside Python, which cannot be put back from here.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
