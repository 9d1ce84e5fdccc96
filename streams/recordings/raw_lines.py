"""Raw capture format: one ``receive_time json`` a line; microseconds or nanoseconds since 1970."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from schemas.errors import MalformedMessage, RejectedInput, TruncatedSource
from schemas.frame import NS_PER_S
from streams.recordings.files import chunks

MAX_LINE_BYTES = 16 << 20
"""Venues send at most 10 MB in a message; a longer line is no line."""
MAX_STEP_BACK_NS = 5 * NS_PER_S
"""Two writing threads may swap lines; a line further back than this has a wrong time."""
MAX_STEP_AHEAD_NS = 3600 * NS_PER_S
"""A line further ahead than this is believed only if the one after it agrees."""

Reject = Callable[[str, RejectedInput, bytes, int], None]
"""Called with file name, reason, bytes and receive time (0 if unknown) of what cannot be used."""


class RawLines:
    """Receive time in ns and payload of every line of several files, in the order given.

    Times never step back: a line slightly behind the one before it gets that one's time, so that
    lines are neither reordered nor lost. What is no line goes to ``reject``; reading goes on behind
    it. ``lines`` counts all, ``bytes_read`` the bytes of the files as they lie on the disk,
    ``file_name`` names the file being read.
    """

    def __init__(self, paths: Iterable[Path], reject: Reject) -> None:
        self.lines = 0
        self.bytes_read = 0
        self.file_name = ""
        self._paths = tuple(paths)
        self._reject = reject

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        last_ns = 0
        held: tuple[int, bytes] | None = None
        for stamp_ns, payload in self._stamped():
            step = stamp_ns - last_ns
            if held is not None:
                if abs(stamp_ns - held[0]) <= MAX_STEP_AHEAD_NS:
                    yield held
                    last_ns = held[0]
                    step = stamp_ns - last_ns
                else:
                    self._wrong_time(held, last_ns)
                held = None
            if 0 <= step <= MAX_STEP_AHEAD_NS or last_ns == 0:
                last_ns = stamp_ns
                yield stamp_ns, payload
            elif step > 0:
                held = (stamp_ns, payload)
            elif -step <= MAX_STEP_BACK_NS:
                yield last_ns, payload
            else:
                self._wrong_time((stamp_ns, payload), last_ns)
        if held is not None:
            self._wrong_time(held, last_ns)

    def _wrong_time(self, line: tuple[int, bytes], last_ns: int) -> None:
        stamp_ns, payload = line
        seconds = (stamp_ns - last_ns) / NS_PER_S
        error = MalformedMessage(f"receive time {seconds:+.1f} s from the line before it")
        self._reject(self.file_name, error, payload, stamp_ns)

    def _stamped(self) -> Iterator[tuple[int, bytes]]:
        for line in self._lines():
            stamp, _, payload = line.partition(b" ")
            digits = len(stamp) if stamp.isdigit() else 0
            if digits == 19:
                yield int(stamp), payload
            elif digits == 16:
                yield int(stamp) * 1000, payload
            else:
                error = MalformedMessage("no receive time of 16 (µs) or 19 (ns) digits in front")
                self._reject(self.file_name, error, line, 0)

    def _read(self, count: int) -> None:
        self.bytes_read += count

    def _lines(self) -> Iterator[bytes]:
        for path in self._paths:
            self.file_name = path.name
            tail = b""
            try:
                for piece in chunks(path, self._read):
                    lines = (tail + piece).split(b"\n")
                    tail = lines.pop()
                    self.lines += len(lines)
                    yield from lines
                    if len(tail) > MAX_LINE_BYTES:
                        error = MalformedMessage(f"a line of more than {MAX_LINE_BYTES} bytes")
                        self._reject(self.file_name, error, tail[:1024], 0)
                        tail = b""
            except TruncatedSource as error:
                self._reject(self.file_name, error, tail, 0)
                tail = b""
            if tail:
                self.lines += 1
                yield tail
