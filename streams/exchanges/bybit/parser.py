"""Messages of a Bybit v5 public connection (linear, inverse, spot) to events.

A book begins with a snapshot that the stream sends; each delta's ``u`` is one more than the last.
A new snapshot in mid-stream (``u`` may be 1: the venue's service restarted) is the book from there
on. Trade ids are no sequence, so gaps in the tape cannot be seen in it. Source of the shapes: the
venue's v5 documentation, held against recorded messages (tests/wire).
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.errors import MalformedMessage, Refused, UnknownStream
from schemas.frame import NS_PER_MS, PositionSide, Side, TradeFlag
from streams.events import (
    AT_RECEIPT,
    BookDiff,
    BookSnapshot,
    DerivativesEvent,
    Event,
    Levels,
    LiquidationEvent,
    SnapshotKind,
    TradeEvent,
)
from streams.exchanges.decode import Route, Shape, text_between

_TOPIC = b'{"topic":"'


class _BookData(msgspec.Struct, gc=False):
    s: str
    b: Levels
    a: Levels
    u: int


class _Book(msgspec.Struct, gc=False):
    type: str
    ts: int
    data: _BookData
    cts: int | None = None


class _Trade(msgspec.Struct, gc=False):
    time_ms: int = msgspec.field(name="T")
    s: str
    side: str = msgspec.field(name="S")
    qty: str = msgspec.field(name="v")
    price: str = msgspec.field(name="p")
    id: str = msgspec.field(name="i")
    block: bool = msgspec.field(name="BT", default=False)


class _Trades(msgspec.Struct, gc=False):
    data: list[_Trade]


class _TickerData(msgspec.Struct, gc=False):
    symbol: str
    mark: str | None = msgspec.field(name="markPrice", default=None)
    index: str | None = msgspec.field(name="indexPrice", default=None)
    interest: str | None = msgspec.field(name="openInterest", default=None)
    rate: str | None = msgspec.field(name="fundingRate", default=None)
    next_ms: str | None = msgspec.field(name="nextFundingTime", default=None)


class _Ticker(msgspec.Struct, gc=False):
    ts: int
    data: _TickerData


class _Liquidation(msgspec.Struct, gc=False):
    time_ms: int = msgspec.field(name="T")
    s: str
    side: str = msgspec.field(name="S")
    qty: str = msgspec.field(name="v")
    price: str = msgspec.field(name="p")


class _Liquidations(msgspec.Struct, gc=False):
    data: list[_Liquidation]


class _Other(msgspec.Struct, gc=False):
    """Enough of a message that does not begin with its topic."""

    topic: str | None = None
    op: str | None = None
    success: bool | None = None
    ret_msg: str | None = None


class _RestTrade(msgspec.Struct, gc=False):
    id: str = msgspec.field(name="execId")
    symbol: str
    price: str
    size: str
    side: str
    time: str
    block: bool = msgspec.field(name="isBlockTrade", default=False)


class _RestRatio(msgspec.Struct, gc=False):
    symbol: str
    buy: str = msgspec.field(name="buyRatio")
    sell: str = msgspec.field(name="sellRatio")


class _RestBook(msgspec.Struct, gc=False):
    symbol: str = msgspec.field(name="s")
    bids: Levels = msgspec.field(name="b")
    asks: Levels = msgspec.field(name="a")
    id: int = msgspec.field(name="u")
    ts: int


class _BookReply(msgspec.Struct, gc=False):
    result: _RestBook


class _Rows(msgspec.Struct, gc=False):
    rows: list[msgspec.Raw] = msgspec.field(name="list")


class _Reply(msgspec.Struct, gc=False):
    result: _Rows


def _side(text: str) -> int:
    if text not in ("Buy", "Sell"):
        raise MalformedMessage(f"side {text[:20]!r} is neither Buy nor Sell")
    return int(Side.BUY if text == "Buy" else Side.SELL)


def _book(m: _Book) -> tuple[Event, ...]:
    d = m.data
    time_ns = (m.ts if m.cts is None else m.cts) * NS_PER_MS
    if m.type == "delta":
        return (BookDiff(d.s, time_ns, d.u, d.u, None, d.b, d.a),)
    if m.type != "snapshot":
        raise MalformedMessage(f"order book of type {m.type[:20]!r}")
    return (BookSnapshot(d.s, time_ns, d.u, d.b, d.a, SnapshotKind.SENT),)


def _trade(m: _Trade) -> TradeEvent:
    # A block trade was agreed off the book: kept, but no part of volumes and bars.
    flags = int(TradeFlag.NON_MARKET) if m.block else 0
    time_ns = m.time_ms * NS_PER_MS
    return TradeEvent(m.s, time_ns, m.price, m.qty, _side(m.side), flags, m.id, None, None)


def _trades(m: _Trades) -> tuple[Event, ...]:
    return tuple(map(_trade, m.data))


def _ticker(m: _Ticker) -> tuple[Event, ...]:
    d = m.data
    if all(text is None for text in (d.mark, d.index, d.interest, d.rate, d.next_ms)):
        return ()  # spot, or a delta of what other channels tell
    return (
        DerivativesEvent(
            d.symbol,
            m.ts * NS_PER_MS,
            mark_price=d.mark or None,
            index_price=d.index or None,
            # A dated contract has no funding: empty texts.
            funding_rate=d.rate or None,
            next_funding_ns=int(d.next_ms) * NS_PER_MS or None if d.next_ms else None,
            open_interest=d.interest or None,
        ),
    )


def _liquidations(m: _Liquidations) -> tuple[Event, ...]:
    def one(row: _Liquidation) -> LiquidationEvent:
        # The side is the position's: Buy means that a long was liquidated.
        side = PositionSide.LONG if _side(row.side) == Side.BUY else PositionSide.SHORT
        return LiquidationEvent(row.s, row.time_ms * NS_PER_MS, int(side), row.price, row.qty)

    return tuple(map(one, m.data))


SHAPES: dict[str, Shape] = {
    "orderbook": Shape(_Book, _book),
    "publicTrade": Shape(_Trades, _trades),
    "tickers": Shape(_Ticker, _ticker),
    "allLiquidation": Shape(_Liquidations, _liquidations),
}
"""By the first word of the topic."""


class BybitParser:
    """Reads the messages of one connection; keeps nothing but decoders and counters."""

    def __init__(self) -> None:
        self._routes: dict[str, Route] = {}
        self._other = msgspec.json.Decoder(_Other).decode
        self._reply = msgspec.json.Decoder(_Reply).decode
        self._book = msgspec.json.Decoder(_BookReply).decode

    def parse(self, payload: bytes) -> tuple[Event, ...]:
        """Events of one message, in order; none for a pong or the answer to a subscription."""
        topic = text_between(payload, _TOPIC)
        if topic is None:
            try:
                other = self._other(payload)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise MalformedMessage(f"not a message of the venue: {error}") from error
            if other.topic is None:
                return _answer(other)
            topic = other.topic
        return self._route(topic).read(payload, topic)

    def reply(self, kind: str, payload: bytes) -> tuple[Event, ...]:
        """Events of the answer to a request: ``book``, ``trades`` (oldest first), ``ratio``."""
        try:
            if kind == "book":
                book = self._book(payload).result
                at_ns = book.ts * NS_PER_MS
                return (BookSnapshot(book.symbol, at_ns, book.id, book.bids, book.asks),)
            rows = self._reply(payload).result.rows
            if kind == "trades":
                return tuple(reversed([_rest_trade(row) for row in rows]))
            if kind == "ratio":
                return tuple(_rest_ratio(row) for row in rows[:1])
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            raise MalformedMessage(f"reply for {kind}: {error}") from error
        raise UnknownStream(f"a reply for {kind}: nobody reads it")

    def counts(self) -> dict[str, int]:
        """Messages read so far by topic, the symbol left out: ``{"orderbook.200": 2148}``."""
        totals: dict[str, int] = {}
        for topic, route in self._routes.items():
            kind = topic.rpartition(".")[0]
            totals[kind] = totals.get(kind, 0) + route.count
        return {kind: totals[kind] for kind in sorted(totals)}

    def _route(self, topic: str) -> Route:
        route = self._routes.get(topic)
        if route is None:
            shape = SHAPES.get(topic.partition(".")[0])
            if shape is None:
                raise UnknownStream(f"topic {topic[:80]}: nobody reads it")
            route = self._routes[topic] = Route(shape)
        return route


def _answer(other: _Other) -> tuple[Event, ...]:
    if other.success is False:
        raise Refused(f"{other.op or 'request'}: {(other.ret_msg or 'no reason given')[:200]}")
    if other.op is None:
        raise UnknownStream("a message with neither topic nor op")
    return ()


def _rest_trade(raw: msgspec.Raw) -> TradeEvent:
    row = msgspec.json.decode(raw, type=_RestTrade)
    flags = TradeFlag.RECOVERED_LATE | (TradeFlag.NON_MARKET if row.block else TradeFlag(0))
    time_ns = int(row.time) * NS_PER_MS
    side = _side(row.side)
    return TradeEvent(
        row.symbol, time_ns, row.price, row.size, side, int(flags), row.id, None, None
    )


def _rest_ratio(raw: msgspec.Raw) -> DerivativesEvent:
    row = msgspec.json.decode(raw, type=_RestRatio)
    return DerivativesEvent(row.symbol, AT_RECEIPT, long_short_ratio=ratio(row.buy, row.sell))


def ratio(long: Any, short: Any) -> str | None:
    """Long accounts per short one, as text of 6 decimals; ``None`` without any short.

    >>> ratio("0.6", "0.4")
    '1.500000'
    """
    shorts = float(short)
    return f"{float(long) / shorts:.6f}" if shorts > 0 else None
