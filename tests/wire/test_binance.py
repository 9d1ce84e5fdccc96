"""Real Binance messages of all three markets, read completely."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import zstandard

from schemas.errors import MalformedMessage, RejectedInput, UnknownStream
from schemas.frame import PositionSide, Side, TradeFlag
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
from streams.exchanges.binance import (
    SNAPSHOT_LIMITS,
    BinanceParser,
    Market,
    identify,
    unified_symbol,
)
from streams.framer import Framer

CAPTURES = {"binance": 267, "binance_futures": 1472, "binance_delivery": 4348}
"""Messages in each capture that make frames; the rest are klines, connection records and rules."""
MS = 1_000_000


def captured(market_data: Path, name: str) -> Iterator[tuple[int, str, str]]:
    """Receive time, symbol asked for (snapshots) and text of every message of a capture."""
    with (market_data / "wire" / f"{name}.jsonl.zst").open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file)
        for line in io.TextIOWrapper(reader, encoding="utf-8"):
            record = json.loads(line)
            if record["t"] == "recv":
                yield int(record["ts"] * 1e9), "", record["data"]
            elif record["t"] == "http" and "/depth?" in record["url"]:
                symbol = parse_qs(urlsplit(record["url"]).query)["symbol"][0]
                yield int(record["ts"] * 1e9), symbol, record["data"]


def expected_event(data: dict[str, Any]) -> Event | None:
    """The event of a message, written down from the venue's field table."""
    levels = [tuple(level) for level in data.get("b", [])] if "U" in data else []
    match data.get("e"):
        case "aggTrade":
            return TradeEvent(
                symbol=data["s"],
                exchange_ns=data["T"] * MS,
                price=data["p"],
                qty=data["q"],
                side=Side.SELL if data["m"] else Side.BUY,
                flags=0,
                id=data["a"],
                first_id=data["f"],
                last_id=data["l"],
                aggregate=True,
            )
        case "depthUpdate":
            return BookDiff(
                symbol=data["s"],
                exchange_ns=data.get("T", data["E"]) * MS,
                first_id=data["U"],
                last_id=data["u"],
                prev_id=data.get("pu"),
                bids=levels,
                asks=[tuple(level) for level in data["a"]],
            )
        case "bookTicker" | None if "B" in data:
            return TouchEvent(
                symbol=data["s"],
                exchange_ns=data["T"] * MS if "T" in data else None,
                update_id=data["u"],
                bid_price=data["b"],
                bid_qty=data["B"],
                ask_price=data["a"],
                ask_qty=data["A"],
            )
        case None:
            return BookSnapshot(
                symbol=data.get("symbol"),
                exchange_ns=data["T"] * MS if "T" in data else None,
                update_id=data["lastUpdateId"],
                bids=[tuple(level) for level in data["bids"]],
                asks=[tuple(level) for level in data["asks"]],
            )
        case _:
            return None


@pytest.mark.needs_market_data
@pytest.mark.parametrize("name", CAPTURES)
def test_every_captured_message_becomes_the_event_it_says(market_data: Path, name: str) -> None:
    parser = BinanceParser()
    read = 0
    for _, _, text in captured(market_data, name):
        message = json.loads(text)
        expected = expected_event(message.get("data", message))
        if expected is None:
            assert message["data"]["e"] == "kline"
            with pytest.raises(UnknownStream, match="kline_1m"):
                parser.parse(text.encode())
        else:
            assert parser.parse(text.encode()) == (expected,)
            read += 1
    assert read == CAPTURES[name]
    assert sum(parser.counts().values()) == read


@pytest.mark.needs_market_data
@pytest.mark.parametrize("name", CAPTURES)
def test_captured_messages_read_the_same_without_their_envelope(
    market_data: Path, name: str
) -> None:
    parser = BinanceParser()
    for _, _, text in captured(market_data, name):
        message = json.loads(text)
        expected = expected_event(message.get("data", message))
        if expected is not None:
            assert parser.parse(json.dumps(message.get("data", message)).encode()) == (expected,)
            turned = json.dumps(dict(reversed(message.items()))).encode()
            assert parser.parse(turned) == (expected,)


@pytest.mark.needs_market_data
@pytest.mark.parametrize("name", CAPTURES)
def test_captured_books_continue_their_snapshots_without_a_gap(
    market_data: Path, name: str
) -> None:
    parser = BinanceParser()
    framers: dict[str, Framer] = {}
    synced: Counter[str] = Counter()
    for receive_ns, asked_symbol, text in captured(market_data, name):
        try:
            events = parser.parse(text.encode())
        except UnknownStream:
            continue
        for event in events:
            symbol = event.symbol or asked_symbol
            framer = framers.setdefault(
                symbol,
                Framer(name, symbol, settings=FramesSettings(), snapshot_limits=SNAPSHOT_LIMITS),
            )
            for frame in framer.advance(receive_ns):
                assert frame.quality.missing_ids == 0
                synced[symbol] += frame.quality.book_synced
            framer.add(receive_ns, event)
    assert len(synced) == {"binance": 4, "binance_futures": 4, "binance_delivery": 10}[name]
    assert all(synced.values())


@pytest.mark.needs_market_data
@pytest.mark.parametrize(
    ("name", "market"),
    [
        ("binance", Market.SPOT),
        ("binance_futures", Market.USDM),
        ("binance_delivery", Market.COINM),
    ],
)
def test_market_is_recognised_from_the_shape_of_messages(
    market_data: Path, name: str, market: Market
) -> None:
    origin = identify(text.encode() for _, _, text in captured(market_data, name))
    assert origin is not None
    assert origin.market is market
    assert origin.has_touch
    assert not origin.has_single_trades


@pytest.mark.needs_market_data
def test_documented_single_messages_are_read_completely(market_data: Path) -> None:
    folder = market_data / "wire" / "binance_single_messages"
    parser = BinanceParser()

    def parsed(path: str) -> Event:
        (event,) = parser.parse((folder / path).read_bytes())
        return event

    stream = "futures/market_data_json/{}_stream.json".format
    for name in ("agg_trade", "book_ticker", "depth_update"):
        data = json.loads((folder / stream(name)).read_text())
        assert parsed(stream(name)) == expected_event(data)
    assert parsed("spot/http_json/depth_response.json") == BookSnapshot(
        None, None, 1027024, [("4.00000000", "431.00000000")], [("4.00000200", "12.00000000")]
    )
    assert parsed(stream("trade")) == TradeEvent(
        "BTCUSDT", 123456785 * MS, "0.001", "100", Side.SELL, 0, 5933014, 5933014, 5933014
    )
    assert parsed(stream("mark_price")) == DerivativesEvent(
        "BTCUSDT",
        1562305380000 * MS,
        mark_price="11794.15000000",
        index_price="11784.62659091",
        funding_rate="0.00038167",
        next_funding_ns=1562306400000 * MS,
    )
    assert parsed(stream("liquidation")) == LiquidationEvent(
        "BTCUSDT", 1568014460893 * MS, PositionSide.LONG, "9910.12345678", "0.014"
    )
    for name in ("kline_stream_open", "kline_stream_closed", "ticker_stream"):
        with pytest.raises(UnknownStream):
            parsed(f"futures/market_data_json/{name}.json")


@pytest.mark.needs_market_data
def test_recorded_liquidations_name_the_position_that_was_closed(market_data: Path) -> None:
    lines = (market_data / "wire" / "liquidation_frames.jsonl").read_text().splitlines()
    messages = [json.loads(line)["raw"] for line in lines]
    events = [
        BinanceParser().parse(json.dumps(message).encode())
        for message in messages
        if "topic" not in message
    ]
    assert events == [
        (LiquidationEvent("XRPUSDT", 1791091174219 * MS, PositionSide.SHORT, "1.4912", "127.2"),),
        (LiquidationEvent("BTCUSDT", 1791565602120 * MS, PositionSide.LONG, "82651.90", "0.190"),),
        (LiquidationEvent("KAIAUSDT", 1791594102102 * MS, PositionSide.LONG, "0.0595600", "3391"),),
    ]


def one(message: dict[str, Any] | list[Any]) -> Event:
    (event,) = BinanceParser().parse(json.dumps(message).encode())
    return event


@pytest.mark.parametrize("kind", ["INSURANCE_FUND", "ADL", "NA"])
def test_trades_that_are_not_market_are_flagged(kind: str) -> None:
    event = one({"e": "trade", "s": "B", "t": 1, "p": "0", "q": "0", "T": 5, "m": True, "X": kind})
    assert isinstance(event, TradeEvent)
    assert event.flags == TradeFlag.NON_MARKET


def test_liquidation_without_an_average_price_uses_what_was_ordered() -> None:
    order = {"s": "B", "S": "BUY", "q": "3", "p": "7", "ap": "0.0", "z": "0", "T": 5}
    event = one({"e": "forceOrder", "E": 6, "o": order})
    assert event == LiquidationEvent("B", 5 * MS, PositionSide.SHORT, "7", "3")


def test_dated_contract_has_no_funding() -> None:
    event = one({"e": "markPriceUpdate", "E": 6, "s": "B", "p": "7", "r": "", "T": 0})
    assert event == DerivativesEvent("B", 6 * MS, mark_price="7")


def test_all_market_streams_give_an_event_for_every_symbol() -> None:
    marks = [{"e": "markPriceUpdate", "E": 6, "s": s, "p": "7"} for s in ("A", "B")]
    payload = json.dumps({"stream": "!markPrice@arr@1s", "data": marks}).encode()
    expected = tuple(DerivativesEvent(s, 6 * MS, mark_price="7") for s in ("A", "B"))
    assert BinanceParser().parse(payload) == expected
    assert BinanceParser().parse(json.dumps(marks).encode()) == expected


def test_answer_to_a_subscription_is_no_event() -> None:
    assert BinanceParser().parse(b'{"result":null,"id":312}') == ()


@pytest.mark.parametrize(
    "payload",
    [
        b'{"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":1,"bids":[],"asks":[]}}',
        b'{"stream":"btcusdt@miniTicker","data":{}}',
        b'{"stream":"\xff","data":{}}',
        b'{"e":"executionReport"}',
        b"{}",
    ],
)
def test_stream_that_nobody_reads_is_named(payload: bytes) -> None:
    with pytest.raises(UnknownStream):
        BinanceParser().parse(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"garbage",
        b"\xff\xfe",
        b"7",
        b'{"stream":"btcusdt@trade","data":{"s":"BTCUSDT"}}',
        b'{"stream":"btcusdt@trade","data":{"s":"BTCUSDT","t":"x","p":"1","q":"1","T":1,"m":true}}',
        b'{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"B","b":"1"',
        b'{"stream":"btcusdt@trade',
        b'{"e":"forceOrder","o":{"s":"B","S":"HOLD","q":"1","p":"1","T":1}}',
        b'[{"e":"trade"}, 5]',
    ],
)
def test_damaged_message_is_malformed_and_nothing_else(payload: bytes) -> None:
    with pytest.raises((MalformedMessage, UnknownStream)) as caught:
        BinanceParser().parse(payload)
    assert caught.type is MalformedMessage or b"stream" in payload


@pytest.mark.needs_market_data
def test_any_cut_of_a_real_message_is_rejected_not_a_crash(market_data: Path) -> None:
    parser = BinanceParser()
    seen = set()
    for _, _, text in captured(market_data, "binance_futures"):
        message = text.encode()
        kind = message[:40].partition(b"@")[2][:5]
        if kind in seen or len(message) > 20_000:
            continue
        seen.add(kind)
        for end in range(len(message)):
            with pytest.raises(RejectedInput):
                parser.parse(message[:end])
    assert len(seen) >= 3


@pytest.mark.parametrize(
    ("raw", "market", "unified"),
    [
        ("BTCUSDT", Market.SPOT, "BTC/USDT"),
        ("NEXOUSDT", Market.SPOT, "NEXO/USDT"),
        ("BTCFDUSD", Market.SPOT, "BTC/FDUSD"),
        ("ETHBTC", Market.SPOT, "ETH/BTC"),
        ("BTCUSDT", Market.USDM, "BTC/USDT:USDT"),
        ("ETHUSDC", Market.USDM, "ETH/USDC:USDC"),
        ("BTCUSDT_240927", Market.USDM, "BTC/USDT:USDT-240927"),
        ("BTCUSD_PERP", Market.COINM, "BTC/USD:BTC"),
        ("BTCUSD_240927", Market.COINM, "BTC/USD:BTC-240927"),
        ("1000PEPEUSDT", Market.USDM, "1000PEPE/USDT:USDT"),
    ],
)
def test_raw_symbols_have_one_unified_name(raw: str, market: Market, unified: str) -> None:
    assert unified_symbol(raw, market) == unified


def test_symbol_with_an_unknown_quote_asset_is_refused() -> None:
    with pytest.raises(MalformedMessage, match="no known quote asset"):
        unified_symbol("BTCXYZ", Market.SPOT)
