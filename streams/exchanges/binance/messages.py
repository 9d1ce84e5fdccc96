"""Wire messages as typed structs, and the events that they are."""

from __future__ import annotations

from typing import TypeGuard

import msgspec

from schemas.errors import MalformedMessage
from schemas.frame import NS_PER_MS, PositionSide, Side, TradeFlag
from streams.events import (
    AT_RECEIPT,
    BookDiff,
    BookSnapshot,
    DerivativesEvent,
    Event,
    Levels,
    LiquidationEvent,
    TouchEvent,
    TradeEvent,
)
from streams.exchanges.decode import Shape


class _Trade(msgspec.Struct, gc=False):
    s: str
    id: int = msgspec.field(name="t")
    p: str
    q: str
    time_ms: int = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")
    kind: str = msgspec.field(name="X", default="MARKET")


class _AggTrade(msgspec.Struct, gc=False):
    s: str
    id: int = msgspec.field(name="a")
    p: str
    q: str
    first_id: int = msgspec.field(name="f")
    last_id: int = msgspec.field(name="l")
    time_ms: int = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")


class _BookTicker(msgspec.Struct, gc=False):
    s: str
    u: int
    bid_price: str = msgspec.field(name="b")
    bid_qty: str = msgspec.field(name="B")
    ask_price: str = msgspec.field(name="a")
    ask_qty: str = msgspec.field(name="A")
    time_ms: int | None = msgspec.field(name="T", default=None)


class _Diff(msgspec.Struct, gc=False):
    s: str
    event_ms: int = msgspec.field(name="E")
    first_id: int = msgspec.field(name="U")
    last_id: int = msgspec.field(name="u")
    b: Levels
    a: Levels
    pu: int | None = None
    time_ms: int | None = msgspec.field(name="T", default=None)


class _Snapshot(msgspec.Struct, gc=False):
    update_id: int = msgspec.field(name="lastUpdateId")
    bids: Levels
    asks: Levels
    symbol: str | None = None
    time_ms: int | None = msgspec.field(name="T", default=None)


class _MarkPrice(msgspec.Struct, gc=False):
    s: str
    event_ms: int = msgspec.field(name="E")
    p: str
    i: str | None = None
    r: str | None = None
    next_funding_ms: int = msgspec.field(name="T", default=0)


class _ForcedOrder(msgspec.Struct, gc=False):
    s: str
    side: str = msgspec.field(name="S")
    q: str
    p: str
    time_ms: int = msgspec.field(name="T")
    average_price: str | None = msgspec.field(name="ap", default=None)
    filled: str | None = msgspec.field(name="z", default=None)


class _ForceOrder(msgspec.Struct, gc=False):
    o: _ForcedOrder


class _RestAggTrade(msgspec.Struct, gc=False):
    id: int = msgspec.field(name="a")
    p: str
    q: str
    first_id: int = msgspec.field(name="f")
    last_id: int = msgspec.field(name="l")
    time_ms: int = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")


class _OpenInterest(msgspec.Struct, gc=False):
    symbol: str
    interest: str = msgspec.field(name="openInterest")


class _Ratio(msgspec.Struct, gc=False):
    symbol: str
    ratio: str = msgspec.field(name="longShortRatio")


_BUY, _SELL, _NON_MARKET = int(Side.BUY), int(Side.SELL), int(TradeFlag.NON_MARKET)


def _trade(m: _Trade) -> tuple[Event, ...]:
    flags = 0 if m.kind == "MARKET" else _NON_MARKET
    side = _SELL if m.buyer_is_maker else _BUY
    return (TradeEvent(m.s, m.time_ms * NS_PER_MS, m.p, m.q, side, flags, m.id, m.id, m.id),)


def _agg_trade(m: _AggTrade) -> tuple[Event, ...]:
    side = _SELL if m.buyer_is_maker else _BUY
    time_ns = m.time_ms * NS_PER_MS
    return (TradeEvent(m.s, time_ns, m.p, m.q, side, 0, m.id, m.first_id, m.last_id, True),)


def _touch(m: _BookTicker) -> tuple[Event, ...]:
    time_ns = None if m.time_ms is None else m.time_ms * NS_PER_MS
    return (TouchEvent(m.s, time_ns, m.u, m.bid_price, m.bid_qty, m.ask_price, m.ask_qty),)


def _diff(m: _Diff) -> tuple[Event, ...]:
    time_ms = m.event_ms if m.time_ms is None else m.time_ms
    return (BookDiff(m.s, time_ms * NS_PER_MS, m.first_id, m.last_id, m.pu, m.b, m.a),)


def _snapshot(m: _Snapshot) -> tuple[Event, ...]:
    time_ns = None if m.time_ms is None else m.time_ms * NS_PER_MS
    return (BookSnapshot(m.symbol, time_ns, m.update_id, m.bids, m.asks),)


def _mark_price(m: _MarkPrice) -> tuple[Event, ...]:
    return (
        DerivativesEvent(
            m.s,
            m.event_ms * NS_PER_MS,
            mark_price=m.p,
            index_price=m.i or None,
            # A dated contract has no funding: an empty rate, and next time 0.
            funding_rate=m.r or None,
            next_funding_ns=m.next_funding_ms * NS_PER_MS or None,
        ),
    )


def _mark_prices(messages: list[_MarkPrice]) -> tuple[Event, ...]:
    return tuple(event for message in messages for event in _mark_price(message))


def _force_order(m: _ForceOrder) -> tuple[Event, ...]:
    order = m.o
    if order.side not in ("SELL", "BUY"):
        raise MalformedMessage(f"forceOrder of side {order.side!r}")
    # The order that closes a long is a sell.
    side = PositionSide.LONG if order.side == "SELL" else PositionSide.SHORT
    price = order.average_price if _positive(order.average_price) else order.p
    qty = order.filled if _positive(order.filled) else order.q
    return (LiquidationEvent(order.s, order.time_ms * NS_PER_MS, int(side), price, qty),)


def _rest_trades(rows: list[_RestAggTrade]) -> tuple[Event, ...]:
    late = int(TradeFlag.RECOVERED_LATE)

    def one(m: _RestAggTrade) -> TradeEvent:
        side = _SELL if m.buyer_is_maker else _BUY
        time_ns = m.time_ms * NS_PER_MS
        return TradeEvent(None, time_ns, m.p, m.q, side, late, m.id, m.first_id, m.last_id, True)

    return tuple(map(one, rows))


def _open_interest(m: _OpenInterest) -> tuple[Event, ...]:
    return (DerivativesEvent(m.symbol, AT_RECEIPT, open_interest=m.interest),)


def _ratio(rows: list[_Ratio]) -> tuple[Event, ...]:
    return tuple(
        DerivativesEvent(m.symbol, AT_RECEIPT, long_short_ratio=m.ratio) for m in rows[-1:]
    )


def _positive(text: str | None) -> TypeGuard[str]:
    return bool(text and text.strip("0."))


SHAPES: dict[str, Shape] = {
    "trade": Shape(_Trade, _trade),
    "aggTrade": Shape(_AggTrade, _agg_trade),
    "bookTicker": Shape(_BookTicker, _touch),
    "depthUpdate": Shape(_Diff, _diff),
    "snapshot": Shape(_Snapshot, _snapshot),
    "markPriceUpdate": Shape(_MarkPrice, _mark_price),
    "markPriceUpdates": Shape(list[_MarkPrice], _mark_prices),
    "forceOrder": Shape(_ForceOrder, _force_order),
}
"""By event name; a REST snapshot, which has none, is called so here."""

REPLIES: dict[str, Shape] = {
    "book": Shape(_Snapshot, _snapshot),
    "trades": Shape(list[_RestAggTrade], _rest_trades),
    "open_interest": Shape(_OpenInterest, _open_interest),
    "ratio": Shape(list[_Ratio], _ratio),
}
"""By what was asked for; the values that are polled are known from their receipt."""
