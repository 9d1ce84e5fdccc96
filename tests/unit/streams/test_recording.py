"""Files to recordings, recordings to one order of frames, frames to market.json."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from pathlib import Path

from schemas.frame import Frame, Quality, Side, TradeFlag, Trades
from schemas.settings import FramesSettings
from streams.market import MarketFold
from streams.merge import merge
from streams.recordings import sources_from
from tests.unit.streams.wire import BOOK, MS, START_NS, Played, diff, line, touch, trade, write


def futures_trade(symbol: str, trade_id: int, kind: str = "MARKET") -> dict[str, object]:
    data = {"e": "trade", "E": 1, "T": 1, "s": symbol, "t": trade_id, "p": "10", "q": "1"}
    stream = f"{symbol.lower()}@trade"
    return {"stream": stream, "data": {**data, "X": kind, "m": True}}


def test_files_of_one_symbol_are_one_recording_in_the_order_given(tmp_path: Path) -> None:
    first = write(tmp_path / "z.gz", [line(0, trade(1))])
    other = write(tmp_path / "m.gz", [line(0, futures_trade("ABCUSDT", 7))])
    second = write(tmp_path / "a.gz", [line(10, trade(2))])
    recordings = sources_from([first, other, second])
    assert [recording.key for recording in recordings] == [
        "binance:ABC/USDT",
        "binanceusdm:ABC/USDT:USDT",
    ]
    assert recordings[0].paths == (first, second)
    frames = list(recordings[0].frames(FramesSettings()))
    assert [i for frame in frames for i in frame.trades.id] == [1, 2]


def test_symbol_is_found_though_the_first_lines_are_garbage_or_nameless(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gz", [b"garbage", line(0, BOOK), line(1, trade(1))])
    assert Played(path).recording.key == "binance:ABC/USDT"


def test_coin_margined_symbols_are_told_from_usd_margined_ones(tmp_path: Path) -> None:
    keys = []
    for symbol in ("BTCUSD_PERP", "BTCUSD_240927", "BTCUSDT_240927"):
        path = write(tmp_path / symbol, [line(0, futures_trade(symbol, 1))])
        keys.append(sources_from([path])[0].key)
    assert keys == [
        "binancecoinm:BTC/USD:BTC",
        "binancecoinm:BTC/USD:BTC-240927",
        "binanceusdm:BTC/USDT:USDT-240927",
    ]


def test_frames_can_be_read_again_and_are_the_same(tmp_path: Path) -> None:
    played = Played(write(tmp_path / "a", [line(0, BOOK), line(1, trade(1))]))
    stats = played.recording.stats
    assert list(played.recording.frames(FramesSettings())) == played.frames
    assert played.recording.stats == stats
    assert stats.seconds == 0.001


def test_aggregates_beside_single_trades_are_not_counted_twice(tmp_path: Path) -> None:
    aggregate = {"e": "aggTrade", "E": 1, "s": "ABCUSDT", "a": 3, "p": "10", "q": "1", "f": 1}
    both = {
        "stream": "abcusdt@aggTrade",
        "data": {**aggregate, "l": 1, "T": 1, "m": True, "M": True},
    }
    mixed = Played(write(tmp_path / "a", [line(0, both), line(1, trade(1))]))
    assert mixed.trade_ids == [1]
    assert mixed.dead == []
    alone = Played(write(tmp_path / "b", [line(0, both)]))
    assert alone.trade_ids == [3]


def test_quotes_are_derived_only_where_the_recording_has_none(tmp_path: Path) -> None:
    lines = [line(0, BOOK), line(1, diff(101, 101, [("10", "5")])), line(2, trade(1))]
    assert Played(write(tmp_path / "a", lines)).last.touch.bid_qty == (1, 5)
    quoted = [*lines, line(3, touch(101, ("10", "5"), ("11", "3")))]
    assert Played(write(tmp_path / "b", quoted)).last.touch.bid_qty == (5,)


def test_merged_frames_do_not_depend_on_which_recording_is_named_first(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "spot", [line(i * 130, trade(i)) for i in range(9)]),
        write(tmp_path / "usdm", [line(i * 170, futures_trade("ABCUSDT", i)) for i in range(9)]),
        write(tmp_path / "cm", [line(i * 90, futures_trade("ABCUSD_PERP", i)) for i in range(9)]),
    ]
    orders = []
    for named in permutations(paths):
        streams = [source.frames(FramesSettings()) for source in sources_from(named)]
        orders.append([(f.close_ns, f.venue, f.symbol, f.seq) for f in merge(*streams)])
    assert all(order == orders[0] for order in orders)
    assert orders[0] == sorted(orders[0])
    assert len({key[1] for key in orders[0]}) == 3


def frame_of(trades: Trades, *, price_exponent: int, qty_exponent: int) -> Frame:
    return Frame(
        venue="binance",
        symbol="ABC/USDT",
        epoch=1,
        seq=1,
        open_ns=0,
        close_ns=100 * MS,
        is_tick=False,
        price_exponent=price_exponent,
        qty_exponent=qty_exponent,
        trades=trades,
        quality=Quality(),
    )


def test_market_is_exact_across_exponents_and_leaves_out_what_is_not_market() -> None:
    minute_ms = START_NS // MS // 60_000 * 60_000
    times = (minute_ms * MS, (minute_ms + 59_999) * MS, (minute_ms + 60_000) * MS)
    fold = MarketFold()
    fold.add(
        frame_of(
            Trades(
                exchange_ns=times,
                receive_ns=times,
                price=(105, 95, 100),
                qty=(1, 2, 3),
                side=(Side.BUY, Side.SELL, Side.BUY),
                id=(1, 2, 3),
                flags=(0, 0, TradeFlag.NON_MARKET),
            ),
            price_exponent=1,
            qty_exponent=0,
        )
    )
    fold.add(
        frame_of(
            Trades((times[2],), (times[2],), (1001,), (5,), (Side.SELL,), (4,), (0,)),
            price_exponent=2,
            qty_exponent=1,
        )
    )
    market = fold.result()["binance:ABC/USDT"]
    assert market["trades"] == 3
    assert Decimal(market["taker_buy_vol"]) == 1
    assert Decimal(market["taker_sell_vol"]) == Decimal("2.5")
    assert Decimal(market["delta"]) == Decimal("-1.5")
    assert Decimal(market["quote_vol"]) == Decimal("10.5") + 19 + Decimal("5.005")
    assert market["vwap"] == "9.85857143"
    assert market["final_book"] is None
    assert market["non_market_trades"] == [
        {"id": 3, "time_ms": minute_ms + 60_000, "price": "10.0", "qty": "3"}
    ]
    assert market["minute_bars"] == {
        str(minute_ms): ["10.5", "10.5", "9.5", "9.5", "3", "2"],
        str(minute_ms + 60_000): ["10.01", "10.01", "10.01", "10.01", "0.5", "1"],
    }


def test_market_without_trades_has_no_average_price() -> None:
    fold = MarketFold()
    fold.add(frame_of(Trades(), price_exponent=0, qty_exponent=0))
    market = fold.result()["binance:ABC/USDT"]
    assert market["vwap"] is None
    assert market["trades"] == 0
    assert market["minute_bars"] == {}
