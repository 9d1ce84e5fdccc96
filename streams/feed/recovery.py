"""Gets back what was lost: books from snapshots, trades from the venue's archive."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

import msgspec
import structlog

from schemas.clock import monotonic_ns
from schemas.errors import VenueUnavailable
from schemas.frame import NS_PER_S
from schemas.settings import FeedSettings
from streams.exchanges.venue import Stream, Transport
from streams.feed.backoff import Backoff
from streams.feed.budget import Budget
from streams.feed.lines import Gone, Reply
from streams.feed.receiver import Receiver
from streams.feed.symbol_feed import SymbolFeed

log = structlog.get_logger()

_LOOK_S = 0.05
_WITHOUT_CHANGES_NS = 3 * NS_PER_S
"""How long a snapshot waits for the first change, which tells that the stream is there."""
_RENEWED_NS = 2 * NS_PER_S
"""Least time between two attempts to have a symbol's book begin anew."""
_SNAPSHOT_WITHIN_NS = 10 * NS_PER_S
"""How long a stream may owe a snapshot while no other symbol gets one either."""
_OUTGROWN_NS = 10 * NS_PER_S
"""Least time between two looks at what lies beyond the edge of a symbol's book."""
_SETTLED_NS = 2 * NS_PER_S
"""How long after a subscription it is in force for sure: what came to pass before is asked for."""
_ATTEMPTS = 3
"""How often a hole in the tape is asked for before it counts as one that the venue left."""


class Recovery:
    """Looks at every symbol, and asks for what it lacks; one request of a kind at a time each."""

    def __init__(
        self, receiver: Receiver, transport: Transport, budget: Budget, settings: FeedSettings
    ) -> None:
        self._receiver = receiver
        self._venue = receiver.venue
        self._transport = transport
        self._budget = budget
        self._settings = settings
        self._asking: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._without_book_ns: dict[str, int] = {}
        self._renewed_ns: dict[str, int] = {}
        self._book_came_ns = 0
        self._tape_due: set[str] = set()
        self._tape_again_ns: dict[str, int] = {}
        self._outgrown_ns: dict[str, int] = {}
        self._streams: list[Stream] = []
        self._backoffs: dict[tuple[str, str], Backoff] = {}

    def watch(self, streams: list[Stream]) -> None:
        """The subscriptions that there are."""
        self._streams = streams

    def tape_due(self, stream: Stream) -> None:
        """A tape goes on after a break: whatever happened meanwhile is asked for. Where the stream
        repeats some of it and ids are a sequence, they tell what lacks beyond that.
        """
        if not self._venue.asks_trades or "trades" not in stream.channels:
            return
        for symbol in stream.symbols:
            tape = self._receiver.feeds[symbol].framer.state.tape
            if not (self._venue.repeats_tape and tape.verifiable):
                self._tape_due.add(symbol)
            if not (self._venue.repeats_tape or tape.verifiable):
                # Nothing will tell what came to pass between the answer and the subscription.
                self._tape_again_ns[symbol] = monotonic_ns() + _SETTLED_NS

    def tape_doubtful(self, symbols: Iterable[str]) -> None:
        """Something of these was no message, maybe a trade. Where ids are a sequence, the next
        trade tells.
        """
        for symbol in symbols:
            if not self._receiver.feeds[symbol].framer.state.tape.verifiable:
                self._tape_due.add(symbol)

    def begin_anew(self, symbol: str) -> None:
        """Have everything of a symbol subscribed again."""
        for stream in self._streams:
            if symbol in stream.symbols:
                self._transport.reopen(stream)

    async def renew(self, feed: SymbolFeed, channel: str) -> None:
        """Have one channel of a symbol begin anew."""
        self._renewed_ns[feed.symbol] = monotonic_ns()
        self._receiver.counters.add("resyncs", channel == "book")
        for stream in self._streams:
            if channel in stream.channels and feed.symbol in stream.symbols:
                await self._transport.resubscribe(stream, feed.symbol)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                for feed in self._receiver.feeds.values():
                    self._look(feed)
                await asyncio.sleep(_LOOK_S)
        finally:
            for task in self._asking.values():
                task.cancel()
            await asyncio.gather(*self._asking.values(), return_exceptions=True)

    def _look(self, feed: SymbolFeed) -> None:
        state, now_ns = feed.framer.state, monotonic_ns()
        if "book" not in state.down and ("book", feed.symbol) not in self._asking:
            if not state.depth.synced:
                self._look_after_book(feed, now_ns)
            elif self._without_book_ns.pop(feed.symbol, None) is not None:
                self._book_came_ns = now_ns
            elif self._venue.asks_books and feed.outgrown:
                self._look_beyond(feed, now_ns)
        if "trades" in state.down or ("trades", feed.symbol) in self._asking:
            return
        if not self._venue.asks_trades:
            return
        if now_ns > self._tape_again_ns.get(feed.symbol, now_ns):
            del self._tape_again_ns[feed.symbol]
            self._tape_due.add(feed.symbol)
        if state.tape.holes:
            self._start("trades", feed, self._fill(feed, state.tape.holes[0]))
        elif feed.symbol in self._tape_due:
            self._tape_due.discard(feed.symbol)
            self._start("trades", feed, self._catch_up(feed))

    def _look_beyond(self, feed: SymbolFeed, now_ns: int) -> None:
        if now_ns - self._outgrown_ns.get(feed.symbol, 0) > _OUTGROWN_NS:
            self._outgrown_ns[feed.symbol] = now_ns
            self._start("beyond", feed, self._ask_beyond(feed))

    def _look_after_book(self, feed: SymbolFeed, now_ns: int) -> None:
        since_ns = self._without_book_ns.setdefault(feed.symbol, now_ns)
        changes_wait = feed.framer.state.depth.waiting
        if self._venue.asks_books:
            if changes_wait or now_ns - since_ns > _WITHOUT_CHANGES_NS:
                self._start("book", feed, self._ask_book(feed))
            return
        # Changes without a snapshot before them: something was missed. Without changes the snapshot
        # may be on its way, behind those of other symbols.
        renewed_ns = self._renewed_ns.get(feed.symbol, 0)
        owed_ns = now_ns - max(since_ns, renewed_ns, self._book_came_ns)
        broken = changes_wait and now_ns - renewed_ns > _RENEWED_NS
        if broken or owed_ns > _SNAPSHOT_WITHIN_NS:
            self._start("book", feed, self.renew(feed, "book"))

    def _start(self, kind: str, feed: SymbolFeed, work: Coroutine[Any, Any, None]) -> None:
        key = (kind, feed.symbol)
        task = self._asking[key] = asyncio.create_task(self._trying(kind, feed, work))
        task.add_done_callback(lambda _task: self._asking.pop(key, None))

    async def _trying(self, kind: str, feed: SymbolFeed, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except VenueUnavailable as error:
            self._receiver.counters.add("refused_requests")
            log.warning("feed.refused", symbol=feed.key, asked=kind, reason=str(error))
            settings = self._settings
            backoff = self._backoffs.setdefault(
                (kind, feed.symbol),
                Backoff(first_s=settings.reconnect_s, most_s=settings.reconnect_max_s),
            )
            if kind == "trades":
                self._tape_due.add(feed.symbol)
            await asyncio.sleep(backoff.next_s())
        else:
            self._backoffs.pop((kind, feed.symbol), None)

    async def _ask(
        self, kind: str, feed: SymbolFeed, *, from_id: int | None = None, spare: bool = False
    ) -> bytes:
        await self._budget.take(self._transport.weight(kind), spare=spare)
        return await self._transport.ask(kind, feed.symbol, from_id=from_id)

    async def _ask_book(self, feed: SymbolFeed) -> None:
        data = await self._ask("book", feed)
        self._reply(feed, "book", data)
        self._receiver.counters.add("resyncs")

    async def _ask_beyond(self, feed: SymbolFeed) -> None:
        """Levels that nobody changed since the snapshot are told by no change."""
        self._reply(feed, "book", await self._ask("book", feed, spare=True))

    async def _fill(self, feed: SymbolFeed, hole: tuple[int, int]) -> None:
        tape = feed.framer.state.tape
        before = sum(last - first + 1 for first, last in tape.holes)
        for _ in range(_ATTEMPTS):
            self._reply(feed, "trades", await self._ask("trades", feed, from_id=hole[0]))
            if hole not in tape.holes:
                left = sum(last - first + 1 for first, last in tape.holes)
                self._receiver.counters.add("recovered_trades", max(before - left, 0))
                return
            await asyncio.sleep(self._settings.reconnect_s)
        self._receiver.counters.add("missing_trades", hole[1] - hole[0] + 1)
        self._receiver.tell(feed, Gone(*hole))

    async def _catch_up(self, feed: SymbolFeed) -> None:
        last = feed.framer.state.tape.last_id
        from_id = None if last is None else last + 1
        self._reply(feed, "trades", await self._ask("trades", feed, from_id=from_id))

    def _reply(self, feed: SymbolFeed, kind: str, data: bytes) -> None:
        # A raw part of a line is written as it came, line breaks and all.
        try:
            compact = msgspec.json.format(data, indent=-1)
        except msgspec.MsgspecError as error:
            raise VenueUnavailable(f"{kind}: the reply is no JSON: {error}") from error
        self._receiver.tell(feed, Reply(kind, msgspec.Raw(compact)))
