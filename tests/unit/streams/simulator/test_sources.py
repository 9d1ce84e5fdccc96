"""The contract of a market source, held by every source; and that a feed can follow it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from schemas.errors import SourceMissing
from schemas.frame import NS_PER_S, ContractKind
from schemas.settings import FramesSettings
from streams.events import BookDiff, BookSnapshot, DerivativesEvent, Event, TradeEvent
from streams.framer import Framer
from streams.simulator.market import CATALOGUE, MarketSource, RecordedSource, Rules, generated
from tests.golden.sources import golden_paths
from tests.support.random_walk import RandomWalkSource

START_NS = 1_735_689_600 * NS_PER_S
BTC = CATALOGUE["BTC/USDT:USDT"][0]
BTC_SPOT = CATALOGUE["BTC/USDT"][0]


def until(source: MarketSource, seconds: float) -> Iterator[tuple[int, Event]]:
    """The first seconds of a market."""
    for now_ns, event in source.events():
        if now_ns > START_NS + seconds * NS_PER_S:
            return
        yield now_ns, event


class Follower:
    """Follows a source as its contract says, and fails where it breaks it."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.now_ns = START_NS
        self.book_id: int | None = None
        self.sides: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})
        self.trades = 0
        self.snapshots = 0
        self.diffs = 0

    def take(self, now_ns: int, event: Event) -> None:
        assert now_ns >= self.now_ns
        self.now_ns = now_ns
        assert event.symbol == self.rules.venue_id
        own_ns = event.known_ns if isinstance(event, DerivativesEvent) else event.exchange_ns
        assert own_ns is not None
        assert own_ns <= now_ns
        if isinstance(event, BookSnapshot):
            self.snapshots += 1
            self.sides = ({}, {})
            self.book_id = event.update_id
            self._apply(event)
        elif isinstance(event, BookDiff):
            self.diffs += 1
            assert event.prev_id == self.book_id
            assert event.prev_id < event.first_id <= event.last_id
            self.book_id = event.last_id
            self._apply(event)
        elif isinstance(event, TradeEvent):
            self.trades += 1
            assert event.id == event.first_id == event.last_id == self.trades
            assert Decimal(event.price) % self.rules.tick_size == 0
            assert Decimal(event.qty) % self.rules.qty_step == 0
        else:
            assert self.book_id is not None, "the first event is a snapshot"

    def _apply(self, event: BookDiff | BookSnapshot) -> None:
        for side, levels in zip(self.sides, (event.bids, event.asks), strict=True):
            for price, qty in levels:
                if Decimal(qty):
                    side[Decimal(price)] = Decimal(qty)
                else:
                    side.pop(Decimal(price), None)
        bids, asks = self.sides
        assert bids
        assert asks
        assert max(bids) < min(asks)


def follow(source: MarketSource, events: Iterator[tuple[int, Event]]) -> Follower:
    """Follow events to their end."""
    follower = Follower(source.rules)
    for now_ns, event in events:
        if follower.snapshots == 0:
            assert isinstance(event, BookSnapshot)
            assert now_ns == START_NS
        follower.take(now_ns, event)
    return follower


@pytest.mark.parametrize("symbol", list(CATALOGUE))
def test_generated_markets_keep_the_contract(symbol: str) -> None:
    source = generated(symbol, seed=5, start_ns=START_NS)
    follower = follow(source, until(source, 20.0))
    assert follower.trades > 50
    assert follower.diffs > 150
    for side in follower.sides:
        assert len(side) >= 200
        assert all(price % source.rules.tick_size == 0 for price in side)
        assert all(qty % source.rules.qty_step == 0 for qty in side.values())


def test_the_random_walk_keeps_the_contract() -> None:
    source = RandomWalkSource(BTC, seed=1, start_ns=START_NS)
    follower = follow(source, until(source, 10.0))
    assert follower.trades > 100


@pytest.mark.needs_market_data
@pytest.mark.parametrize(
    ("name", "rules", "passes"),
    [("BTC_usdm_20240808", BTC, 2), ("BTC_spot_20240808", BTC_SPOT, 2)],
)
def test_looped_recordings_keep_the_contract(
    market_data: Path, name: str, rules: Rules, passes: int
) -> None:
    paths = golden_paths(market_data, name)
    whole = list(RecordedSource(rules, paths, start_ns=START_NS).events())
    source = RecordedSource(rules, paths, start_ns=START_NS, loop=True)
    follower = follow(source, islice(source.events(), passes * len(whole)))
    assert follower.snapshots == passes
    assert follower.trades == passes * sum(isinstance(event, TradeEvent) for _, event in whole)


@pytest.mark.needs_market_data
def test_a_recording_keeps_its_trades_and_the_times_between_them(market_data: Path) -> None:
    paths = golden_paths(market_data, "BTC_usdm_20240808")
    trades = [
        event
        for _, event in RecordedSource(BTC, paths, start_ns=START_NS).events()
        if isinstance(event, TradeEvent)
    ]
    later = [
        event
        for _, event in RecordedSource(BTC, paths, start_ns=START_NS + 7).events()
        if isinstance(event, TradeEvent)
    ]
    assert len(trades) == 21_308
    assert [t.exchange_ns + 7 for t in trades] == [t.exchange_ns for t in later]
    assert [(t.price, t.qty, t.side) for t in trades] == [(t.price, t.qty, t.side) for t in later]


def test_files_that_are_no_recording_are_told(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        RecordedSource(BTC, [tmp_path / "nothing.gz"], start_ns=START_NS)


@pytest.mark.parametrize("symbol", list(CATALOGUE))
def test_a_feed_makes_whole_frames_of_it_and_its_book_is_the_market_s(symbol: str) -> None:
    source = generated(symbol, seed=2, start_ns=START_NS)
    framer = Framer("simulated", symbol, settings=FramesSettings(), derive_touch=True)
    frames = []
    for now_ns, event in until(source, 10.0):
        frames.extend(framer.advance(now_ns))
        framer.add(now_ns, event)
    frames.extend(framer.finish())
    assert len(frames) > 95
    for frame in frames:
        quality = frame.quality
        assert (quality.missing_ids, quality.resyncs, quality.rejects) == (0, 0, 0)
        assert quality.book_synced
        assert quality.stale == ()
    last = frames[-1]
    assert last.book is not None
    told = [
        (last.price(price), last.qty(qty))
        for price, qty in zip(last.book.bid_price, last.book.bid_qty, strict=True)
    ]
    follower = follow(source, until(generated(symbol, seed=2, start_ns=START_NS), 10.0))
    assert told == sorted(follower.sides[0].items(), reverse=True)[:50]
    has_contract = source.rules.kind is ContractKind.LINEAR
    assert (last.derivatives.mark_price is not None) == has_contract
