"""Takes what a venue's connections receive, and hands each symbol its part. Never raises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import structlog

from schemas.clock import monotonic_ns, now_ns
from schemas.errors import MalformedMessage, RejectedInput
from schemas.health import DeadLetter
from streams.events import LinkEvent
from streams.exchanges.venue import Connection, Contract, Stream, Venue
from streams.feed.counters import Counters
from streams.feed.lines import Head, Link, OwnLine, Told, as_line, encode_line
from streams.feed.symbol_feed import SymbolFeed

log = structlog.get_logger()

_PONG, _PONG_WITHIN = '"pong"', 80
"""What answers to pings say that are messages, within their first characters."""

OnDeadLetter = Callable[[DeadLetter], None]


class Recorder(Protocol):
    """Who keeps the lines."""

    def write(self, feed: SymbolFeed, receive_ns: int, line: bytes) -> None:
        """Keep a line of a symbol."""

    def begin(self, feed: SymbolFeed, receive_ns: int, head: Head) -> None:
        """A symbol's lines begin."""

    def told(self, feed: SymbolFeed, message: Told) -> None:
        """A message was told beside frames."""


class Receiver:
    """Guards the text handlers of all connections of a venue.

    Each message is parsed once and its events go to the symbols they name. What is no message
    counts against every symbol of the connection, for it could have been any of theirs.
    """

    def __init__(
        self,
        venue: Venue,
        *,
        counters: Counters,
        on_dead_letter: OnDeadLetter,
        recorder: Recorder | None = None,
    ) -> None:
        self.venue = venue
        self.counters = counters
        self.feeds: dict[str, SymbolFeed] = {}
        """By unified symbol."""
        self.connections: dict[str, Connection] = {}
        """Those that are open, by id."""
        self.heard: dict[str, int] = {}
        """Monotonic time at which each stream was last heard, by its name."""
        self.on_up: Callable[[Stream], None] = lambda _stream: None
        """Called when a stream is heard for the first time on a connection."""
        self.on_unreadable: Callable[[Iterable[str]], None] = lambda _symbols: None
        """Called with the symbols that a message may have been about which was none."""
        self.on_refused: Callable[[float | None], None] = lambda _seconds: None
        self._routes: dict[str, dict[str, SymbolFeed]] = {}
        self._recorder = recorder
        self._on_dead_letter = on_dead_letter
        self._last_ns = 0
        self.ended = False

    def now(self) -> int:
        """Wall time that never steps back."""
        self._last_ns = max(self._last_ns, now_ns())
        return self._last_ns

    def add(self, feed: SymbolFeed, contract: Contract, start_ns: int) -> None:
        """Take a symbol in; from here on its lines are kept."""
        self.feeds[feed.symbol] = feed
        self._routes.setdefault(contract.market, {})[contract.raw] = feed
        if self._recorder is not None:
            head = Head(self.venue.id, contract.raw, feed.symbol)
            self._recorder.begin(feed, start_ns, head)

    def feed_of(self, market: str, raw: str | None) -> SymbolFeed | None:
        """The symbol that a venue's message names."""
        return self._routes.get(market, _NONE).get(raw or "")

    def rejected(self, error: RejectedInput, payload: bytes, receive_ns: int) -> None:
        """Something did not reach a frame."""
        self.counters.add(f"rejected.{error.reason}")
        letter = DeadLetter(self.venue.id, error.reason, str(error), payload, receive_ns)
        self._on_dead_letter(letter)

    def tell(self, feed: SymbolFeed, line: OwnLine, *, at_ns: int | None = None) -> None:
        """Give a symbol a line of the feed's own, and keep it; ``at_ns`` is the last time told."""
        receive_ns = self.now() if at_ns is None else at_ns
        text = encode_line(line)
        feed.take(receive_ns, line, self.venue.recorded_parser(), text)
        if self._recorder is not None:
            self._recorder.write(feed, receive_ns, text)
            if isinstance(line, Told):
                self._recorder.told(feed, line)

    def on_open(self, connection: Connection) -> None:
        """A connection is being opened."""
        self.connections[connection.id] = connection

    def on_text(self, connection: Connection, text: str) -> None:
        """A message came."""
        if self.ended:
            return
        if connection.waiting:
            self._up(connection)
        receive_ns = self.now()
        if _PONG not in text[:_PONG_WITHIN]:  # who only answers pings may have stopped to tell
            connection.heard_ns = monotonic_ns()
            connection.messages += 1
        self.counters.counts["messages"] += 1
        payload = text.encode()
        try:
            events = connection.parser.parse(payload)
            symbols = self._routes.get(connection.market, _NONE)
            told: list[SymbolFeed] = []
            for event in events:
                if isinstance(event, LinkEvent):
                    self._tell_all(connection, Link(event.channels, event.up), receive_ns)
                    continue
                feed = symbols.get(event.symbol or "")
                if feed is None:
                    continue  # a stream of all the venue's symbols names others too
                feed.add(receive_ns, event, payload)
                if self._recorder is not None and feed not in told:
                    self._recorder.write(feed, receive_ns, as_line(payload))
                    told.append(feed)
        except RejectedInput as error:
            self._unreadable(connection, error, payload, receive_ns)
        except Exception as error:
            log.exception("feed.defect", connection=connection.id, body=payload[:500])
            defect = MalformedMessage(f"{type(error).__name__}: {error}")
            self._unreadable(connection, defect, payload, receive_ns)

    def on_lost(self, connection: Connection, reason: str) -> None:
        """The connection is gone."""
        self.connections.pop(connection.id, None)
        if self.ended:
            return
        self.counters.add("lost_connections")
        log.warning("feed.lost", connection=connection.id, reason=reason)
        for stream in connection.streams:
            if stream not in connection.waiting:
                self._tell_stream(stream, up=False)

    def on_anew(self, stream: Stream, symbol: str) -> None:
        """One symbol of a stream is subscribed anew, on the connection that there is."""
        if symbol not in self.feeds:
            return
        alone = stream._replace(symbols=(symbol,))
        for up in (False, True):
            self._tell_stream(alone, up=up)
        self.on_up(alone)

    def on_limited(self, retry_after_s: float | None) -> None:
        """The venue refused a request because there were too many."""
        self.counters.add("limited")
        self.on_refused(retry_after_s)

    def _up(self, connection: Connection) -> None:
        waiting = connection.waiting.copy()
        connection.waiting.clear()
        for stream in waiting:
            self._tell_stream(stream, up=True)
            self.on_up(stream)

    def _tell_stream(self, stream: Stream, *, up: bool) -> None:
        line = Link(stream.channels, up)
        for symbol in stream.symbols:
            if (feed := self.feeds.get(symbol)) is not None:
                self.tell(feed, line)

    def _tell_all(self, connection: Connection, line: Link, receive_ns: int) -> None:
        self.counters.add("sequence_gaps", not line.up)
        for feed in self._feeds_of(connection):
            self.tell(feed, line, at_ns=receive_ns)

    def _unreadable(
        self, connection: Connection, error: RejectedInput, payload: bytes, receive_ns: int
    ) -> None:
        self.rejected(error, payload, receive_ns)
        line = as_line(payload)
        feeds = self._feeds_of(connection)
        named = [feed.symbol for feed in feeds if feed.raw.encode() in payload]
        self.on_unreadable(named or [feed.symbol for feed in feeds])
        for feed in feeds:
            feed.reject(receive_ns)
            if self._recorder is not None:
                self._recorder.write(feed, receive_ns, line)

    def _feeds_of(self, connection: Connection) -> list[SymbolFeed]:
        symbols = dict.fromkeys(s for stream in connection.streams for s in stream.symbols)
        return [self.feeds[symbol] for symbol in symbols if symbol in self.feeds]


_NONE: Mapping[str, SymbolFeed] = {}
