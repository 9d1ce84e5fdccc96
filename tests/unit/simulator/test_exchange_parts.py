"""Parts of the simulated exchange by themselves: books, bars, the past, faults, the player."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import UsageError
from schemas.frame import NS_PER_MS, NS_PER_S
from streams.events import Event
from streams.simulator.exchange.bars import DAY_NS, MINUTE_NS, Bars
from streams.simulator.exchange.book import BookSide, FullBook
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.connection import MAX_UNSENT_BYTES, Connection, Hub
from streams.simulator.exchange.faults import Channel, Fate, FaultTable, Garble, Lose, Refuse, Slow
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.past import DAYS, MadePast, Waves, level_at
from streams.simulator.exchange.player import TICK_NS, Player
from streams.simulator.exchange.truth import Truth
from streams.simulator.exchange.venues.bybit.top_levels import TopLevels
from tests.support.simulated import START_NS, SmallMarket, rules_of

PRICES = st.integers(1, 60).map(lambda ticks: f"{ticks / 10:.1f}")
QUANTITIES = st.integers(0, 5).map(lambda steps: f"{steps}.000")
LEVELS = st.lists(st.tuples(PRICES, QUANTITIES), max_size=25, unique_by=lambda level: level[0])


@given(st.sampled_from([1, -1]), st.lists(LEVELS, max_size=6))
def test_a_side_holds_what_was_set_last_best_first(sign: int, changes: list[Any]) -> None:
    side, model = BookSide(sign), dict[str, str]()
    for levels in changes:
        side.apply(levels)
        model |= dict(levels)
    there = [(price, qty) for price, qty in model.items() if float(qty)]
    there.sort(key=lambda level: -sign * float(level[0]))
    assert side.top() == there
    assert side.top(3) == there[:3]
    assert side.best() == (there[0] if there else None)
    assert len(side) == len(there)


@given(LEVELS, LEVELS)
def test_changes_turn_one_side_into_another(before: list[Any], after: list[Any]) -> None:
    side, other = BookSide(1), BookSide(1)
    side.replace(before)
    other.replace(after)
    side.apply(side.changes_to(after))
    assert side.top() == other.top()


@given(st.integers(1, 8), st.lists(st.tuples(LEVELS, LEVELS), max_size=6))
def test_deltas_keep_the_best_levels_of_a_snapshot(depth: int, changes: list[Any]) -> None:
    book = FullBook()
    top = TopLevels(book, depth)
    kept = BookSide(1), BookSide(-1)
    for side, levels in zip(kept, top.snapshot(), strict=True):
        side.replace(levels)
    for number, (bids, asks) in enumerate(changes):
        book.apply(number, bids, asks)
        before = top.u
        delta = top.delta()
        assert top.u == before + (delta is not None)
        for side, levels in zip(kept, delta or ([], []), strict=True):
            side.apply(levels)
        assert kept[0].top() == book.bids.top(depth)
        assert kept[1].top() == book.asks.top(depth)


def _past(seed: str = "x", *, start_ns: int = START_NS) -> MadePast:
    return MadePast(seed, start_ns=start_ns, price=60_000.0, tick=0.1, minute_qty=10.0)


def test_the_past_is_the_same_however_it_is_asked_for_and_leads_to_the_start() -> None:
    day = START_NS // DAY_NS
    some, all_ = _past(), _past()
    days = [all_.day(day - back) for back in range(5, -1, -1)]
    for back in (0, 4, 2):
        rows = some.day(day - back)
        assert rows is not None
        np.testing.assert_array_equal(rows, days[5 - back])
    rows = np.concatenate([found for found in days if found is not None])
    rows = rows[~np.isnan(rows[:, 0])]
    assert len(rows) == 5 * 1440 + START_NS % DAY_NS // MINUTE_NS
    opened, high, low, closed = rows[:, :4].T
    np.testing.assert_array_equal(opened[1:], closed[:-1])
    assert closed[-1] == 60_000.0
    assert (high >= np.maximum(opened, closed)).all()
    assert (low <= np.minimum(opened, closed)).all()
    assert (low > 0).all()
    assert (rows[:, 7] <= rows[:, 4]).all()
    assert all_.day(day - DAYS) is not None
    assert all_.day(day - DAYS - 1) is None
    assert all_.day(day + 1) is None


TRADES = st.lists(
    st.tuples(
        st.integers(0, 400 * NS_PER_S), st.integers(1, 900), st.integers(1, 50), st.booleans()
    ),
    min_size=1,
    max_size=60,
)


@given(TRADES, st.sampled_from([1, 3, 5, 15]))
def test_bars_are_the_trades_of_their_time(trades: list[Any], minutes: int) -> None:
    start_ns = START_NS // DAY_NS * DAY_NS + DAY_NS - 3 * MINUTE_NS  # over a midnight
    bars = Bars(_past(start_ns=start_ns), start_ns=start_ns, price=60_000.0)
    trades.sort(key=lambda trade: trade[0])
    for after_ns, price, qty, bought in trades:
        bars.add(start_ns + after_ns, price=price, qty=qty, bought=bought)
    now_ns = start_ns + trades[-1][0]
    step_ns = minutes * MINUTE_NS
    first_ns = -(-start_ns // step_ns) * step_ns
    found = bars.bars(step_ns, first_ns=first_ns, last_ns=now_ns)
    assert [bar.open_ns for bar in found] == list(range(first_ns, now_ns + 1, step_ns))
    for bar in found:
        of_bar = [t for t in trades if bar.open_ns <= start_ns + t[0] < bar.open_ns + step_ns]
        assert bar.volume == sum(qty for _, _, qty, _ in of_bar)
        assert bar.quote == sum(price * qty for _, price, qty, _ in of_bar)
        assert bar.trades == len(of_bar)
        assert bar.buy == sum(qty for _, _, qty, bought in of_bar if bought)
        if of_bar:
            assert bar.close == of_bar[-1][1]
            assert bar.high >= max(price for _, price, _, _ in of_bar)
            assert bar.low <= min(price for _, price, _, _ in of_bar)
    total = bars.sum(first_ns=start_ns)
    assert total.volume == sum(qty for _, _, qty, _ in trades)
    assert total.close == trades[-1][1]


def test_bars_of_weeks_are_bounded_in_memory() -> None:
    bars = Bars(_past(), start_ns=START_NS, price=60_000.0)
    for hour in range(24 * 21):
        bars.add(START_NS + hour * 60 * MINUTE_NS, price=60_000.0, qty=1.0, bought=True)
    assert len(bars._days) <= 9


def test_a_level_is_what_it_is_now_at_its_time() -> None:
    level = level_at(Waves("x"), now=80_000.0, now_ns=START_NS, swing=0.1)
    assert level(START_NS) == pytest.approx(80_000.0)
    assert len({round(level(START_NS - hour * 3600 * NS_PER_S)) for hour in range(50)}) > 40


def test_the_clock_runs_at_its_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = itertools.count(1_000 * NS_PER_S, NS_PER_S)
    monkeypatch.setattr("streams.simulator.exchange.clock.monotonic_ns", lambda: next(wall))
    clock = MarketClock(speed=20.0)
    clock.start(START_NS)
    assert clock.now_ns() == START_NS + 20 * NS_PER_S
    assert clock.wait_s(START_NS + 50 * NS_PER_S) == pytest.approx(0.5)
    clock.skew_ms = -250
    assert clock.stamp_ms(START_NS) == START_NS // NS_PER_MS - 250


def test_a_fault_of_messages_is_used_up_by_those_that_it_names() -> None:
    table = FaultTable()
    table.add(Lose(venue="bybit", channel=Channel.TRADES, symbol="A", count=2))
    table.add(Garble(channel=Channel.TRADES))
    assert table.fate("bybit", Channel.BOOK, "A") is Fate.SENT
    assert table.fate("binance", Channel.TRADES, "A") is Fate.GARBLED
    fates = [table.fate("bybit", Channel.TRADES, "A") for _ in range(3)]
    assert fates == [Fate.LOST, Fate.LOST, Fate.SENT]
    assert table.in_force() == []


def test_a_fault_of_requests_ends_by_count_or_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = 0
    monkeypatch.setattr("streams.simulator.exchange.faults.monotonic_ns", lambda: now_ns)
    table = FaultTable()
    limited, timed = Refuse(status=429, path="/a", count=1), Slow(delay_s=1.0, seconds=2.0)
    table.add(limited)
    table.add(timed)
    assert table.of_request("bybit", "GET", "/b") == [timed]
    assert table.of_request("bybit", "GET", "/a/b") == [limited, timed]
    assert table.of_request("bybit", "GET", "/a/b") == [timed]
    now_ns = 2 * NS_PER_S
    assert table.of_request("bybit", "GET", "/a/b") == []


class _Pipe:
    """A transport whose peer does not read."""

    def __init__(self) -> None:
        self.unsent = 0
        self.aborted = False

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: bytes) -> None:
        self.unsent += len(data)

    def abort(self) -> None:
        self.aborted = True


def test_who_reads_too_slowly_is_cut() -> None:
    async def scenario() -> None:
        pipe = _Pipe()
        hub = Hub("bybit", FaultTable())
        connection = Connection(cast("asyncio.Transport", pipe), path="/")
        hub.add(connection)
        hub.subscribe(connection, "a")
        payload = b"x" * (1 << 20)
        while not pipe.aborted:
            hub.publish("a", payload, Channel.BOOK, "A")
            await asyncio.sleep(0)
        assert MAX_UNSENT_BYTES < pipe.unsent < MAX_UNSENT_BYTES + 2 * len(payload)

    asyncio.run(scenario())


def _listing(symbol: str) -> Listing:
    return Listing(rules_of(symbol), venue_id=symbol, seed=symbol, truth=Truth())


def test_the_player_merges_by_time_and_ticks_after_the_events_of_a_time() -> None:
    clock = MarketClock(speed=None)
    seen: list[tuple[int, str]] = []

    def on_event(listing: Listing, _event: Event) -> None:
        seen.append((listing.now_ns, listing.symbol))

    player = Player(clock, on_event=on_event, on_tick=lambda ns: seen.append((ns, "tick")))
    for symbol in ("A/USDT", "B/USDT"):
        player.add(_listing(symbol), SmallMarket(symbol, seed=len(seen)).events())
    player.begin()
    clock.advance(3 * NS_PER_S)
    while not player.play_to(clock.now_ns(), at_most=7):
        pass
    times = [at_ns for at_ns, _ in seen]
    assert times == sorted(times)
    ticks = [at_ns for at_ns, what in seen if what == "tick"]
    assert ticks == list(range(START_NS + TICK_NS, START_NS + 3 * NS_PER_S + 1, TICK_NS))
    for (at_ns, what), (next_ns, following) in itertools.pairwise(seen):
        assert not (at_ns == next_ns and what == "tick" and following != "tick")


def test_sources_must_have_a_beginning_and_the_same_one() -> None:
    def player_of(*sources: Iterator[tuple[int, Event]]) -> Player:
        player = Player(MarketClock(speed=None), on_event=lambda *_: None, on_tick=lambda _: None)
        for source in sources:
            player.add(_listing("A/USDT"), source)
        return player

    with pytest.raises(UsageError, match="no event"):
        player_of(iter(()))
    with pytest.raises(UsageError, match="nothing to play"):
        player_of().begin()
    later = SmallMarket("B/USDT", start_ns=START_NS + 61 * NS_PER_S)
    with pytest.raises(UsageError, match="start 61 s apart"):
        player_of(SmallMarket("A/USDT").events(), later.events()).begin()


def test_a_source_that_starts_anew_is_told_as_a_change() -> None:
    listing = _listing("A/USDT")
    first, *diffs = (event for _, event in itertools.islice(SmallMarket("A/USDT").events(), 60))
    listing.now_ns = START_NS
    assert listing.apply(first) is None
    client = FullBook()
    client.replace(listing.book.update_id, listing.book.bids.top(), listing.book.asks.top())
    for event in [*diffs, first]:
        change: Any = listing.apply(event)
        if hasattr(change, "bids"):
            assert change.prev_id == client.update_id
            client.apply(change.last_id, change.bids, change.asks)
    assert client.bids.top() == listing.book.bids.top()
    assert client.asks.top() == listing.book.asks.top()
    assert listing.book.bids.top() == list(first.bids)  # type: ignore[union-attr]
