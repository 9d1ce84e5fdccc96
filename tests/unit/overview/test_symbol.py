"""What is kept of a symbol, against pandas over the same frames."""

from __future__ import annotations

import msgspec
import numpy as np
import pandas as pd
import pytest

from agents.overview.overview import Overview, OverviewState
from schemas.frame import DepthBands, Frame, Quality, TradeFlag
from schemas.overview import MarketOverview
from schemas.settings import settings_from
from tests.support.lanes import FRAMES_PER_TICK, frame_of, in_order, lane, path_of

WINDOW = 24
SETTINGS = settings_from({"overview": {"enabled": True, "interval_s": 1, "window": WINDOW}})
COUNT = 301


def last_of(frames: list[Frame]) -> MarketOverview:
    overview, state = Overview(SETTINGS), OverviewState()
    return [given for frame in frames for given in overview.step(state, frame)][-1]


def values_of(given: MarketOverview, key: str) -> dict[str, float | None]:
    (row,) = [row for row in given.symbols if f"{row.venue}:{row.symbol}" == key]
    return {measure.name: measure.value for measure in row.measures}


def by_interval(frames: list[Frame]) -> pd.DataFrame:
    """One row per complete interval, read off the frames column by column."""
    rows = []
    for frame in frames[: COUNT - 1]:
        book = frame.book
        assert book is not None
        tape = zip(frame.trades.price, frame.trades.qty, frame.trades.side, strict=True)
        signed = [p / 100 * q / 1000 * s for p, q, s in tape]
        mid = (book.bid_price[0] + book.ask_price[0]) / 200
        tick = frame.seq % FRAMES_PER_TICK == 0
        thinner = min(sum(book.bid_qty), sum(book.ask_qty)) / 1000 * mid
        spread = (book.ask_price[0] - book.bid_price[0]) / 100 / mid * 1e4
        rows.append(
            {
                "interval": (frame.seq - 1) // 10,
                "turnover": sum(map(abs, signed)),
                "flow": sum(signed),
                "mid": mid,
                "spread": spread if tick else np.nan,
                "depth": thinner if tick else np.nan,
            }
        )
    parts = pd.DataFrame(rows).groupby("interval")
    table = parts[["turnover", "flow"]].sum().join(parts[["spread", "depth"]].mean())
    return table.assign(mid=parts.mid.last(), change=np.log(parts.mid.last()).diff())


def fading(values: pd.Series) -> float:
    return float(values.dropna().ewm(halflife=WINDOW / 4, adjust=True).mean().iloc[-1])


def test_measures_are_those_of_pandas_in_the_par_currency() -> None:
    btc = lane("a:BTC/USDT", path_of(1, COUNT, start=5_000_000), seed=4)
    eth = lane("a:ETH/BTC", path_of(2, COUNT, start=40_000, step=9), seed=5)
    found = last_of(in_order(btc, eth))
    rate = by_interval(btc).mid.iloc[-1]
    for key, frames, par in (("a:BTC/USDT", btc, 1.0), ("a:ETH/BTC", eth, rate)):
        table, values = by_interval(frames), values_of(found, key)
        traded = table[table.turnover > 0]
        wanted = {
            "volume": fading(table.turnover) * par,
            "volatility_bps": 1e4 * np.sqrt((table.change.tail(WINDOW) ** 2).mean()),
            "illiquidity": 1e10 * fading(traded.change.abs() / traded.turnover) / par,
            "spread_bps": fading(table.spread),
            "depth": fading(table.depth) * par,
        }
        assert {name: values[name] for name in wanted} == pytest.approx(wanted, rel=1e-9)
    flows = [by_interval(frames) for frames in (btc, eth)]
    net = fading(flows[0].flow) + fading(flows[1].flow) * rate
    total = fading(flows[0].turnover) + fading(flows[1].turnover) * rate
    assert values_of(found, "a:ETH/BTC")["sector_flow"] == pytest.approx(net / total, rel=1e-9)


@pytest.mark.parametrize("flag", [TradeFlag.NON_MARKET, TradeFlag.RECOVERED_LATE])
def test_trades_that_are_not_of_the_market_of_now_are_no_volume(flag: TradeFlag) -> None:
    frames = [frame_of("a:BTC/USDT", n, mid=1_000, bought=50, sold=30) for n in range(1, 12)]
    flags = (int(flag), 0)
    other = [
        msgspec.structs.replace(f, trades=msgspec.structs.replace(f.trades, flags=flags))
        for f in frames
    ]
    assert values_of(last_of(frames), "a:BTC/USDT")["volume"] == pytest.approx(8.0)
    assert values_of(last_of(other), "a:BTC/USDT")["volume"] == pytest.approx(3.0)
    assert values_of(last_of(other), "a:BTC/USDT")["sector_flow"] == -1.0


def test_a_book_that_is_silent_for_too_long_is_no_calm_market() -> None:
    frames = lane("a:BTC/USDT", path_of(1, 121), seed=1)
    stale = Quality(book_synced=True, stale=("book",))
    frames[60:] = [
        msgspec.structs.replace(frame, book=frames[59].book, quality=stale) for frame in frames[60:]
    ]
    overview, state = Overview(SETTINGS), OverviewState()
    for frame in frames:
        overview.step(state, frame)
    known = [r is not None for r in state.symbols["a:BTC/USDT"].returns]
    assert known == [False, *[True] * 5, *[False] * 6]
    assert state.symbols["a:BTC/USDT"].present  # it trades, all the same


def test_depth_is_what_lies_within_ten_bps_as_far_as_it_is_known() -> None:
    frames = [frame_of("a:BTC/USDT", n, mid=1_000_000, depth=3_000) for n in range(1, 12)]

    def depth(bands: DepthBands | None, *, far: bool = False) -> float | None:
        changed = []
        for frame in frames:
            book = frame.book
            assert book is not None
            if far:
                book = msgspec.structs.replace(book, ask_price=(book.ask_price[0], 1_001_001))
            changed.append(msgspec.structs.replace(frame, bands=bands, book=book))
        return values_of(last_of(changed), "a:BTC/USDT")["depth"]

    # 6 and 3 on two bids, 3 and 3 on two asks, at a price of 10,000.
    assert depth(None) == pytest.approx(60_000)
    assert depth(None, far=True) == pytest.approx(30_000)
    unknown = (None,) * 6
    wide = (1, 70_000, *[90_000] * 4)
    assert depth(DepthBands(wide, unknown)) == pytest.approx(60_000)
    assert depth(DepthBands(wide, (1, 40_000, *[90_000] * 4))) == pytest.approx(400_000)


def test_a_crossed_book_has_neither_spread_nor_depth() -> None:
    frames = lane("a:BTC/USDT", path_of(1, COUNT, start=5_000_000), seed=4)
    crossed = [
        frame_of("a:BTC/USDT", frame.seq, mid=5_000_000, spread=-400)
        if frame.is_tick and frame.seq % 3 == 0
        else frame
        for frame in frames
    ]
    without = [frame for frame in crossed if frame in frames]
    found, wanted = (values_of(last_of(given), "a:BTC/USDT") for given in (crossed, without))
    assert found["spread_bps"] == wanted["spread_bps"]
    assert found["depth"] == wanted["depth"]
