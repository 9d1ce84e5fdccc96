"""A live feed on a simulated exchange, with real ccxt between them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import aiohttp
from aiohttp import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from schemas.clock import monotonic_ns, now_ns
from schemas.frame import NS_PER_MS, NS_PER_S, Frame, TradeFlag
from schemas.health import DeadLetter, Heartbeat
from schemas.settings import Settings, settings_from
from streams.exchanges.venue import venue_of
from streams.feed.live import LiveFeed
from streams.feed.recorder import HOUR_S, LineRecorder
from streams.merge import FeedMessage
from streams.simulator.exchange.book import FullBook
from streams.simulator.exchange.client import LoopbackResolver, ssl_context
from streams.simulator.exchange.exchange import SimulatedExchange
from streams.simulator.exchange.faults import Fault
from streams.simulator.exchange.listing import Trade
from streams.simulator.exchange.truth import Truth
from tests.support.drifting import DriftingMarket

PATIENCE_S = 15.0
LOOK_S = 0.005
MOST_A_LOOK_S = 0.1
"""What a look takes at most where the loop itself is busy, and not kept from running."""
Told: TypeAlias = tuple[int, Decimal, Decimal, int]
"""A trade as every venue tells it: time (ms), price, quantity, side of the aggressor."""
_ASLEEP = 1e-4
COMPARED = 20
"""Levels a side that books are compared on: what the venue with the fewest tells."""


def quick(**feed: Any) -> Settings:
    """Settings of a feed for tests: impatient, without history unless asked for."""
    chosen = {"keep_alive_s": 2.0, "reconnect_s": 0.2, "history_bars": 0, "poll_s": 1.0} | feed
    return settings_from({"feed": chosen, "runtime": {"heartbeat_s": 0.1}})


class Cable(aiohttp.TCPConnector):
    """The way to the exchange, which can be pulled: no name is known then, no connection is had."""

    pulled = False

    async def connect(
        self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """A connection, kept from before or new."""
        if self.pulled:
            error = OSError("Temporary failure in name resolution")
            raise aiohttp.ClientConnectorDNSError(req.connection_key, error)
        return await super().connect(req, traces, timeout)


class LiveRig:
    """Use it as an async context manager: the feed listens within it, and has ended behind it."""

    def __init__(
        self,
        venue: str = "binanceusdm",
        symbols: Sequence[str] = ("BTC/USDT:USDT",),
        *,
        settings: Settings | None = None,
        record: Path | None = None,
        rotate_s: int = HOUR_S,
        ask: str | None = None,
        before: Sequence[Fault] = (),
        asleep: Sequence[str] = (),
        unplugged: bool = False,
    ) -> None:
        """``asleep`` are the symbols of which next to nothing happens; ``unplugged`` starts without
        a network.
        """
        self.venue, self.symbols = venue, tuple(symbols)
        self.settings = settings or quick()
        self.messages: list[FeedMessage] = []
        self.letters: list[DeadLetter] = []
        self.beats: list[Heartbeat] = []
        self.exchange = SimulatedExchange(speed=1.0, truth=True)
        for seed, symbol in enumerate(self.symbols):
            pace = _ASLEEP if symbol in asleep else 1.0
            market = DriftingMarket(
                symbol,
                start_ns=now_ns(),
                seed=seed,
                trades_per_s=20.0 * pace,
                changes_per_s=10.0 * pace,
            )
            self.exchange.add(venue, market)
        self._ask = ask or ",".join(self.symbols)
        self._before = before
        self._unplugged = unplugged
        self._stop = asyncio.Event()
        self._recorder = None if record is None else LineRecorder(record, rotate_s=rotate_s)

    async def __aenter__(self) -> Self:
        await self.exchange.start()
        for fault in self._before:
            self.exchange.faults.inflict(fault)
        self.cable = Cable(
            resolver=LoopbackResolver(self.exchange.port),
            ssl=ssl_context(self.exchange.ca_file),
            limit=0,
        )
        self.cable.pulled = self._unplugged
        self._session = aiohttp.ClientSession(connector=self.cable)
        self.feed = LiveFeed(
            venue_of(self.venue),
            self.settings,
            session=self._session,
            publish=self._publish,
            beat=self._beat,
            on_dead_letter=self.letters.append,
            recorder=self._recorder,
        )
        self._running = asyncio.create_task(self.feed.run(self._ask, self._stop))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        try:
            await self._running
        finally:
            if self._recorder is not None:
                self._recorder.close()
            await self._session.close()
            await self.exchange.stop()

    async def until(self, happened: Callable[[], object], within_s: float = PATIENCE_S) -> float:
        """Wait for a condition; the seconds it took. An error of the feed ends it.

        Exchange, feed and test share one event loop: where it stood still, because the machine
        gave this process no turn, its time is not held against the feed.
        """
        took_s, at_ns = 0.0, monotonic_ns()
        while not happened():
            if self._running.done():
                self._running.result()
            assert took_s < within_s, f"not within {within_s} s; the feed says: {self.status}"
            await asyncio.sleep(LOOK_S)
            before_ns, at_ns = at_ns, monotonic_ns()
            took_s += min((at_ns - before_ns) / NS_PER_S, MOST_A_LOOK_S)
        return took_s

    async def trades_go_by(self, at_least: int = 3) -> dict[str, list[Told]]:
        """Wait until so many more trades of each symbol have happened; what happened till then."""
        truths = {s: self.exchange.truth(self.venue, s).trades for s in self.symbols}
        before = {symbol: len(trades) for symbol, trades in truths.items()}
        await self.until(lambda: all(len(truths[s]) >= before[s] + at_least for s in truths))
        return {s: [_told(trade) for trade in truths[s][before[s] :]] for s in truths}

    def told_late(self, symbol: str) -> list[Told]:
        """The trades that became known late."""
        return [
            told for told, flags in _tape(self.frames(symbol)) if flags & TradeFlag.RECOVERED_LATE
        ]

    async def running(self) -> None:
        """Wait until every symbol has a book and trades flow."""
        await self.until(
            lambda: all(
                (frame := self.last(symbol)) is not None
                and frame.book is not None
                and self.trades(symbol)
                for symbol in self.symbols
            )
        )

    def sound(self, symbol: str) -> bool:
        """Whether the last frame of a symbol has a book and nothing stale."""
        frame = self.last(symbol)
        return frame is not None and frame.book is not None and not frame.quality.stale

    def inflict(self, fault: Fault) -> None:
        """Put a fault in force."""
        self.exchange.faults.inflict(fault)

    @property
    def status(self) -> str:
        """What the latest heartbeat says."""
        return self.beats[-1].status if self.beats else "no heartbeat"

    def counts(self) -> dict[str, int]:
        """The counters now."""
        return dict(self.feed.counters.counts)

    def frames(self, symbol: str | None = None) -> list[Frame]:
        """Frames so far, of the first symbol unless one is named."""
        name = symbol or self.symbols[0]
        return [m for m in self.messages if isinstance(m, Frame) and m.symbol == name]

    def last(self, symbol: str | None = None) -> Frame | None:
        """The latest frame."""
        frames = self.frames(symbol)
        return frames[-1] if frames else None

    def trades(self, symbol: str | None = None) -> list[tuple[int | str, int]]:
        """Id and flags of every trade in frames."""
        return [
            told
            for frame in self.frames(symbol)
            for told in zip(frame.trades.id, frame.trades.flags, strict=True)
        ]

    def check_against_truth(self, symbol: str | None = None) -> None:
        """No trade missing or doubled since the first; every book of a frame exact."""
        name = symbol or self.symbols[0]
        check_frames(self.frames(name), self.exchange.truth(self.venue, name))

    def late_trades(self) -> list[int | str]:
        """Ids of trades that became known late."""
        return [i for i, flags in self.trades() if flags & TradeFlag.RECOVERED_LATE]

    async def _publish(self, batch: list[FeedMessage]) -> None:
        self.messages.extend(batch)

    async def _beat(self, beat: Heartbeat) -> None:
        self.beats.append(beat)


def check_frames(frames: Sequence[Frame], truth: Truth) -> None:
    """One symbol: no trade missing or doubled since the first; every book of a frame exact."""
    ids = [trade_id for frame in frames for trade_id in frame.trades.id]
    assert len(ids) == len(set(ids))
    got = sorted(told for told, _flags in _tape(frames))
    first_ms, last_ms = got[0][0], got[-1][0]
    expected = [told for told in map(_told, truth.trades) if first_ms <= told[0] <= last_ms]
    # Others of the same millisecond may have come before the first and after the last.
    starts = range(len(expected) - len(got) + 1)
    assert any(sorted(expected[at : at + len(got)]) == got for at in starts), (
        f"{len(got)} trades in frames are no run of the {len(expected)} at the exchange; "
        f"missing: {Counter(expected) - Counter(got)}, unknown: {Counter(got) - Counter(expected)}"
    )
    states = _states(truth)
    books = [frame for frame in frames if frame.book is not None]
    assert books
    for frame in books:
        assert _top(frame) in states, f"frame {frame.seq}: no book of the exchange's"


def _told(trade: Trade) -> Told:
    return (
        trade.time_ns // NS_PER_MS,
        Decimal(trade.price),
        Decimal(trade.qty),
        int(trade.side),
    )


def _tape(frames: Sequence[Frame]) -> Iterator[tuple[Told, int]]:
    """Each trade of frames, with its flags."""
    for frame in frames:
        tape = frame.trades
        for i, at_ns in enumerate(tape.exchange_ns):
            price, qty = frame.price(tape.price[i]), frame.qty(tape.qty[i])
            yield (at_ns // NS_PER_MS, price, qty, tape.side[i]), tape.flags[i]


def _states(truth: Truth) -> set[tuple[tuple[Decimal, Decimal], ...]]:
    """The best levels of both sides after every change."""
    book = FullBook()
    book.replace(*truth.first)
    states = set()
    for change in [None, *truth.changes]:
        if change is not None:
            book.apply(change.last_id, change.bids, change.asks)
        states.add(
            tuple(
                (Decimal(price), Decimal(qty))
                for side in (book.bids, book.asks)
                for price, qty in side.top(COMPARED)
            )
        )
    return states


def _top(frame: Frame) -> tuple[tuple[Decimal, Decimal], ...]:
    book = frame.book
    assert book is not None
    sides = ((book.bid_price, book.bid_qty), (book.ask_price, book.ask_qty))
    return tuple(
        (frame.price(price), frame.qty(qty))
        for prices, quantities in sides
        for price, qty in zip(prices[:COMPARED], quantities[:COMPARED], strict=True)
    )
