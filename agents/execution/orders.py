"""New orders, as the account writes them."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from schemas.frame import Frame, Side
from schemas.order import (
    Factor,
    Order,
    OrderStatus,
    OrderType,
    TimeInForce,
    client_order_id,
)

OPEN = "open"
CLOSE = "close"
STOP = "stop"
TARGET = "target"
TIME = "time"
MONITOR = "monitor"
REDUCE = "reduce"
UNPROTECTED = "unprotected"


def is_entry(leg: str) -> bool:
    """Whether orders of a leg open a position: the entry, or a further part of it (``open2``)."""
    return leg.startswith(OPEN)


def is_change(leg: str) -> bool:
    """Whether orders of a leg change the size of a position, and neither open nor close it."""
    return leg.startswith(REDUCE) or (is_entry(leg) and leg != OPEN)


def is_protective(order: Order) -> bool:
    """Whether an order rests at the venue for as long as the position is open."""
    return order.leg == STOP or order.leg.startswith(TARGET)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it is wanted: what is not said is that of a market order."""

    signal_id: str
    leg: str
    side: Side
    qty: Decimal
    reason: str
    attempt: int = 1
    reduce_only: bool = False
    factors: tuple[Factor, ...] = ()
    type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC


def new_order(account: str, frame: Frame, wish: Wish, *, rejected: str | None = None) -> Order:
    """An intent, or with ``rejected`` the record of why there is none."""
    return Order(
        client_order_id=client_order_id(account, wish.signal_id, wish.leg, wish.attempt),
        version=0,
        account=account,
        venue=frame.venue,
        symbol=frame.symbol,
        tick_ns=frame.close_ns,
        status=OrderStatus.INTENT if rejected is None else OrderStatus.REJECTED,
        side=wish.side,
        type=wish.type,
        qty=wish.qty,
        filled_qty=Decimal(0),
        reduce_only=wish.reduce_only,
        signal_id=wish.signal_id,
        leg=wish.leg,
        attempt=wish.attempt,
        reason=wish.reason if rejected is None else rejected,
        factors=wish.factors,
        price=wish.price,
        stop_price=wish.stop_price,
        time_in_force=wish.time_in_force,
    )
