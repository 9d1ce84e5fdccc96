"""Real Coinbase Advanced Trade messages, read completely."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import MalformedMessage, Refused, RejectedInput, UnknownStream
from schemas.frame import Side, TradeFlag
from schemas.settings import FramesSettings
from streams.events import BookDiff, BookSnapshot, LinkEvent, TradeEvent
from streams.exchanges.coinbase.parser import CoinbaseParser
from streams.framer import Framer
from tests.wire.captures import captured

READ = {"heartbeats": 25, "l2_data": 775, "market_trades": 59, "subscriptions": 5}
UNREAD = {"ticker": 160, "candles": 6}


def quoted(message: dict[str, Any]) -> list[tuple[str, tuple[Decimal, Decimal]]]:
    """Product and best bid and ask of every ticker in a message."""
    return [
        (ticker["product_id"], (Decimal(ticker["best_bid"]), Decimal(ticker["best_ask"])))
        for event in message["events"]
        for ticker in event.get("tickers", [])
    ]


@pytest.mark.needs_market_data
def test_every_captured_message_is_read_and_no_number_lacks(market_data: Path) -> None:
    parser = CoinbaseParser()
    unread: Counter[str] = Counter()
    levels = trades = 0
    for received in captured(market_data, "coinbase"):
        message = json.loads(received.payload)
        try:
            events = parser.parse(received.payload)
        except UnknownStream:
            unread[message["channel"]] += 1
            continue
        assert not any(isinstance(event, LinkEvent) for event in events)
        for event in events:
            if isinstance(event, BookDiff | BookSnapshot):
                levels += len(event.bids) + len(event.asks)
            else:
                assert isinstance(event, TradeEvent)
                trades += 1
        told = message["events"] if message["channel"] in ("l2_data", "market_trades") else []
        levels -= sum(len(one.get("updates", [])) for one in told)
        trades -= sum(len(one.get("trades", [])) for one in told)
    assert (levels, trades) == (0, 0)
    assert parser.counts() == READ
    assert unread == UNREAD


@pytest.mark.needs_market_data
def test_captured_books_are_never_crossed_and_agree_with_the_ticker(market_data: Path) -> None:
    parser = CoinbaseParser(sequenced=False)  # ticker and candles are not given to it
    framers: dict[str, Framer] = {}
    seen: dict[str, list[tuple[Decimal, Decimal]]] = {}
    told: dict[str, list[tuple[int, tuple[Decimal, Decimal]]]] = {}
    for receive_ns, _, payload in captured(market_data, "coinbase"):
        message = json.loads(payload)
        for name, best in quoted(message):
            told.setdefault(name, []).append((len(seen.get(name, [])), best))
        if message["channel"] in ("ticker", "candles"):
            continue
        for event in parser.parse(payload):
            assert event.symbol is not None
            framer = framers.setdefault(
                event.symbol,
                Framer("coinbase", event.symbol, settings=FramesSettings(), derive_touch=True),
            )
            for frame in framer.advance(receive_ns):
                assert not frame.quality.missing_ids
                assert not frame.quality.rejects
            framer.add(receive_ns, event)
            if isinstance(event, BookDiff):
                book, exponent = framer.state.book, framer.state.price.exponent
                bid, ask = (Decimal(side.best() or 0) for side in (book.bids, book.asks))
                seen.setdefault(event.symbol, []).append(
                    (bid.scaleb(-exponent), ask.scaleb(-exponent))
                )
    agree: Counter[bool] = Counter()
    for name, quotes in told.items():
        for count, best in quotes:
            if 0 < count < len(seen[name]) - 5:
                # Ticker and book leave the venue on their own, a few changes apart.
                agree[best in seen[name][count - 1 : count + 5]] += 1
    assert agree[True] > 120
    assert agree[False] <= agree[True] * 0.05


@pytest.mark.needs_market_data
def test_the_side_of_a_trade_is_the_makers(market_data: Path) -> None:
    parser = CoinbaseParser()
    quotes: dict[str, tuple[Decimal, Decimal]] = {}
    at: Counter[tuple[int, str]] = Counter()
    for received in captured(market_data, "coinbase"):
        message = json.loads(received.payload)
        quotes.update(quoted(message))
        if message["channel"] == "market_trades" and message["events"][0]["type"] == "update":
            for event in parser.parse(received.payload):
                if isinstance(event, TradeEvent) and event.symbol in quotes:
                    bid, ask = quotes[event.symbol]
                    price = Decimal(event.price)
                    where = "bid" if price <= bid else "ask" if price >= ask else "between"
                    at[event.side, where] += 1
    assert at[Side.BUY, "ask"] > 40
    assert at[Side.SELL, "bid"] > 20
    assert at[Side.BUY, "bid"] + at[Side.SELL, "ask"] <= 2


def message(number: int, channel: str = "l2_data", **event: Any) -> bytes:
    body = {"product_id": "BTC-USD", "updates": [], "trades": [], **event}
    told = {"channel": channel, "timestamp": "2026-08-09T21:05:48.5Z", "sequence_num": number}
    return json.dumps(told | {"events": [body]}).encode()


def test_a_skipped_number_takes_every_book_of_the_connection_down_and_up() -> None:
    parser = CoinbaseParser()
    parser.parse(message(5, type="update"))
    down, up, change = parser.parse(message(7, type="update"))
    assert (down, up) == tuple(LinkEvent(None, ("book", "trades"), way) for way in (False, True))
    assert isinstance(change, BookDiff)
    assert len(parser.parse(message(8, type="update"))) == 1


def test_a_message_that_cannot_be_read_lacks_like_one_that_was_lost() -> None:
    parser = CoinbaseParser()
    parser.parse(message(5, type="update"))
    with pytest.raises(MalformedMessage):
        parser.parse(message(6, type="nonsense"))
    down, up, _ = parser.parse(message(7, type="update"))
    assert (down, up) == tuple(LinkEvent(None, ("book", "trades"), way) for way in (False, True))


def test_numbers_are_left_alone_where_only_a_part_of_the_connection_is_read() -> None:
    parser = CoinbaseParser(sequenced=False)
    parser.parse(message(5, type="update"))
    assert len(parser.parse(message(70, type="update"))) == 1


def test_changes_behind_a_snapshot_apply_though_other_products_take_numbers_between() -> None:
    parser = CoinbaseParser(sequenced=False)
    framer = Framer("coinbase", "BTC/USD", settings=FramesSettings(), derive_touch=True)
    list(framer.advance(1_700_000_000_000_000_000))
    level = {"side": "bid", "price_level": "10", "new_quantity": "1"}
    offer = level | {"side": "offer", "price_level": "11"}
    for number, kind, updates in (
        (3, "snapshot", [level, offer]),
        (9, "update", [level | {"new_quantity": "7"}]),
        (4711, "update", [level | {"new_quantity": "8"}]),
    ):
        for event in parser.parse(message(number, type=kind, updates=updates)):
            framer.add(1, event)
    assert framer.state.book.bids.best_level() == (10, 8)


def test_trades_of_a_snapshot_are_of_before_and_oldest_first() -> None:
    row = {"product_id": "BTC-USD", "price": "1", "size": "2", "side": "BUY",
           "time": "1970-01-01T00:00:01.000000001Z"}  # fmt: skip
    rows = [row | {"trade_id": "8"}, row | {"trade_id": "7"}]
    events = CoinbaseParser().parse(message(0, "market_trades", type="snapshot", trades=rows))
    assert events == tuple(
        TradeEvent("BTC-USD", 10**9 + 1, "1", "2", Side.SELL, TradeFlag.RECOVERED_LATE, n, n, n)
        for n in (7, 8)
    )


def test_an_error_of_the_venue_is_told_with_its_words() -> None:
    with pytest.raises(Refused, match="too many products"):
        CoinbaseParser().parse(b'{"type":"error","message":"too many products"}')


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"7",
        b"{}",
        b'{"channel":"l2_data","timestamp":"x","sequence_num":1,"events":[]}',
        message(1, type="patch"),
        message(1, type="update", updates=[{"side": "b", "price_level": "1", "new_quantity": "1"}]),
        message(1, "market_trades", type="update", trades=[{"trade_id": "x"}]),
        message(1)[:-1],
    ],
)
def test_damaged_message_is_rejected_and_nothing_else(payload: bytes) -> None:
    with pytest.raises(RejectedInput):
        CoinbaseParser().parse(payload)
