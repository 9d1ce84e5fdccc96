"""Recordings that a feed made: everything that its frames were made of, made into them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.errors import MalformedMessage, RejectedInput
from schemas.settings import FeedSettings, FramesSettings
from streams.exchanges.venue import venue_of
from streams.feed.lines import MARK, Head, OwnLine, Told, decode_line
from streams.feed.symbol_feed import Hooks, SymbolFeed
from streams.merge import FeedMessage
from streams.recordings.raw_lines import RawLines
from streams.recordings.stats import OnDeadLetter, SourceStats


class FeedRecording:
    """One symbol of one venue, in one or more files given in order.

    ``stats`` tell about the latest call of :meth:`messages`, and are complete when it is exhausted.
    """

    def __init__(self, head: Head, paths: Sequence[Path]) -> None:
        self.head = head
        self.paths = tuple(paths)
        self.venue = head.venue
        self.symbol = head.symbol
        self.stats = SourceStats()

    @property
    def size_bytes(self) -> int:
        """Bytes of all files as they lie on the disk."""
        return sum(path.stat().st_size for path in self.paths)

    @property
    def key(self) -> str:
        """``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"

    def messages(
        self,
        frames: FramesSettings,
        feed: FeedSettings,
        *,
        epoch: int = 1,
        on_dead_letter: OnDeadLetter | None = None,
    ) -> Iterator[FeedMessage]:
        """Messages of the whole recording, lazily; each call reads the files anew."""
        stats = self.stats = SourceStats()
        given: list[FeedMessage] = []

        def rejected(error: RejectedInput, body: bytes, receive_ns: int) -> None:
            stats.reject(lines.file_name, error, body, receive_ns, on_dead_letter)

        def reject_line(_file: str, error: RejectedInput, body: bytes, receive_ns: int) -> None:
            rejected(error, body, receive_ns)

        venue = venue_of(self.head.venue)
        parser = venue.recorded_parser()
        lines = RawLines(self.paths, reject_line)
        hooks = Hooks(given.append, rejected)
        target: SymbolFeed | None = None
        for receive_ns, payload in lines:
            own = _own_line(payload)
            if target is not None and isinstance(own, Head) and own.rules is None:
                # The feed was started anew; one that was killed could not say that it ended.
                target.finish(stats.last_receive_ns or receive_ns)
                target, epoch = None, epoch + 1
            stats.first_receive_ns = stats.first_receive_ns or receive_ns
            stats.last_receive_ns = receive_ns
            if target is None:
                target = SymbolFeed(
                    venue,
                    self.symbol,
                    raw=self.head.raw,
                    frames=frames,
                    feed=feed,
                    hooks=hooks,
                    start_ns=receive_ns,
                    epoch=epoch,
                )
                if isinstance(own, Head) and own.rules is not None:
                    target.take(receive_ns, Told(own.rules), parser, payload)
            if own is None:
                target.take_message(receive_ns, payload, parser)
            else:
                target.take(receive_ns, own, parser, payload)
            if given:
                stats.lines, stats.bytes_read = lines.lines, lines.bytes_read
                yield from given
                given.clear()
        if target is not None and stats.last_receive_ns is not None:
            target.finish(stats.last_receive_ns)
            yield from given
        stats.lines, stats.bytes_read = lines.lines, lines.bytes_read
        stats.streams = parser.counts()


def _own_line(payload: bytes) -> OwnLine | None:
    """A line of the feed's own; a damaged one is left to the parser, which refuses it."""
    if not payload.startswith(MARK):
        return None
    try:
        return decode_line(payload)
    except MalformedMessage:
        return None


def made_by_feeds(paths: Sequence[Path]) -> tuple[list[FeedRecording], list[Path]]:
    """Recordings of feeds among the files, by venue and symbol in this order; and the other files.

    Raises :class:`SourceMissing` for a file that is not there.
    """
    heads: dict[str, Head] = {}
    files: dict[str, list[Path]] = {}
    others = []
    for path in paths:
        head = _head_of(path)
        if head is None:
            others.append(path)
            continue
        key = f"{head.venue}:{head.symbol}"
        heads.setdefault(key, head)
        files.setdefault(key, []).append(path)
    return [FeedRecording(heads[key], files[key]) for key in heads], others


def _head_of(path: Path) -> Head | None:
    def ignore(_source: str, _error: RejectedInput, _body: bytes, _receive_ns: int) -> None:
        """What is wrong with the file is told when its frames are read."""

    for _, payload in RawLines([path], ignore):
        own = _own_line(payload)
        return own if isinstance(own, Head) else None
    return None
