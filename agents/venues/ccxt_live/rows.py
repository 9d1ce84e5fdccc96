"""What ccxt gives of orders, trades and positions, read into what we have seen.

Numbers are read from the shortest text of ccxt's floats: venues give at most 15 significant digits,
which a float keeps.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import ccxt

from agents.venues.ccxt_live.seen import Seen, SeenFunding, SeenTrade
from schemas.frame import NS_PER_MS, Side
from schemas.order import OrderStatus
from schemas.venue import RestingOrder, VenuePosition

ZERO = Decimal(0)

_STATUS = {
    "closed": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELLED,
    "canceling": OrderStatus.ACKNOWLEDGED,
    "expired": OrderStatus.CANCELLED,
    "rejected": OrderStatus.REJECTED,
}


def decimal_of(value: Any) -> Decimal | None:
    """A number of ccxt's, exactly as the venue wrote it.

    >>> decimal_of(0.1), decimal_of(None)
    (Decimal('0.1'), None)
    """
    if value is None:
        return None
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(str(value))


def seen_of(row: Any) -> Seen:
    """An order of ccxt's."""
    filled = decimal_of(row.get("filled"))
    status = _status_of(row, filled)
    return Seen(
        client_order_id=str(row.get("clientOrderId") or ""),
        venue_id=str(row.get("id") or ""),
        status=status,
        filled_qty=filled,
        qty=decimal_of(row.get("amount")),
        price=decimal_of(row.get("price")),
        stop_price=decimal_of(row.get("triggerPrice")),
    )


def _status_of(row: Any, filled: Decimal | None) -> OrderStatus:
    """State of an order of ccxt's."""
    works = OrderStatus.PARTIAL if filled else OrderStatus.ACKNOWLEDGED
    return _STATUS.get(str(row.get("status")), works)


def trade_of(row: Any, *, currency: str) -> SeenTrade:
    """A trade of ccxt's. Raises :class:`ccxt.BadResponse`: an answer cut short makes one of it
    that has nothing in it.
    """
    fee = row.get("fee") or {}
    price, qty = decimal_of(row["price"]), decimal_of(row["amount"])
    if not row["id"] or not price or not qty:
        raise ccxt.BadResponse("a trade without id, price or amount")
    return SeenTrade(
        trade_id=str(row["id"]),
        order_id=str(row["order"]),
        side=Side.BUY if row["side"] == "buy" else Side.SELL,
        price=price,
        qty=qty,
        fee=decimal_of(fee.get("cost")) or ZERO,
        fee_currency=str(fee.get("currency") or currency),
        maker=row.get("takerOrMaker") == "maker",
    )


def resting_of(row: Any) -> RestingOrder:
    """An open order of ccxt's."""
    return RestingOrder(
        client_order_id=str(row.get("clientOrderId") or row.get("id")),
        symbol=str(row["symbol"]),
        side=Side.BUY if row["side"] == "buy" else Side.SELL,
        qty=decimal_of(row.get("amount")) or ZERO,
        filled_qty=decimal_of(row.get("filled")) or ZERO,
        reduce_only=bool(row.get("reduceOnly")),
        price=decimal_of(row.get("price")),
        stop_price=decimal_of(row.get("triggerPrice")),
    )


def position_of(row: Any) -> VenuePosition:
    """A position of ccxt's."""
    contracts = decimal_of(row["contracts"]) or ZERO
    signed = -contracts if row["side"] == "short" else contracts
    return VenuePosition(row["symbol"], signed, decimal_of(row["entryPrice"]) or ZERO)


def funding_of(row: Any) -> SeenFunding:
    """A payment of ccxt's. Raises :class:`ccxt.BadResponse` where something is lacking."""
    amount = decimal_of(row["amount"])
    if not row["id"] or amount is None or not row["timestamp"]:
        raise ccxt.BadResponse("a funding payment without id, amount or time")
    return SeenFunding(
        payment_id=str(row["id"]),
        symbol=str(row["symbol"]),
        amount=amount,
        currency=str(row["code"]),
        time_ns=int(row["timestamp"]) * NS_PER_MS,
    )
