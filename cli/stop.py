"""Stopping cleanly: the first Ctrl-C or SIGTERM is a request, the second one ends the process."""

from __future__ import annotations

import contextlib
import signal
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import Any

STOPPED_BY = 128
"""Exit code of a command that a signal stopped: this plus the signal's number."""


class Stop:
    """Turns SIGINT and SIGTERM into a flag that loops look at, and a wait that they interrupt.

    Use it as a context manager in the main thread. ``by`` is the signal that came, ``None`` so far.
    """

    def __init__(self) -> None:
        self.by: signal.Signals | None = None
        # Of the waitable things only SimpleQueue.put may be called from a signal handler.
        self._woken: SimpleQueue[None] = SimpleQueue()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stop:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def requested(self) -> bool:
        """Whether somebody asked to stop."""
        return self.by is not None

    def wait(self, seconds: float) -> bool:
        """Sleep; ``True`` at once when a stop is asked for."""
        if self.by is None and seconds > 0:
            with contextlib.suppress(Empty):
                self._woken.get(timeout=seconds)
        return self.requested

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.by = signal.Signals(number)
        self._woken.put(None)
        for other, handler in self._before.items():
            signal.signal(other, handler)
