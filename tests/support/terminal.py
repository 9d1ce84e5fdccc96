"""A command in a pseudo-terminal of a given size, as a person would have it before them."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tests.support.needs import REPOSITORY
from tests.support.prism import PRISM, environment

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Runs `prism` with the pseudo-terminal as its controlling one, so that Ctrl-C is a key."""

    def __init__(self, *arguments: str | Path, rows: int, columns: int) -> None:
        # The slave stays open here: with its last end the terminal would lose its size.
        self._master, self._slave = pty.openpty()
        termios.tcsetwinsize(self._slave, (rows, columns))
        # The first terminal that a session leader opens becomes its controlling one.
        self.process = subprocess.Popen(
            ["sh", "-c", 'exec "$0" "$@" <"$PTY" >"$PTY" 2>&1', PRISM, *arguments],
            env=environment({"PTY": os.ttyname(self._slave), "TERM": "xterm-256color"}),
            cwd=REPOSITORY,
            start_new_session=True,
        )
        self._raw = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=30)
        os.close(self._master)
        os.close(self._slave)

    @property
    def text(self) -> str:
        """Everything that was shown, one drawing after another, without control codes."""
        return _CONTROL.sub("", self._raw.decode("utf-8", "replace"))

    def press(self, key: bytes) -> None:
        """Send a key."""
        os.write(self._master, key)

    def read_until(self, done: Callable[[str], object], *, timeout_s: float = 60.0) -> None:
        """Read what is shown until ``done(text)``; fails when time or output ends before."""
        end = time.monotonic() + timeout_s
        while not done(self.text):
            assert time.monotonic() < end, f"not shown in {timeout_s} s:\n{self.text[-2000:]}"
            assert self._read(), f"ended before it was shown:\n{self.text[-2000:]}"

    def read_to_end(self, *, timeout_s: float = 60.0) -> int:
        """Read until the process ends; its exit code."""
        end = time.monotonic() + timeout_s
        while self._read():
            assert time.monotonic() < end, f"did not end in {timeout_s} s"
        return self.process.wait()

    def _read(self) -> bool:
        """Read what is there, waiting a little; ``False`` when nothing will come any more."""
        ended = self.process.poll() is not None
        if select.select([self._master], [], [], 0.1)[0]:
            self._raw += os.read(self._master, 1 << 16)
            return True
        return not ended
