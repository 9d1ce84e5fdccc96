"""Which of an account's trades a request of Binance asks for, the same on all its markets."""

from __future__ import annotations

from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.orders import Fill
from streams.simulator.exchange.venues.binance.query import Query


def own_trades(account: Account, query: Query) -> list[Fill]:
    """Trades by symbol, order and time: the oldest from a start that is named, else the latest."""
    listing, order_id = query.listing(), query.whole("orderId")
    first_id = query.whole("fromId")
    found = [
        fill
        for fill in account.fills
        if fill.symbol == listing.symbol
        and order_id in (None, fill.order_id)
        and (first_id is None or fill.id >= first_id)
        and query.within(fill.time_ns)
    ]
    limit = query.limit(500, 1000)
    from_start = first_id is not None or query.optional("startTime") is not None
    return found[:limit] if from_start else found[-limit:]
