"""Writes what a feed receives: files of lines, one per symbol and hour, compressed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard

from schemas.frame import NS_PER_S, Instrument
from streams.events import Levels
from streams.feed.lines import Book, Head, Told, encode_line
from streams.feed.symbol_feed import SymbolFeed
from streams.symbol_state import SymbolState

HOUR_S = 3_600
_LEVEL = 3
"""Compression: 7 times smaller at some 300 MB/s; higher levels cost more than they save."""
_FLUSH_BYTES = 1 << 20


class _File:
    """One symbol's file of the hour that is written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._raw: BinaryIO = path.open("xb")
        self._written = zstandard.ZstdCompressor(level=_LEVEL).stream_writer(self._raw)
        self._since_flush = 0

    def write(self, receive_ns: int, line: bytes) -> None:
        self._since_flush += self._written.write(b"%d %s\n" % (receive_ns, line))
        if self._since_flush >= _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """What was written so far can be read, whatever happens to the process."""
        self._written.flush(zstandard.FLUSH_BLOCK)
        self._raw.flush()
        self._since_flush = 0

    def close(self) -> None:
        self._written.flush(zstandard.FLUSH_FRAME)
        self._raw.close()


class LineRecorder:
    """Files ``DIR/VENUE/SYMBOL/2026-11-25T140000.jsonl.zst``, one for each hour of receipt (UTC),
    and one named by its own time where a feed is started again within the hour.

    Each begins with what it is of, the rules in force and the book as it stands, so that it can be
    read alone; read together, in order, they give the frames of the live run. ``/`` and ``:`` of a
    symbol become ``-`` and ``_`` in its folder's name.
    """

    def __init__(self, folder: Path, *, rotate_s: int = HOUR_S) -> None:
        self._folder = folder
        self._rotate_s = rotate_s
        self._open: dict[str, tuple[int, _File]] = {}
        self._heads: dict[str, Head] = {}
        self._rules: dict[str, Instrument] = {}

    def begin(self, feed: SymbolFeed, receive_ns: int, head: Head) -> None:
        """A symbol's lines begin."""
        self._heads[feed.key] = head
        self._file(feed, receive_ns)

    def write(self, feed: SymbolFeed, receive_ns: int, line: bytes) -> None:
        """Keep a line of a symbol."""
        self._file(feed, receive_ns).write(receive_ns, line)

    def told(self, feed: SymbolFeed, message: Told) -> None:
        """The rules in force, which every later file begins with."""
        if isinstance(message.message, Instrument):
            self._rules[feed.key] = message.message

    def flush(self) -> None:
        """Bring everything to the disk."""
        for _, file in self._open.values():
            file.flush()

    def close(self) -> None:
        """Finish all files."""
        for _, file in self._open.values():
            file.close()
        self._open.clear()

    def _file(self, feed: SymbolFeed, receive_ns: int) -> _File:
        start_s = receive_ns // NS_PER_S // self._rotate_s * self._rotate_s
        held = self._open.get(feed.key)
        if held is not None and held[0] == start_s:
            return held[1]
        file = _File(self._new_path(feed.key, start_s, receive_ns // NS_PER_S))
        head = self._heads[feed.key]
        if held is not None:
            head = msgspec.structs.replace(head, rules=self._rules.get(feed.key))
        file.write(receive_ns, encode_line(head))
        if held is not None:
            held[1].close()
            state = feed.framer.state
            if state.depth.synced:
                file.write(receive_ns, encode_line(_book_of(state)))
        self._open[feed.key] = (start_s, file)
        return file

    def _new_path(self, key: str, start_s: int, now_s: int) -> Path:
        # A feed that is started again within the hour begins a file of its own: behind what a
        # killed one left unfinished nothing could be read.
        path = self.path(key, start_s)
        while path.exists():
            path = self.path(key, now_s)
            now_s += 1
        return path

    def path(self, key: str, start_s: int) -> Path:
        """The file of a symbol that begins at a time (seconds since 1970)."""
        venue, _, symbol = key.partition(":")
        stamp = datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%dT%H%M%S")
        name = symbol.replace("/", "-").replace(":", "_")
        return self._folder / venue / name / f"{stamp}.jsonl.zst"


def _book_of(state: SymbolState) -> Book:
    def side(levels: list[tuple[int, int]]) -> Levels:
        price, qty = state.price.exponent, state.qty.exponent
        return [(_text(p, price), _text(q, qty)) for p, q in levels]

    book = state.book
    bids = [(key, book.bids.qty[key]) for key in reversed(book.bids.keys)]
    asks = [(-key, book.asks.qty[key]) for key in reversed(book.asks.keys)]
    return Book(book.update_id, book.exchange_ns, side(bids), side(asks))


def _text(mantissa: int, exponent: int) -> str:
    if not exponent:
        return str(mantissa)
    digits = str(mantissa).rjust(exponent + 1, "0")
    return f"{digits[:-exponent]}.{digits[-exponent:]}"
