"""The generated market: the same for a seed, and never inconsistent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from schemas.digest import StreamDigest
from schemas.frame import NS_PER_S, Side
from schemas.settings import FramesSettings
from streams.events import (
    BookDiff,
    BookSnapshot,
    DerivativesEvent,
    Event,
    LiquidationEvent,
    TouchEvent,
    TradeEvent,
)
from streams.simulator.generated import DEFAULT_MARKETS, START_NS, GeneratedMarket

SYMBOLS = [spec.symbol for spec in DEFAULT_MARKETS]


def events(*, index: int, seed: int, seconds: int) -> Iterator[tuple[int, Event]]:
    end_ns = START_NS + seconds * NS_PER_S
    market = GeneratedMarket(DEFAULT_MARKETS[index], seed=seed)
    return itertools.takewhile(lambda item: item[0] < end_ns, market.events())


def frames_digest(*, index: int, seed: int) -> str:
    digest = StreamDigest()
    market = GeneratedMarket(DEFAULT_MARKETS[index], seed=seed)
    for frame in itertools.islice(market.frames(FramesSettings()), 300):
        digest.add(frame)
    return digest.hexdigest()


@pytest.mark.parametrize("index", range(len(SYMBOLS)), ids=SYMBOLS)
def test_a_seed_gives_the_same_frames_again_and_another_seed_others(index: int) -> None:
    first = frames_digest(index=index, seed=7)
    assert frames_digest(index=index, seed=7) == first
    assert frames_digest(index=index, seed=8) != first


@pytest.mark.parametrize("index", range(len(SYMBOLS)), ids=SYMBOLS)
def test_trades_happen_at_the_touch_and_take_no_more_than_stands_there(index: int) -> None:
    touch: TouchEvent | None = None
    trades = 0
    for _, event in events(index=index, seed=3, seconds=120):
        if isinstance(event, TouchEvent):
            assert float(event.bid_price) < float(event.ask_price)
            assert float(event.bid_qty) > 0
            assert float(event.ask_qty) > 0
            touch = event
        if isinstance(event, TradeEvent) and touch is not None:
            trades += 1
            buying = event.side == Side.BUY.value
            assert event.price == (touch.ask_price if buying else touch.bid_price)
            assert float(event.qty) <= float(touch.ask_qty if buying else touch.bid_qty)
    assert trades > 100


@pytest.mark.parametrize("index", range(len(SYMBOLS)), ids=SYMBOLS)
def test_the_book_of_every_frame_is_synced_deep_and_not_crossed(index: int) -> None:
    market = GeneratedMarket(DEFAULT_MARKETS[index], seed=5)
    settings = FramesSettings()
    for frame in itertools.islice(market.frames(settings), 600):
        assert frame.quality.book_synced
        assert not frame.quality.rejects
        assert not frame.quality.missing_ids
        assert not frame.quality.stale
        assert frame.book is not None
        assert len(frame.book.bid_price) == len(frame.book.ask_price) == settings.levels
        assert frame.book.bid_price[0] < frame.book.ask_price[0]
        if frame.bands is not None:
            assert None not in frame.bands.bid_qty
            assert None not in frame.bands.ask_qty


def test_the_last_touch_of_a_frame_is_the_top_of_its_book() -> None:
    market = GeneratedMarket(DEFAULT_MARKETS[1], seed=11)
    seen = 0
    for frame in itertools.islice(market.frames(FramesSettings()), 600):
        if len(frame.touch) and frame.book is not None:
            seen += 1
            assert frame.touch.bid_price[-1] == frame.book.bid_price[0]
            assert frame.touch.bid_qty[-1] == frame.book.bid_qty[0]
            assert frame.touch.ask_price[-1] == frame.book.ask_price[0]
            assert frame.touch.ask_qty[-1] == frame.book.ask_qty[0]
    assert seen > 100


def test_ten_minutes_hold_every_kind_of_event_and_moves_both_ways() -> None:
    kinds = set()
    marks = []
    sides = set()
    before = START_NS
    for at_ns, event in events(index=0, seed=7, seconds=600):
        assert at_ns >= before
        before = at_ns
        kinds.add(type(event))
        if isinstance(event, DerivativesEvent) and event.mark_price is not None:
            marks.append(float(event.mark_price))
        if isinstance(event, LiquidationEvent):
            sides.add(event.side)
    assert kinds == {
        BookSnapshot, BookDiff, TouchEvent, TradeEvent, LiquidationEvent, DerivativesEvent,
    }  # fmt: skip
    assert sides == {1, -1}
    minutes = [after / first - 1 for first, after in itertools.pairwise(marks[::60])]
    assert max(minutes) > 5e-4
    assert min(minutes) < -5e-4


def test_symbols_of_one_seed_draw_their_own_chances() -> None:
    draws = {GeneratedMarket(spec, seed=7)._rng.random() for spec in DEFAULT_MARKETS}
    assert len(draws) == len(DEFAULT_MARKETS)
