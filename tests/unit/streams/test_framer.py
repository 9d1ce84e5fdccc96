"""Events to frames: nothing lost, nothing twice, ticks on time."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import MalformedMessage
from schemas.frame import NS_PER_MS, Frame, Known, PositionSide, TradeFlag
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
from streams.framer import Framer, tick_stagger

VENUE, SYMBOL = "binanceusdm", "BTC/USDT:USDT"
START_NS = 1_700_000_000_000_000_000
SETTINGS = FramesSettings()
INTERVAL_NS = SETTINGS.interval_ns


def framer(settings: FramesSettings = SETTINGS, *, derive_touch: bool = False) -> Framer:
    return Framer(VENUE, SYMBOL, settings=settings, derive_touch=derive_touch)


def frames_of(target: Framer, timed: list[tuple[int, Event]]) -> list[Frame]:
    """All frames of events given with their receive time."""
    frames: list[Frame] = []
    for receive_ns, event in timed:
        frames.extend(target.advance(receive_ns))
        target.add(receive_ns, event)
    return [*frames, *target.finish()]


def trade(
    trade_id: int, *, price: str = "100", qty: str = "1", exchange_ns: int = 0, flags: int = 0
) -> TradeEvent:
    return TradeEvent(None, exchange_ns, price, qty, 1, flags, trade_id, trade_id, trade_id)


def touch(
    update_id: int, *, exchange_ns: int | None = None, bid: str = "99", ask: str = "101"
) -> TouchEvent:
    return TouchEvent(None, exchange_ns, update_id, bid, "1", ask, "2")


def snapshot(update_id: int = 10) -> BookSnapshot:
    return BookSnapshot(
        None,
        None,
        update_id,
        [("99", "1"), ("98", "2")],
        [("101", "2"), ("102", "1"), ("103", "1")],
    )


def diff(last: int, bids: list[tuple[str, str]], *, exchange_ns: int | None = None) -> BookDiff:
    return BookDiff(None, exchange_ns, last, last, None, bids, [])


def is_tick_time(close_ns: int, settings: FramesSettings) -> bool:
    stagger = tick_stagger(f"{VENUE}:{SYMBOL}", settings.frames_per_tick)
    return (close_ns // settings.interval_ns) % settings.frames_per_tick == stagger


receive_times = st.lists(
    st.one_of(st.integers(0, 3_000_000), st.integers(0, 5 * 10**9)), min_size=1, max_size=40
).map(lambda steps: [START_NS + sum(steps[: i + 1]) for i in range(len(steps))])
tick_settings = st.sampled_from([(100, 1000), (100, 100), (250, 1000), (50, 300)]).map(
    lambda ms: FramesSettings(interval_ms=ms[0], score_interval_ms=ms[1])
)


@given(receive_times, tick_settings)
def test_every_trade_is_in_the_one_frame_of_its_interval_in_order(
    times: list[int], settings: FramesSettings
) -> None:
    frames = frames_of(framer(settings), [(t, trade(i)) for i, t in enumerate(times)])
    assert [i for frame in frames for i in frame.trades.id] == list(range(len(times)))
    assert [t for frame in frames for t in frame.trades.receive_ns] == times
    for frame in frames:
        assert all(frame.open_ns <= t < frame.close_ns for t in frame.trades.receive_ns)


@given(receive_times, tick_settings)
def test_frames_are_numbered_aligned_and_tick_regularly(
    times: list[int], settings: FramesSettings
) -> None:
    frames = frames_of(framer(settings), [(t, trade(i)) for i, t in enumerate(times)])
    assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1))
    assert all(a.close_ns < b.close_ns for a, b in pairwise(frames))
    for frame in frames:
        assert frame.close_ns % settings.interval_ns == 0
        assert frame.open_ns == frame.close_ns - settings.interval_ns
        assert frame.is_tick == is_tick_time(frame.close_ns, settings)
        assert frame.is_tick or len(frame.trades) > 0
    assert frames[0].open_ns <= times[0] < frames[0].close_ns
    assert frames[-1].open_ns <= times[-1] < frames[-1].close_ns
    ticks = [frame.close_ns for frame in frames if frame.is_tick]
    closes = range(frames[0].close_ns, frames[-1].close_ns + 1, settings.interval_ns)
    assert ticks == [close for close in closes if is_tick_time(close, settings)]


@given(receive_times, st.lists(st.integers(0, 2), min_size=40, max_size=40))
def test_mixed_events_are_all_told_and_the_book_is_the_book_at_the_close(
    times: list[int], kinds: list[int]
) -> None:
    timed: list[tuple[int, Event]] = [(START_NS, snapshot(0))]
    for i, (time, kind) in enumerate(zip(times, kinds, strict=False), start=1):
        timed.append((time, (trade(i), touch(i), diff(i, [("98", str(i))]))[kind]))
    # Diffs must be without gaps: number them among themselves.
    number = 0
    for i, (time, event) in enumerate(timed):
        if isinstance(event, BookDiff):
            number += 1
            timed[i] = (time, diff(number, [("98", str(number))]))
    frames = frames_of(framer(), timed)
    told = [i for frame in frames for i in frame.touch.update_id]
    assert told == [event.update_id for _, event in timed if isinstance(event, TouchEvent)]
    for frame in frames:
        applied = [e.last_id for t, e in timed if isinstance(e, BookDiff) and t < frame.close_ns]
        assert frame.book is not None
        assert frame.book.update_id == (applied[-1] if applied else 0)
        assert frame.price(frame.book.bid_price[1]) == 98
        assert frame.qty(frame.book.bid_qty[1]) == (applied[-1] if applied else 2)


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 8), st.integers(0, 99)), min_size=1, max_size=20
    )
)
def test_trades_fall_between_quotes_by_the_time_of_the_venue(
    rows: list[tuple[bool, int, int]],
) -> None:
    rows = sorted(rows, key=lambda row: row[2])  # arrival order is independent of venue time
    quotes = sorted(row[1] for row in rows if row[0])
    tape = sorted(row[1] for row in rows if not row[0])
    arrived: list[tuple[str, int]] = []
    for is_quote, _, _ in rows:
        arrived.append(("quote", quotes.pop(0)) if is_quote else ("trade", tape.pop(0)))
    events: list[Event] = [
        touch(i, exchange_ns=time) if kind == "quote" else trade(i, exchange_ns=time)
        for i, (kind, time) in enumerate(arrived)
    ]
    (frame,) = frames_of(framer(), [(START_NS + 1, event) for event in events])
    merged = sorted(enumerate(arrived), key=lambda item: (item[1][1], item[0]))
    expected, trades = [], 0
    for _, (kind, _) in merged:
        if kind == "quote":
            expected.append(trades)
        else:
            trades += 1
    assert list(frame.touch.trades_before) == expected


def test_quotes_without_a_time_fall_between_trades_as_they_arrived() -> None:
    events: list[Event] = [touch(1), trade(1), trade(2), touch(2), trade(3)]
    (frame,) = frames_of(framer(), [(START_NS + 1, event) for event in events])
    assert frame.touch.trades_before == (0, 2)
    assert frame.touch.exchange_ns == ()


@given(
    st.lists(
        st.tuples(
            st.integers(1, 10**6), st.integers(0, 6), st.integers(1, 10**6), st.integers(0, 6)
        ),
        min_size=1,
        max_size=15,
    )
)
def test_numbers_are_exact_however_fine_they_become_within_an_interval(
    rows: list[tuple[int, int, int, int]],
) -> None:
    values = [
        (f"{Decimal(p).scaleb(-pe):f}", f"{Decimal(q).scaleb(-qe):f}") for p, pe, q, qe in rows
    ]
    events: list[Event] = [snapshot()]
    for i, (price, qty) in enumerate(values):
        events.append(trade(i, price=price, qty=qty))
        events.append(LiquidationEvent(None, 1, PositionSide.LONG, price, qty))
        events.append(TouchEvent(None, None, i, price, qty, "10000000", qty))
    (frame,) = frames_of(framer(), [(START_NS + 1, event) for event in events])
    expected = [(Decimal(price), Decimal(qty)) for price, qty in values]
    for part, prices, quantities in (
        ("trades", frame.trades.price, frame.trades.qty),
        ("touch", frame.touch.bid_price, frame.touch.bid_qty),
        ("liquidations", frame.liquidations.price, frame.liquidations.qty),
    ):
        rows_told = zip(prices, quantities, strict=True)
        assert [(frame.price(p), frame.qty(q)) for p, q in rows_told] == expected, part
    assert frame.book is not None
    assert [frame.price(p) for p in frame.book.bid_price] == [99, 98]
    assert [frame.qty(q) for q in frame.book.ask_qty] == [2, 1, 1]


def test_event_at_the_close_belongs_to_the_next_interval() -> None:
    frames = frames_of(framer(), [(START_NS, trade(1)), (START_NS + INTERVAL_NS, trade(2))])
    assert [frame.trades.id for frame in frames if len(frame.trades)] == [(1,), (2,)]


def test_heartbeats_carry_the_book_through_a_silence() -> None:
    frames = frames_of(framer(), [(START_NS, snapshot()), (START_NS + 10 * 10**9, trade(1))])
    silent = [frame for frame in frames[1:-1] if not len(frame.trades)]
    assert len(silent) == 10
    assert all(frame.is_tick and frame.bands is not None for frame in silent)
    assert {frame.book for frame in silent} == {frames[0].book}


def test_silence_of_the_book_is_stale_but_a_quiet_tape_is_not() -> None:
    frames = frames_of(
        framer(),
        [(START_NS, snapshot()), (START_NS, touch(1)), (START_NS + 10 * 10**9, trade(1))],
    )
    for frame in frames:
        silent_ns = frame.close_ns - START_NS
        assert frame.quality.stale == (("book",) if silent_ns > 5 * 10**9 else ())


def test_silent_quotes_are_stale_once_the_book_says_otherwise() -> None:
    timed: list[tuple[int, Event]] = [(START_NS, snapshot()), (START_NS, touch(1))]
    timed += [(START_NS + 10**9 * i, diff(10 + i, [("99", str(i))])) for i in range(1, 8)]
    stale = [frame.quality.stale for frame in frames_of(framer(), timed)]
    assert stale[0] == ()
    assert stale[-1] == ("touch",)


def test_touch_is_derived_from_the_book_where_there_are_no_quotes() -> None:
    timed: list[tuple[int, Event]] = [
        (START_NS, snapshot()),
        (START_NS, diff(11, [("98", "7")])),
        (START_NS, trade(1)),
        (START_NS, diff(12, [("99", "4")])),
        (START_NS, diff(13, [("99", "0")])),
    ]
    (frame,) = frames_of(framer(derive_touch=True), timed)
    rows = zip(frame.touch.bid_price, frame.touch.bid_qty, strict=True)
    assert list(rows) == [(99, 1), (99, 4), (98, 7)]
    assert frame.touch.update_id == (10, 12, 13)
    assert frame.touch.trades_before == (0, 1, 1)
    (without,) = frames_of(framer(), timed)
    assert len(without.touch) == 0


def test_quotes_that_turn_up_after_all_replace_the_derived_ones() -> None:
    timed: list[tuple[int, Event]] = [
        (START_NS, snapshot()),
        (START_NS, touch(11)),
        (START_NS, diff(11, [("99", "4")])),
    ]
    (frame,) = frames_of(framer(derive_touch=True), timed)
    assert frame.touch.update_id == (10, 11)


def test_flows_are_those_of_the_interval() -> None:
    frames = frames_of(
        framer(),
        [
            (START_NS, snapshot()),
            (START_NS, diff(11, [("99", "4"), ("98", "0")])),
            (START_NS + INTERVAL_NS, diff(12, [("97", "5")])),
        ],
    )
    flows = [
        (f.book.bid_added, f.book.bid_removed, f.book.ask_added, f.book.ask_removed)
        for f in frames
        if f.book is not None
    ]
    assert flows == [(3, 2, 0, 0), (5, 0, 0, 0)]


def test_skew_is_book_time_minus_tape_time_where_both_spoke() -> None:
    frames = frames_of(
        framer(),
        [
            (START_NS, snapshot()),
            (START_NS, diff(11, [], exchange_ns=500)),
            (START_NS, trade(1, exchange_ns=700)),
            (START_NS + INTERVAL_NS, trade(2, exchange_ns=800)),
        ],
    )
    assert [frame.quality.skew_ns for frame in frames] == [-200, None]


def test_derivatives_are_carried_with_the_time_each_was_known() -> None:
    first = DerivativesEvent(
        None, 5, mark_price="100.50", funding_rate="-0.0001", next_funding_ns=9
    )
    second = DerivativesEvent(None, 7, mark_price="101", open_interest="12.5")
    frames = frames_of(framer(), [(START_NS, first), (START_NS + INTERVAL_NS, second)])
    assert frames[0].derivatives.mark_price == Known(1005, 1, 5)
    assert frames[1].derivatives.mark_price == Known(101, 0, 7)
    assert frames[1].derivatives.funding_rate == Known(-1, 4, 5)
    assert frames[1].derivatives.next_funding_ns == 9
    assert frames[1].derivatives.open_interest == Known(125, 1, 7)
    assert frames[1].derivatives.index_price is None


def test_trade_that_is_not_market_is_kept_and_flagged() -> None:
    (frame,) = frames_of(framer(), [(START_NS, trade(1, price="0", flags=TradeFlag.NON_MARKET))])
    assert frame.trades.flags == (TradeFlag.NON_MARKET,)


def test_rejects_are_counted_where_they_happen() -> None:
    target = framer()
    list(target.advance(START_NS))
    with pytest.raises(MalformedMessage):
        target.add(START_NS, trade(1, qty="zero"))
    target.reject()
    (frame,) = target.finish()
    assert frame.quality.rejects == 2
    assert list(target.finish()) == []


def test_nothing_received_gives_no_frame() -> None:
    target = framer()
    target.reject()
    assert list(target.finish()) == []


def test_ticks_of_symbols_are_spread_and_do_not_depend_on_the_process() -> None:
    staggers = [tick_stagger(f"binance:COIN{i}/USDT", 10) for i in range(200)]
    assert set(staggers) == set(range(10))
    assert max(staggers.count(value) for value in range(10)) < 40
    assert [tick_stagger(f"binance:{s}/USDT", 10) for s in ("BTC", "ETH", "NEXO")] == [2, 2, 8]


def test_epoch_and_levels_are_as_told() -> None:
    target = Framer(VENUE, SYMBOL, settings=FramesSettings(levels=1), epoch=7)
    (frame,) = frames_of(target, [(START_NS + 3 * NS_PER_MS, snapshot())])
    assert frame.epoch == 7
    assert frame.book is not None
    assert len(frame.book.bid_price) == 1
