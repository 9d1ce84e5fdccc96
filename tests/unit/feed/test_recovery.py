"""When a book that is not there has its stream begin anew: by a clock that the test holds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import pytest

from schemas.errors import VenueUnavailable
from schemas.settings import settings_from
from streams.events import BookDiff, BookSnapshot, LinkEvent, SnapshotKind, TradeEvent
from streams.exchanges.venue import Contract, Stream, venue_of
from streams.feed import recovery as recovery_module
from streams.feed.budget import Budget
from streams.feed.counters import Counters
from streams.feed.receiver import Receiver
from streams.feed.recovery import Recovery
from streams.feed.symbol_feed import Hooks, SymbolFeed

SECOND = 1_000_000_000
SYMBOLS = ("BTC/USD", "ETH/USD")


class Away:
    """A venue that only remembers what was to begin anew, and what it was asked for."""

    def __init__(self) -> None:
        self.renewed: list[str] = []
        self.asked: list[str] = []

    def weight(self, _kind: str) -> float:
        return 1.0

    async def ask(self, kind: str, symbol: str, *, from_id: int | None = None) -> bytes:
        del from_id
        self.asked.append(f"{kind} {symbol}")
        raise VenueUnavailable("away")

    async def resubscribe(self, _stream: Stream, symbol: str) -> None:
        self.renewed.append(symbol)


class Scene:
    """Two symbols of one connection, and the recovery that looks after them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, venue_id: str = "coinbase") -> None:
        self.at_ns = 100 * SECOND
        monkeypatch.setattr(recovery_module, "monotonic_ns", lambda: self.at_ns)
        settings, venue = settings_from({}), venue_of(venue_id)
        receiver = Receiver(venue, counters=Counters("feed"), on_dead_letter=lambda _letter: None)
        self.feeds = {
            symbol: SymbolFeed(
                venue,
                symbol,
                raw=symbol,
                frames=settings.frames,
                feed=settings.feed,
                hooks=Hooks(lambda _message: None, lambda *_rejected: None),
                start_ns=SECOND,
            )
            for symbol in SYMBOLS
        }
        for symbol, feed in self.feeds.items():
            no_rules: Any = None
            receiver.add(feed, Contract(venue_id, symbol, True, no_rules), SECOND)
        self.away = Away()
        transport: Any = self.away
        self.recovery = Recovery(receiver, transport, Budget(600), settings.feed)
        self.recovery.watch([Stream("book 1", ("book",), SYMBOLS)])

    def after(self, seconds: float) -> list[str]:
        """Look after so much time; the symbols that were subscribed anew."""
        self.at_ns += round(seconds * SECOND)
        self.away.renewed.clear()
        self.away.asked.clear()

        async def look() -> None:
            for feed in self.feeds.values():
                self.recovery._look(feed)
            for _ in range(5):
                await asyncio.sleep(0)

        asyncio.run(look())
        return list(self.away.renewed)

    def reconnected(self) -> None:
        for feed in self.feeds.values():
            for up in (False, True):
                feed.add(SECOND, LinkEvent(None, ("book",), up), b"")

    def snapshot(self, symbol: str) -> None:
        bids, asks = ([(f"{101 + side * i}", "1") for i in range(1, 51)] for side in (-1, 1))
        event = BookSnapshot(symbol, SECOND, 1, bids, asks, SnapshotKind.SENT)
        self.feeds[symbol].add(SECOND, event, b"")

    def change(self, symbol: str) -> None:
        event = BookDiff(symbol, SECOND, 9, 9, None, [("100", "2")], [], sequenced=True)
        self.feeds[symbol].add(SECOND, event, b"")


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_snapshots_that_come_one_after_the_other_are_waited_for(scene: Scene) -> None:
    for symbol in SYMBOLS:
        scene.snapshot(symbol)
    scene.reconnected()
    assert scene.after(0.1) == []  # both had a book before
    assert scene.after(9.0) == []
    scene.snapshot(SYMBOLS[0])
    assert scene.after(0.1) == []
    assert scene.after(9.0) == []  # another one came nine seconds ago
    assert scene.after(2.0) == [SYMBOLS[1]]


def test_changes_without_a_snapshot_begin_anew_at_once_but_not_again_and_again(
    scene: Scene,
) -> None:
    for symbol in SYMBOLS:
        scene.snapshot(symbol)
    scene.reconnected()
    scene.snapshot(SYMBOLS[0])
    scene.change(SYMBOLS[1])
    assert scene.after(0.05) == [SYMBOLS[1]]
    assert scene.after(1.0) == []
    assert scene.after(1.5) == [SYMBOLS[1]]


def test_a_tape_without_a_sequence_is_asked_for_again_once_its_subscription_is_in_force(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(monkeypatch, "bybit")
    name = SYMBOLS[0]
    scene.snapshot(name)
    scene.feeds[name].add(SECOND, TradeEvent(name, SECOND, "100", "1", 1, 0, "a", None, None), b"")
    scene.recovery.tape_due(Stream("trades 1", ("trades",), (name,)))
    monkeypatch.setattr(scene.recovery, "_trying", answered)
    assert scene.after(0.1) == []
    assert scene.away.asked == [f"trades {name}"]
    scene.after(1.0)
    assert scene.away.asked == []
    scene.after(1.0)
    assert scene.away.asked == [f"trades {name}"]
    scene.after(60.0)
    assert scene.away.asked == []


def test_what_lies_beyond_the_edge_of_a_book_that_was_outgrown_is_asked_for_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(monkeypatch, "binance")
    monkeypatch.setattr(scene.recovery, "_trying", answered)
    for symbol in SYMBOLS:
        scene.snapshot(symbol)
    scene.after(0.1)
    assert scene.away.asked == []
    fell = BookDiff(None, SECOND, 2, 2, None, [("100", "0")], [])
    scene.feeds[SYMBOLS[0]].add(SECOND, fell, b"")
    for seconds, asked in ((0.1, [f"book {SYMBOLS[0]}"]), (9.0, []), (2.0, [f"book {SYMBOLS[0]}"])):
        scene.after(seconds)
        assert scene.away.asked == asked


async def answered(_kind: str, _feed: SymbolFeed, work: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(VenueUnavailable):
        await work
