"""A live feed of one venue: starts, listens, closes frames on time, and tells how it is."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import aiohttp
import msgspec
import structlog

from schemas.clock import monotonic_ns, now_ns
from schemas.errors import GivenUp, VenueUnavailable
from schemas.frame import NS_PER_S, Frame
from schemas.health import Heartbeat
from schemas.settings import Settings
from streams.exchanges.venue import Contract, Stream, Transport, Venue
from streams.feed.asking import Asking
from streams.feed.backoff import Backoff
from streams.feed.budget import Budget
from streams.feed.closes import closes
from streams.feed.counters import Counters
from streams.feed.history import History
from streams.feed.lines import End, Link, Told
from streams.feed.listings import Listings
from streams.feed.memory import give_large_blocks_back
from streams.feed.polls import Polls
from streams.feed.quiet import QuietChannels
from streams.feed.receiver import OnDeadLetter, Receiver, Recorder
from streams.feed.recovery import Recovery
from streams.feed.symbol_feed import Hooks, SymbolFeed
from streams.feed.symbols import chosen
from streams.feed.watchdog import Watchdog
from streams.merge import FeedMessage

log = structlog.get_logger()
T = TypeVar("T")

_AFTER_LIMIT_S = 10.0
"""How long a venue that refuses without saying for how long is left alone."""
_HISTORY_AT_ONCE = 4
_NOTHING_LISTED_S = 1.0
_STEADY_NS = 10 * NS_PER_S
"""How long a stream must have held for the next reconnect to be a first one: venues ban those who
open connections without end (Binance: 300 in 5 minutes)."""
_AT_ONCE = 10
"""Symbols whose frames are closed, and then published, before the next ones are."""

Publish = Callable[[list[FeedMessage]], Awaitable[None]]
Beat = Callable[[Heartbeat], Awaitable[None]]
EpochOf = Callable[[str], Awaitable[int]]


async def _first_epoch(_key: str) -> int:
    return 1


class LiveFeed:
    """Everything of one venue's feed but what becomes of its messages.

    ``publish`` takes what closed together; ``beat`` takes a heartbeat every
    ``runtime.heartbeat_s``; ``epoch_of`` tells the epoch that a symbol's frames carry.
    """

    def __init__(
        self,
        venue: Venue,
        settings: Settings,
        *,
        session: aiohttp.ClientSession,
        publish: Publish,
        beat: Beat,
        on_dead_letter: OnDeadLetter,
        epoch_of: EpochOf = _first_epoch,
        recorder: Recorder | None = None,
    ) -> None:
        self.counters = Counters(f"feed:{venue.id}")
        self.receiver = Receiver(
            venue, counters=self.counters, on_dead_letter=on_dead_letter, recorder=recorder
        )
        self.transport: Transport = venue.open(settings.feed, session, self.receiver)
        self._venue = venue
        self._settings = settings
        self._publish = publish
        self._beat = beat
        self._epoch_of = epoch_of
        self._budget = Budget(venue.budget * settings.feed.rate_share)
        self._recovery = Recovery(self.receiver, self.transport, self._budget, settings.feed)
        self._messages: list[FeedMessage] = []
        self._channels: dict[str, set[str]] = {}
        """What each symbol is listened to on."""
        self._why: dict[str, str] = {}
        """What keeps the feed from working, by where."""
        self._to_begin = 0
        """Symbols whose history is not fetched yet: no stream is listened to before."""
        self._asking = Asking(
            venue.id, self.transport, self._budget, self.counters, settings.feed, why=self._why
        )
        self._listings = Listings(
            self.receiver,
            self._recovery,
            rules_s=settings.feed.rules_s,
            link=lambda name: self._link(name, up=False),
            why=self._why,
        )
        self.receiver.on_refused = self._pause
        self.receiver.on_up = self._stream_is_up
        self.receiver.on_unreadable = self._recovery.tape_doubtful

    async def run(self, symbols: str, stop: asyncio.Event) -> None:
        """Listen until ``stop``. Raises :class:`UsageError` for symbols that there are not."""
        beating = asyncio.create_task(self._beats())
        working = asyncio.create_task(self._work(symbols))
        stopping = asyncio.create_task(stop.wait())
        tasks = (beating, working, stopping)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await self._end()
        for result in results:
            if isinstance(result, BaseExceptionGroup):
                raise result.exceptions[0]
            if isinstance(result, Exception):
                raise result

    def status(self) -> str:
        """``ok``, or in a few words what keeps the feed from working."""
        if self._why:
            return "; ".join(f"{where}: {why}" for where, why in sorted(self._why.items()))
        if self._to_begin:
            return f"fetching the history of {self._to_begin} symbols"
        unsynced = [feed.symbol for feed in self.receiver.feeds.values() if not feed.synced]
        if unsynced:
            return f"{len(unsynced)} of {len(self.receiver.feeds)} without a book"
        return "ok" if self.receiver.feeds else "starting"

    async def _work(self, symbols: str) -> None:
        give_large_blocks_back()
        contracts = await self._asking.contracts()
        names = await self._asking.until_it_works(
            "symbols", lambda: chosen(symbols, self.transport, contracts)
        )
        streams = self.transport.streams(names)
        for stream in streams:
            for name in stream.symbols:
                self._channels.setdefault(name, set()).update(stream.channels)
        await self._begin(names, contracts)
        self._recovery.watch(streams)
        quiet = QuietChannels(
            self.receiver,
            self.transport,
            self._budget,
            self._recovery,
            channels=self._channels,
            quiet_s=self._settings.feed.quiet_channel_s,
        )
        watchdog = Watchdog(self.receiver, self.transport, self._settings.feed.keep_alive_s)
        polls = Polls(self.receiver, self.transport, self._budget, self._settings.feed)
        # What ccxt holds of a venue's markets lives as long as the feed, and is much: the collector
        # need not walk it again and again, a tenth of a second each time.
        gc.collect()
        gc.freeze()
        log.info("feed.started", venue=self._venue.id, symbols=len(names), streams=len(streams))
        async with asyncio.TaskGroup() as group:
            loops: list[Coroutine[Any, Any, None]] = [
                self._close_frames(),
                self._recovery.run(),
                watchdog.run(),
                quiet.run(),
                polls.run(),
                self._watch_listings(),
                *map(self._hold, streams),
            ]
            for loop in loops:
                group.create_task(loop)

    async def _begin(self, names: list[str], contracts: dict[str, Contract]) -> None:
        history = History(
            self._venue.id,
            self.transport,
            self._budget,
            self.counters,
            bars=self._settings.feed.history_bars,
        )
        some = asyncio.Semaphore(_HISTORY_AT_ONCE)
        self._to_begin = len(names)

        async def begin(name: str) -> None:
            async with some:
                past = await history.of(name)
            await self._begin_symbol(name, contracts[name], past)
            self._to_begin -= 1

        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(begin(name))

    async def _begin_symbol(self, name: str, contract: Contract, past: list[Any]) -> None:
        epoch = await self._epoch_of(f"{self._venue.id}:{name}")
        start_ns = self.receiver.now()
        feed = SymbolFeed(
            self._venue,
            name,
            raw=contract.raw,
            frames=self._settings.frames,
            feed=self._settings.feed,
            hooks=Hooks(self._messages.append, self.receiver.rejected),
            start_ns=start_ns,
            epoch=epoch,
        )
        self.receiver.add(feed, contract, start_ns)
        self._listings.begin(name, contract)
        # All at one time: a frame that closes in between would stand before what was known first.
        self.receiver.tell(feed, self._link(name, up=False), at_ns=start_ns)
        told = msgspec.structs.replace(contract.rules, effective_ns=start_ns)
        self.receiver.tell(feed, Told(told), at_ns=start_ns)
        for message in past:
            known = msgspec.structs.replace(message, known_ns=start_ns)
            self.receiver.tell(feed, Told(known), at_ns=start_ns)

    def _link(self, name: str, *, up: bool) -> Link:
        return Link(tuple(sorted(self._channels[name])), up)

    async def _hold(self, stream: Stream) -> None:
        feed = self._settings.feed
        backoff = Backoff(first_s=feed.reconnect_s, most_s=feed.reconnect_max_s)
        while True:
            before_ns = monotonic_ns()
            # One symbol that is not listed any more would have the venue refuse them all.
            listed = self._listings.listed(stream.symbols)
            if not listed:
                self._why.pop(stream.name, None)
                await asyncio.sleep(_NOTHING_LISTED_S)
                continue
            given_up = False
            try:
                await self.transport.hold(stream._replace(symbols=listed))
            except VenueUnavailable as error:
                self._why[stream.name] = str(error)
                given_up = isinstance(error, GivenUp)
            closed_s = self._budget.closed_s()
            heard_ns = self.receiver.heard.get(stream.name, 0)
            if heard_ns > before_ns:
                if monotonic_ns() - heard_ns > _STEADY_NS:
                    backoff.reset()
                # Nobody else closes it at the same time: there is no crowd to stay out of.
                wait_s = closed_s if given_up else backoff.next_s(at_least_s=closed_s)
            else:
                wait_s = backoff.next_s(at_least_s=closed_s)
            log.info("feed.reconnect", venue=self._venue.id, stream=stream.name, wait_s=wait_s)
            await asyncio.sleep(wait_s)

    def _stream_is_up(self, stream: Stream) -> None:
        self._why.pop(stream.name, None)
        if stream.name in self.receiver.heard:
            self._recovery.tape_due(stream)
        self.receiver.heard[stream.name] = monotonic_ns()

    def _pause(self, retry_after_s: float | None) -> None:
        self._budget.pause(_AFTER_LIMIT_S if retry_after_s is None else retry_after_s)

    async def _close_frames(self) -> None:
        async for _close_ns in closes(self._settings.frames.interval_ns):
            await self._give_out()

    async def _give_out(self) -> None:
        """Close what has ended, most urgent first, and publish it a few symbols at a time.

        So a frame is not held up by closing the ones behind it.
        """
        at_ns = self.receiver.now()
        feeds = sorted(self.receiver.feeds.values(), key=lambda feed: feed.framer.urgency())
        for start in range(0, len(feeds), _AT_ONCE):
            for feed in feeds[start : start + _AT_ONCE]:
                feed.advance(at_ns)
            if not self._messages:
                continue
            batch = self._messages.copy()
            self._messages.clear()
            await self._publish(batch)
            done_ns = now_ns()
            for message in batch:
                if isinstance(message, Frame):
                    self.counters.published(message, done_ns=done_ns)

    async def _watch_listings(self) -> None:
        while True:
            await self._listings.look_is_due()
            self._listings.compare(await self._asking.contracts())

    async def _beats(self) -> None:
        while True:
            self.counters.status = self.status()
            await self._beat(self.counters.heartbeat())
            await asyncio.sleep(self._settings.runtime.heartbeat_s)

    async def _end(self) -> None:
        self.receiver.ended = True
        at_ns = self.receiver.now()
        for feed in self.receiver.feeds.values():
            self.receiver.tell(feed, End())
            feed.finish(at_ns)
        await self._give_out()
        self.counters.status = "stopped"
        if (complete := self.counters.complete_pct()) is not None:
            frames = self.counters.counts["frames"]
            self.counters.status += f"; {complete:.2f}% of {frames:,} frames were complete"
        await self._beat(self.counters.heartbeat())
        await self.transport.close()
