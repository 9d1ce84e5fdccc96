"""Real Bybit v5 messages, linear and spot, read completely."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import MalformedMessage, OutOfSequence, Refused, RejectedInput, UnknownStream
from schemas.frame import PositionSide, Side, TradeFlag
from schemas.settings import FramesSettings
from streams.events import (
    BookDiff,
    BookSnapshot,
    DerivativesEvent,
    Event,
    LiquidationEvent,
    SnapshotKind,
    TradeEvent,
)
from streams.exchanges.bybit import BEST_LEVELS
from streams.exchanges.bybit.parser import BybitParser
from streams.framer import Framer
from tests.wire.captures import captured

MS = 1_000_000
READ = {"orderbook.200": 2148, "publicTrade": 120, "tickers": 839}
"""Messages by topic; besides there are 96 klines and 24 answers to subscriptions."""


def expected(message: dict[str, Any]) -> tuple[Event, ...]:
    """The events of a message, written down from the venue's field table."""
    data, kind = message["data"], message["topic"].partition(".")[0]
    if kind == "publicTrade":
        sides = {"Buy": Side.BUY, "Sell": Side.SELL}
        return tuple(
            TradeEvent(
                row["s"], row["T"] * MS, row["p"], row["v"], sides[row["S"]],
                TradeFlag.NON_MARKET if row["BT"] else 0, row["i"], None, None,
            )
            for row in data
        )  # fmt: skip
    if kind == "tickers":
        names = ("markPrice", "indexPrice", "openInterest", "fundingRate")
        if not any(name in data for name in names):
            return ()
        next_ms = data.get("nextFundingTime")
        return (
            DerivativesEvent(
                data["symbol"],
                message["ts"] * MS,
                mark_price=data.get("markPrice"),
                index_price=data.get("indexPrice"),
                funding_rate=data.get("fundingRate"),
                next_funding_ns=int(next_ms) * MS if next_ms else None,
                open_interest=data.get("openInterest"),
            ),
        )
    bids, asks = ([tuple(level) for level in data[side]] for side in "ba")
    time_ns = message["cts"] * MS
    if message["type"] == "snapshot":
        return (BookSnapshot(data["s"], time_ns, data["u"], bids, asks, SnapshotKind.SENT),)
    return (BookDiff(data["s"], time_ns, data["u"], data["u"], None, bids, asks),)


@pytest.mark.needs_market_data
def test_every_captured_message_becomes_the_events_it_says(market_data: Path) -> None:
    parser = BybitParser()
    others: Counter[str] = Counter()
    for received in captured(market_data, "bybit"):
        message = json.loads(received.payload)
        if "topic" not in message:
            assert parser.parse(received.payload) == ()
            others["answers"] += 1
        elif message["topic"].startswith("kline"):
            with pytest.raises(UnknownStream, match="kline"):
                parser.parse(received.payload)
            others["klines"] += 1
        else:
            assert parser.parse(received.payload) == expected(message)
            turned = json.dumps(dict(reversed(message.items()))).encode()
            assert BybitParser().parse(turned) == expected(message)
    assert parser.counts() == READ
    assert others == {"answers": 24, "klines": 96}


def test_a_ticker_that_tells_the_next_funding_alone_is_heard() -> None:
    data = {"symbol": "BTCUSDT", "nextFundingTime": "1700000000000"}
    message = {"topic": "tickers.BTCUSDT", "type": "delta", "ts": 5, "data": data}
    (event,) = BybitParser().parse(json.dumps(message).encode())
    assert event == DerivativesEvent("BTCUSDT", 5 * MS, next_funding_ns=1_700_000_000 * 1_000 * MS)


@pytest.mark.needs_market_data
def test_captured_books_have_no_gap_and_agree_with_the_ticker(market_data: Path) -> None:
    parsers: dict[str, BybitParser] = {}
    framers: dict[tuple[str, str], Framer] = {}
    tickers: dict[tuple[str, str], dict[str, str]] = {}
    books: dict[tuple[str, str], dict[int, tuple[Decimal, Decimal]]] = {}
    agree: Counter[bool] = Counter()
    for receive_ns, connection, payload in captured(market_data, "bybit"):
        message = json.loads(payload)
        topic = message.get("topic", "")
        if topic.startswith("kline") or not topic:
            continue
        for event in parsers.setdefault(connection, BybitParser()).parse(payload):
            assert event.symbol is not None
            key = (connection, event.symbol)
            if key not in framers:
                framers[key] = Framer(
                    connection,
                    event.symbol,
                    settings=FramesSettings(),
                    derive_touch=True,
                    best_levels=BEST_LEVELS,
                )
            for frame in framers[key].advance(receive_ns):
                assert not frame.quality.rejects
                assert not frame.quality.resyncs
            framers[key].add(receive_ns, event)  # raises at a gap, and at a crossed book
        if topic.startswith("orderbook"):
            key = (connection, message["data"]["s"])
            books.setdefault(key, {})[message["data"]["seq"]] = _best(framers[key])
        elif topic.startswith("tickers") and "cs" in message:
            key = (connection, message["data"]["symbol"])
            ticker = tickers.setdefault(key, {})
            ticker.update(message["data"])
            # Both count the changes of one matching engine: the book as of the ticker's change.
            before = [number for number in books.get(key, {}) if number <= message["cs"]]
            if before and "bid1Price" in ticker:
                told = (Decimal(ticker["bid1Price"]), Decimal(ticker["ask1Price"]))
                agree[books[key][max(before)] == told] += 1
    assert len(books) == 6
    # What drops out of the best is told.
    sides = [side for f in framers.values() for side in (f.state.book.bids, f.state.book.asks)]
    assert {(len(side.keys), side.edge == side.keys[0]) for side in sides} == {(BEST_LEVELS, True)}
    # The ticker may be up to 100 ms ahead of the book; four times in 740 the best changed in it.
    assert agree[True] > 700
    assert agree[False] <= 4


def _best(framer: Framer) -> tuple[Decimal, Decimal]:
    book, exponent = framer.state.book, framer.state.price.exponent
    bid, ask = book.bids.best(), book.asks.best()
    assert bid is not None
    assert ask is not None
    return Decimal(bid).scaleb(-exponent), Decimal(ask).scaleb(-exponent)


@pytest.mark.needs_market_data
def test_recorded_liquidation_of_side_buy_closed_a_long(market_data: Path) -> None:
    lines = (market_data / "wire" / "liquidation_frames.jsonl").read_text().splitlines()
    messages = [json.loads(line)["raw"] for line in lines]
    (message,) = [message for message in messages if "topic" in message]
    assert BybitParser().parse(json.dumps(message).encode()) == (
        LiquidationEvent("STRKUSDT", 1791091285156 * MS, PositionSide.LONG, "0.05165", "2084.9"),
    )


def book(kind: str, update: int, bids: list[list[str]], asks: list[list[str]]) -> Event:
    data = {"s": "BTCUSDT", "b": bids, "a": asks, "u": update, "seq": 1}
    message = {"topic": "orderbook.200.BTCUSDT", "type": kind, "ts": 5, "data": data, "cts": 4}
    (event,) = BybitParser().parse(json.dumps(message).encode())
    return event


def framer() -> Framer:
    started = Framer("bybit", "BTC/USDT:USDT", settings=FramesSettings(), derive_touch=True)
    list(started.advance(1_700_000_000_000_000_000))
    return started


def test_a_skipped_update_loses_the_book_until_the_next_snapshot() -> None:
    target = framer()
    target.add(1, book("snapshot", 7, [["10", "1"]], [["11", "1"]]))
    target.add(2, book("delta", 8, [["10", "2"]], []))
    with pytest.raises(OutOfSequence, match="does not continue 8"):
        target.add(3, book("delta", 10, [["10", "3"]], []))
    assert not target.state.depth.synced
    target.add(4, book("snapshot", 11, [["10", "5"]], [["11", "1"]]))
    assert target.state.book.bids.best_level() == (10, 5)
    assert target.state.interval.resyncs == 1


def test_the_venues_service_restarts_and_its_snapshot_is_the_book_though_its_id_is_1() -> None:
    target = framer()
    target.add(1, book("snapshot", 700, [["10", "1"]], [["11", "1"]]))
    target.add(2, book("snapshot", 1, [["8", "4"]], [["9", "1"]]))
    target.add(3, book("delta", 2, [["8", "6"]], []))
    assert target.state.book.bids.best_level() == (8, 6)


def test_trades_of_a_reply_come_oldest_first_and_are_flagged() -> None:
    rows = [
        {"execId": name, "symbol": "B", "price": "1", "size": "2", "side": "Sell", "time": time,
         "isBlockTrade": False}
        for name, time in (("new", "9"), ("old", "8"))
    ]  # fmt: skip
    reply = {"retCode": 0, "result": {"category": "linear", "list": rows}}
    assert BybitParser().reply("trades", json.dumps(reply).encode()) == tuple(
        TradeEvent("B", at * MS, "1", "2", Side.SELL, TradeFlag.RECOVERED_LATE, name, None, None)
        for name, at in (("old", 8), ("new", 9))
    )


def test_refused_subscription_is_told_with_the_venues_words() -> None:
    with pytest.raises(Refused, match=r"subscribe: error:handler not found"):
        BybitParser().parse(
            b'{"success":false,"ret_msg":"error:handler not found","op":"subscribe"}'
        )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"garbage",
        b"{}",
        b'{"topic":"publicTrade.B","data":[{"T":1}]}',
        b'{"topic":"publicTrade.B","data":[{"T":1,"s":"B","S":"Hold","v":"1","p":"1","i":"x"}]}',
        b'{"topic":"orderbook.50.B","type":"patch","ts":1,"data":{"s":"B","b":[],"a":[],"u":1}}',
    ],
)
def test_damaged_message_is_rejected_and_nothing_else(payload: bytes) -> None:
    with pytest.raises(RejectedInput):
        BybitParser().parse(payload)


@pytest.mark.needs_market_data
def test_any_cut_of_a_real_message_is_rejected_not_a_crash(market_data: Path) -> None:
    seen = set()
    for received in captured(market_data, "bybit"):
        kind = received.payload[10:14]
        if kind in seen or len(received.payload) > 2_000 or b"topic" not in received.payload[:9]:
            continue
        seen.add(kind)
        for end in range(len(received.payload)):
            with pytest.raises((MalformedMessage, UnknownStream)):
                BybitParser().parse(received.payload[:end])
    assert len(seen) == 4
