"""What Bybit's protective prices must be, and what of them is not simulated."""

from __future__ import annotations

from streams.simulator.exchange.trading.orders import Ticket
from streams.simulator.exchange.trading.prices import last_price
from streams.simulator.exchange.venues.bybit.rest import Query
from streams.simulator.exchange.venues.bybit.tickets import number


def check_whole(query: Query) -> None:
    """Refuse what is not simulated of protective prices: to leave it out would be worse."""
    if number(query, "trailingStop") is not None or query.get("tpslMode") == "Partial":
        raise query.refuse(10001, "params error: trailingStop, tpslMode Partial: not simulated")
    for name, only in (
        *(("slTriggerBy", "LastPrice"), ("tpTriggerBy", "LastPrice")),
        *(("slOrderType", "Market"), ("tpOrderType", "Market")),
    ):
        if query.get(name) not in (None, only):
            raise query.refuse(10001, f"params error: {name} is not simulated")


def check_unprotected(query: Query) -> None:
    """Refuse protective prices where they are not simulated at all: of an amendment."""
    for name in ("stopLoss", "takeProfit"):
        if query.get(name) is not None:
            raise query.refuse(10001, f"params error: {name} of an amendment is not simulated")


def check_attached(query: Query, ticket: Ticket) -> None:
    """An order's stop-loss must be behind where it buys or sells, its take-profit before it."""
    base = ticket.price or last_price(ticket.listing)
    for name, price, way in (
        ("StopLoss", ticket.stop_loss, -ticket.side),
        ("TakeProfit", ticket.take_profit, ticket.side),
    ):
        if price is None:
            continue
        if not ticket.listing.is_contract:
            raise query.refuse(10001, f"params error: {name} of spot is not simulated")
        if price % ticket.listing.rules.tick_size or (price - base) * way <= 0:
            side = "Buy" if ticket.side > 0 else "Sell"
            word = "higher" if way > 0 else "lower"
            text = f"{name}:{price} set for {side} position should be {word} than base_price:{base}"
            raise query.refuse(10001, text)
