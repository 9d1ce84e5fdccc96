"""Lines of a text file that may be compressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from schemas.errors import MalformedMessage, TruncatedSource
from streams.recordings.files import chunks
from streams.recordings.raw_lines import Reject

_MAX_LINE_BYTES = 1 << 20


def text_lines(path: Path, reject: Reject, on_read: Callable[[int], None]) -> Iterator[str]:
    """Lines without their ends, empty ones left out; what is no text goes to ``reject``.

    Where compressed data breaks off, that is rejected too and the lines end there.
    """
    tail = b""
    try:
        for piece in chunks(path, on_read):
            lines = (tail + piece).split(b"\n")
            tail = lines.pop()
            if len(tail) > _MAX_LINE_BYTES:
                error = MalformedMessage(f"a line of more than {_MAX_LINE_BYTES} bytes")
                reject(path.name, error, tail[:1024], 0)
                tail = b""
            yield from _decoded(path, lines, reject)
    except TruncatedSource as error:
        reject(path.name, error, tail, 0)
        return
    yield from _decoded(path, [tail], reject)


def _decoded(path: Path, lines: list[bytes], reject: Reject) -> Iterator[str]:
    for line in lines:
        try:
            text = line.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            reject(path.name, MalformedMessage("a line that is no text"), line, 0)
            continue
        if text:
            yield text
