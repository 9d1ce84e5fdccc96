"""Recordings: which files belong together, what they hold, and their frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from schemas.errors import MalformedMessage, RejectedInput, SourceMissing, UnknownStream
from schemas.frame import Frame
from schemas.settings import FramesSettings
from streams.events import Event, TradeEvent
from streams.exchanges.binance import SNAPSHOT_LIMITS, BinanceParser, Origin, identify
from streams.framer import Framer
from streams.recordings.raw_lines import RawLines
from streams.recordings.stats import OnDeadLetter, SourceStats

_HEAD_LINES = 1000
"""Lines that are read to learn what a file holds; the quietest one recorded tells in four."""


class Recording:
    """One symbol of one venue, in one or more files given in order.

    ``stats`` tell about the latest call of :meth:`frames`, and are complete when it is exhausted.
    """

    def __init__(self, origin: Origin, paths: Sequence[Path]) -> None:
        self.origin = origin
        self.paths = tuple(paths)
        self.venue = origin.venue
        self.symbol = origin.symbol
        self.stats = SourceStats()

    @property
    def size_bytes(self) -> int:
        """Bytes of all files as they lie on the disk."""
        return sum(path.stat().st_size for path in self.paths)

    @property
    def key(self) -> str:
        """``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"

    def frames(
        self,
        settings: FramesSettings,
        *,
        epoch: int = 1,
        on_dead_letter: OnDeadLetter | None = None,
    ) -> Iterator[Frame]:
        """Frames of the whole recording, lazily; each call reads the files anew.

        What cannot be used goes to ``on_dead_letter`` and into ``stats``, and reading goes on.
        Raises :class:`SourceMissing` if a file is gone.
        """
        stats = self.stats = SourceStats()
        framer = Framer(
            self.venue,
            self.symbol,
            settings=settings,
            epoch=epoch,
            snapshot_limits=SNAPSHOT_LIMITS,
            derive_touch=not self.origin.has_touch,
        )

        def reject(source: str, error: RejectedInput, body: bytes, receive_ns: int) -> None:
            stats.reject(source, error, body, receive_ns, on_dead_letter)

        def reject_line(source: str, error: RejectedInput, body: bytes, receive_ns: int) -> None:
            framer.reject()
            reject(source, error, body, receive_ns)

        lines = RawLines(self.paths, reject_line)
        parser = BinanceParser()
        parse, add, belongs = parser.parse, framer.add, self._belongs
        for receive_ns, payload in lines:
            if receive_ns >= framer.close_ns:
                stats.lines, stats.bytes_read = lines.lines, lines.bytes_read
                stats.streams = parser.counts()
                yield from framer.advance(receive_ns)
            try:
                events = parse(payload)
            except RejectedInput as error:
                reject_line(lines.file_name, error, payload, receive_ns)
                continue
            for event in events:
                try:
                    if belongs(event, payload):
                        add(receive_ns, event)
                except RejectedInput as error:
                    reject(lines.file_name, error, payload, receive_ns)
            stats.first_receive_ns = stats.first_receive_ns or receive_ns
            stats.last_receive_ns = receive_ns
        stats.lines, stats.bytes_read = lines.lines, lines.bytes_read
        stats.streams = parser.counts()
        yield from framer.finish()

    def _belongs(self, event: Event, payload: bytes) -> bool:
        raw_symbol = self.origin.raw_symbol
        if event.symbol is not None and event.symbol != raw_symbol:
            if payload.startswith(b'{"stream":"!'):
                return False  # an all-market stream
            raise UnknownStream(
                f"{event.symbol} in the recording of {raw_symbol}: needs its own file"
            )
        # Aggregates tell the same trades again where single ones are recorded too.
        return not (
            self.origin.has_single_trades and isinstance(event, TradeEvent) and event.aggregate
        )


def sources_from(paths: Sequence[Path]) -> list[Recording]:
    """Recordings that the files make: those of one venue and symbol belong together, in this order.

    Raises :class:`SourceMissing` for a file that is not there, or that is not recognised.
    """
    files: dict[str, list[Path]] = {}
    origins: dict[str, Origin] = {}
    for path in paths:
        origin = _origin(path)
        key = f"{origin.venue}:{origin.symbol}"
        files.setdefault(key, []).append(path)
        first = origins.setdefault(key, origin)
        origins[key] = first._replace(
            has_touch=first.has_touch or origin.has_touch,
            has_single_trades=first.has_single_trades or origin.has_single_trades,
        )
    return [Recording(origins[key], files[key]) for key in files]


def _origin(path: Path) -> Origin:
    def ignore(_source: str, _error: RejectedInput, _body: bytes, _receive_ns: int) -> None:
        """What is wrong with the file is told when its frames are read."""

    head = islice(RawLines([path], ignore), _HEAD_LINES)
    try:
        origin = identify(payload for _, payload in head)
    except MalformedMessage as error:
        raise SourceMissing(f"{path}: {error}; this market is not known") from error
    if origin is None:
        raise SourceMissing(
            f"{path}: no market data recognised in its first {_HEAD_LINES} lines; expected a "
            "recording of a feed, lines of receive time and Binance message, or klines "
            "(CSV, Feather)"
        )
    return origin
