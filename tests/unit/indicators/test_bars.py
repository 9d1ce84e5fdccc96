"""Bars from trades and from history."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agents.indicators.bar import PRICE_SCALE, Bar
from agents.indicators.bar_series import LONGEST_GAP, TAINT_BARS, BarSeries, ClosedBar
from agents.indicators.bars import QUIET_NS, MarketBars
from schemas.frame import NS_PER_S, Frame, TradeFlag
from schemas.settings import FramesSettings
from streams.recordings import sources_from
from tests.golden.sources import golden_paths
from tests.support.bars import MINUTE_NS, chance_table, history, trade_frame, walk


def minutes_of(closed: list[ClosedBar], rank: int = 0) -> list[tuple[int, float]]:
    return [
        (c.bar.open_ns // MINUTE_NS, c.bar.close / PRICE_SCALE)
        for c in closed
        if c.timeframe == rank
    ]


def fed(*frames: Frame) -> tuple[MarketBars, list[ClosedBar]]:
    bars = MarketBars()
    return bars, [c for frame in frames for c in bars.update(frame)]


@pytest.mark.needs_market_data
def test_minute_bars_of_a_recording_are_the_golden_ones(market_data: Path) -> None:
    (recording,) = sources_from(golden_paths(market_data, "BTC_usdm_20240808"))
    bars = MarketBars()
    closed = [c for f in recording.frames(FramesSettings()) for c in bars.update(f)]
    path = market_data / "golden" / "BTC_usdm_20240808.json"
    golden = msgspec.json.decode(path.read_bytes())["minute_bars"]
    checked = 0
    for found in closed:
        expected = golden.get(str(found.bar.open_ns // 1_000_000))
        if found.timeframe or expected is None:
            continue
        checked += 1
        bar = found.bar
        prices = [p / PRICE_SCALE for p in (bar.open, bar.high, bar.low, bar.close)]
        assert prices == [float(x) for x in expected[:4]]
        assert bar.volume == pytest.approx(float(expected[4]), rel=1e-12)
        assert bar.trades == int(expected[5])
    assert checked >= 4


def test_longer_bars_are_what_their_minutes_add_up_to() -> None:
    _, closed = fed(*walk(1_000, 3))
    base = {c.bar.open_ns // MINUTE_NS: c.bar for c in closed if c.timeframe == 0}
    for rank, minutes in ((1, 5), (2, 15), (3, 240)):
        longer = [c.bar for c in closed if c.timeframe == rank]
        assert len(longer) >= 960 // minutes
        for bar in longer:
            start = bar.open_ns // MINUTE_NS
            parts = [base[m] for m in range(start, start + minutes)]
            assert (bar.open, bar.close) == (parts[0].open, parts[-1].close)
            assert bar.high == max(p.high for p in parts)
            assert bar.low == min(p.low for p in parts)
            assert bar.volume == pytest.approx(sum(p.volume for p in parts))
            assert bar.bought == pytest.approx(sum(p.bought or 0.0 for p in parts))
            assert bar.trades == sum(p.trades for p in parts)


def test_the_forming_bar_of_every_timeframe_holds_the_newest_trade() -> None:
    bars, _ = fed(*walk(250, 1))
    for rank, start in ((0, 249), (1, 245), (2, 240), (3, 240)):
        forming = bars.forming()[rank]
        assert forming is not None
        assert forming.open_ns == start * MINUTE_NS
        assert forming.close == bars.series[0].forming.close  # type: ignore[union-attr]
        assert forming.trades == 2 * (250 - start)


def test_an_empty_minute_is_a_flat_bar_at_the_close_before() -> None:
    _, closed = fed(trade_frame(0, 100), trade_frame(3 * MINUTE_NS, 120))
    assert minutes_of(closed) == [(0, 10.0), (1, 10.0), (2, 10.0)]
    assert [c.bar.volume for c in closed if c.timeframe == 0] == [2.0, 0.0, 0.0]


def test_silence_closes_bars_by_the_time_that_frames_tell() -> None:
    bars, _ = fed(trade_frame(0, 100))
    waiting = trade_frame(MINUTE_NS + QUIET_NS - NS_PER_S)
    over = trade_frame(MINUTE_NS + QUIET_NS + NS_PER_S)
    assert bars.update(waiting) == []
    assert minutes_of(bars.update(over)) == [(0, 10.0)]
    assert bars.forming()[0] == Bar.flat(MINUTE_NS, 10.0 * PRICE_SCALE)


def test_a_clock_ahead_of_the_venue_does_not_end_bars() -> None:
    skewed = msgspec.structs.replace(trade_frame(0, 100), close_ns=600 * NS_PER_S)
    bars, _ = fed(skewed)
    later = msgspec.structs.replace(trade_frame(0), close_ns=630 * NS_PER_S)
    assert bars.update(later) == []


def test_a_silence_too_long_to_fill_starts_the_series_anew() -> None:
    _, closed = fed(
        trade_frame(0, 100),
        trade_frame(2 * LONGEST_GAP * MINUTE_NS, 120),
        trade_frame((2 * LONGEST_GAP + 1) * MINUTE_NS, 121),
    )
    base = [c for c in closed if c.timeframe == 0]
    assert [c.bar.open_ns // MINUTE_NS for c in base] == [0, 2 * LONGEST_GAP]
    assert [c.fresh for c in base] == [True, True]
    fives = [c for c in closed if c.timeframe == 1]
    assert len(fives) == 2 * LONGEST_GAP // 5
    assert not any(c.fresh for c in fives[1:])


@pytest.mark.parametrize(
    "late",
    [
        trade_frame(4 * MINUTE_NS, 1),
        trade_frame(5 * MINUTE_NS + 1, 1, flag=TradeFlag.RECOVERED_LATE),
        msgspec.structs.replace(trade_frame(9 * MINUTE_NS, 1), close_ns=5 * MINUTE_NS + 2),
    ],
    ids=["of a closed bar", "recovered late", "stamped ahead of its frame"],
)
def test_a_late_trade_changes_no_bar_and_taints(late: Frame) -> None:
    frames = [trade_frame(i * MINUTE_NS, 100 + i, seq=i + 1) for i in range(6)]
    bars, _ = fed(*frames)
    tainted = [bars.tainted]
    before = bars.forming()
    assert bars.update(late) == []
    assert bars.left_out == 1
    tainted.append(bars.tainted)
    assert tainted == [False, True]
    after = bars.forming()
    assert [(b.high, b.low, b.volume) for b in before if b] == [
        (b.high, b.low, b.volume) for b in after if b
    ]


def test_a_trade_that_is_not_of_the_market_is_in_no_bar() -> None:
    bars, _ = fed(trade_frame(0, 100), trade_frame(1, 900, flag=TradeFlag.NON_MARKET))
    assert bars.forming()[0] == Bar(0, 1e9, 1e9, 1e9, 1e9, 2.0, 2.0, 1)
    assert not bars.tainted


def test_a_first_bar_that_began_within_its_interval_is_dropped() -> None:
    _, closed = fed(*[trade_frame(i * MINUTE_NS + 7, 100, seq=i + 1) for i in range(12)])
    assert minutes_of(closed)[0][0] == 1
    assert [c.bar.open_ns // MINUTE_NS for c in closed if c.timeframe == 1] == [5]


def test_history_goes_on_into_live_bars_and_taints_until_it_is_forgotten() -> None:
    bars = MarketBars()
    past = chance_table(50, 1)
    assert len(bars.backfill(history(past, minutes=1))) == 50 + 10 + 3
    assert bars.backfill(history(past, minutes=1)) == []
    assert bars.tainted
    closed = [c for f in walk(90 * 60, 2) if f.open_ns >= 50 * MINUTE_NS for c in bars.update(f)]
    assert minutes_of(closed)[0][0] == 50
    assert not bars.series[0].tainted
    assert not bars.series[1].tainted
    assert bars.series[3].taint_left in range(1, TAINT_BARS)


def test_history_that_comes_after_the_first_trades_still_counts() -> None:
    bars, _ = fed(trade_frame(50 * MINUTE_NS + 5, 9_999))
    closed = bars.backfill(history(chance_table(50, 1), minutes=1))
    assert len([c for c in closed if c.timeframe == 0]) == 50
    closed = bars.update(trade_frame(51 * MINUTE_NS, 9_990))
    assert minutes_of(closed) == [(50, 999.9)]
    assert closed[0].bar.tainted  # its first seconds were not seen


def test_an_unfinished_bar_of_history_is_left_out() -> None:
    given = history(chance_table(10, 1), minutes=5)
    early = msgspec.structs.replace(given, known_ns=given.known_ns - 1)
    assert len(MarketBars().backfill(early)) == 9


def test_coarse_history_before_fine_history_fills_every_timeframe_once() -> None:
    bars = MarketBars()
    end = 40 * 240
    opened: list[tuple[int, int]] = []
    for minutes, count in ((240, 40), (15, 60), (5, 60), (1, 300)):
        start_ns = (end - count * minutes) * MINUTE_NS
        given = history(chance_table(count, minutes), minutes=minutes, start_ns=start_ns)
        opened += [(c.timeframe, c.bar.open_ns) for c in bars.backfill(given)]
    assert len(opened) == len(set(opened)) == 40 + 60 + 60 + 300
    assert [s.closed[-1].open_ns // MINUTE_NS for s in bars.series] == [
        end - 1,
        end - 5,
        end - 15,
        end - 240,
    ]


def test_a_series_keeps_only_its_last_bars() -> None:
    series = BarSeries(period_ns=10, keep=3)
    for t in range(0, 100, 10):
        series.absorb(Bar.flat(t, 1.0))
    assert [bar.open_ns for bar in series.closed] == [60, 70, 80]
