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
from schemas.errors import ClockOff, GivenUp, VenueUnavailable
from schemas.frame import NS_PER_MS, NS_PER_S, Frame, Instrument
from schemas.health import Heartbeat
from schemas.settings import Settings
from streams.exchanges.venue import Contract, Stream, Transport, Venue
from streams.feed.backoff import Backoff
from streams.feed.budget import Budget
from streams.feed.closes import closes
from streams.feed.counters import Counters
from streams.feed.history import History
from streams.feed.lines import End, Link, Told
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
_SOON_S = 10.0
"""Least time between two looks at the rules because of what does not fit them."""
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
        self._rules: dict[str, Contract] = {}
        self._channels: dict[str, set[str]] = {}
        """What each symbol is listened to on."""
        self._delisted: set[str] = set()
        """Symbols that the venue does not trade now."""
        self._why: dict[str, str] = {}
        """What keeps the feed from working, by where."""
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
        unsynced = [feed.symbol for feed in self.receiver.feeds.values() if not feed.synced]
        if unsynced:
            return f"{len(unsynced)} of {len(self.receiver.feeds)} without a book"
        return "ok" if self.receiver.feeds else "starting"

    async def _work(self, symbols: str) -> None:
        give_large_blocks_back()
        contracts = await self._until_it_works("markets", self._look)
        names = await self._until_it_works(
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
                self._look_at_rules(),
                *map(self._hold, streams),
            ]
            for loop in loops:
                group.create_task(loop)

    async def _until_it_works(self, what: str, work: Callable[[], Awaitable[T]]) -> T:
        feed = self._settings.feed
        backoff = Backoff(first_s=feed.reconnect_s, most_s=feed.reconnect_max_s)
        while True:
            try:
                await self._budget.take(self.transport.weight(what))
                result = await work()
            except (VenueUnavailable, ClockOff) as error:
                wait_s = backoff.next_s(at_least_s=self._budget.closed_s())
                self._why[what] = str(error)
                self.counters.add("refused_requests")
                log.warning("feed.waiting", venue=self._venue.id, reason=str(error), wait_s=wait_s)
                await asyncio.sleep(wait_s)
            else:
                self._why.pop(what, None)
                return result

    async def _look(self) -> dict[str, Contract]:
        """What the venue lists now, if its clock and ours agree."""
        contracts = await self.transport.load()
        await self._check_clock()
        return contracts

    async def _check_clock(self) -> None:
        before_ns = now_ns()
        server_ms = await self.transport.server_ms()
        if server_ms is None:
            return
        middle_ns = (before_ns + now_ns()) // 2
        off_ms = (middle_ns - server_ms * NS_PER_MS) / NS_PER_MS
        if abs(off_ms) > self._settings.feed.max_clock_off_ms:
            raise ClockOff(
                f"{self._venue.id}: this clock is {off_ms / 1e3:+.1f} s from the venue's; "
                "set it (NTP); nothing is published until then"
            )

    async def _begin(self, names: list[str], contracts: dict[str, Contract]) -> None:
        history = History(
            self._venue.id,
            self.transport,
            self._budget,
            self.counters,
            bars=self._settings.feed.history_bars,
        )
        some = asyncio.Semaphore(_HISTORY_AT_ONCE)

        async def begin(name: str) -> None:
            async with some:
                past = await history.of(name)
            await self._begin_symbol(name, contracts[name], past)

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
        self._rules[name] = contract
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
            listed = tuple(name for name in stream.symbols if name not in self._delisted)
            if not listed:
                self._why.pop(stream.name, None)
                await asyncio.sleep(_SOON_S / 10)
                continue
            given_up = False
            try:
                await self.transport.hold(stream._replace(symbols=listed))
            except VenueUnavailable as error:
                self._why[stream.name] = str(error)
                given_up = isinstance(error, GivenUp)
            closed_s = self._budget.closed_s()
            if self.receiver.heard.get(stream.name, 0) > before_ns:
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

    async def _look_at_rules(self) -> None:
        while True:
            await self._rules_are_due()
            contracts = await self._until_it_works("markets", self._look)
            for name, known in list(self._rules.items()):
                await self._compare(name, known, contracts.get(name))

    async def _rules_are_due(self) -> None:
        """After ``rules_s``, or soon if what comes does not fit what is known of the venue."""
        looked_ns, misfits = monotonic_ns(), self._misfits()
        every_s = self._settings.feed.rules_s
        while (passed_s := (monotonic_ns() - looked_ns) / NS_PER_S) < every_s:
            if self._misfits() > misfits and passed_s >= min(_SOON_S, every_s):
                return
            await asyncio.sleep(min(1.0, every_s - passed_s))

    def _misfits(self) -> int:
        counts = self.counters.counts
        names = ("rejected.off_grid", "rejected.wrong_clock", "refused_requests")
        return sum(counts[name] for name in names)  # ints

    async def _compare(self, name: str, known: Contract, now: Contract | None) -> None:
        feed = self.receiver.feeds[name]
        if now is None or not now.active:
            if name not in self._delisted:
                log.error("feed.delisted", symbol=feed.key)
                self._delisted.add(name)
                self.receiver.tell(feed, self._link(name, up=False))
            self._why[name] = "delisted, or not traded now"
            return
        if name in self._delisted:
            log.warning("feed.listed_again", symbol=feed.key)
            self._delisted.discard(name)
            del self._why[name]
            self._recovery.begin_anew(name)
        if _without_time(now.rules) != _without_time(known.rules):
            log.warning("feed.rules_changed", symbol=feed.key, tick=str(now.rules.tick_size))
            self.counters.add("rules_changed")
            self._rules[name] = now
            at_ns = self.receiver.now()
            told = msgspec.structs.replace(now.rules, effective_ns=at_ns)
            self.receiver.tell(feed, Told(told))

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


def _without_time(rules: Instrument) -> Instrument:
    return msgspec.structs.replace(rules, effective_ns=0)
