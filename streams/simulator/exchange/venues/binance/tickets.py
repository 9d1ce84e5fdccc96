"""Reads orders out of Binance's parameters, USD-M and spot."""

from __future__ import annotations

import re
import secrets
from decimal import Decimal

from schemas.frame import Side
from streams.simulator.exchange.trading.conditional import Trigger, TriggerBy
from streams.simulator.exchange.trading.orders import ZERO, Force, Kind, Ticket
from streams.simulator.exchange.venues.binance.query import Query, refuse

FORCES = {"GTC": Force.GTC, "IOC": Force.IOC, "FOK": Force.FOK, "GTX": Force.POST_ONLY}
_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_CONDITIONAL = {
    "STOP": Kind.LIMIT,
    "STOP_MARKET": Kind.MARKET,
    "TAKE_PROFIT": Kind.LIMIT,
    "TAKE_PROFIT_MARKET": Kind.MARKET,
}


_SPOT = {
    "LIMIT": Kind.LIMIT,
    "LIMIT_MAKER": Kind.LIMIT,
    "MARKET": Kind.MARKET,
    "STOP_LOSS": Kind.MARKET,
    "STOP_LOSS_LIMIT": Kind.LIMIT,
    "TAKE_PROFIT": Kind.MARKET,
    "TAKE_PROFIT_LIMIT": Kind.LIMIT,
}


def side_of(query: Query) -> Side:
    """``BUY`` or ``SELL``."""
    match query.text("side"):
        case "BUY":
            return Side.BUY
        case "SELL":
            return Side.SELL
        case _:
            raise refuse(-1117, "Invalid side.")


def force_of(query: Query) -> Force:
    """Time in force; ``GTC`` where it is not said."""
    told = query.optional("timeInForce") or "GTC"
    if told not in FORCES:
        raise refuse(-1115, "Invalid timeInForce.")
    return FORCES[told]


def client_id_of(query: Query, name: str) -> str:
    """The client's own id; one of chance where it has none."""
    told = query.optional(name) or secrets.token_urlsafe(16).replace("-", "_")
    if not _CLIENT_ID.fullmatch(told):
        raise refuse(-4015, "Client order id is not valid.")
    return told


def needed(query: Query, name: str) -> Decimal:
    """A number that must be there."""
    query.text(name)
    value = query.number(name)
    assert value is not None
    return value


def check_one_way(query: Query) -> None:
    """No account is in hedge mode: orders are for the one position there is. What an order may ask
    for beyond that, and is not simulated, is refused.
    """
    if (query.optional("positionSide") or "BOTH") != "BOTH":
        raise refuse(-4061, "Order's position side does not match user's setting.")
    if (query.optional("priceMatch") or "NONE") != "NONE":
        raise refuse(-1130, "Data sent for parameter 'priceMatch' is not valid.")


def futures_ticket(query: Query) -> Ticket:
    """A plain order of USD-M. Conditional types are refused here: they are algo orders."""
    check_one_way(query)
    kind = query.text("type")
    if kind in _CONDITIONAL or kind == "TRAILING_STOP_MARKET":
        raise refuse(
            -4120,
            "Order type not supported for this endpoint. Please use the Algo Order API endpoints "
            "instead.",
        )
    if kind not in ("LIMIT", "MARKET"):
        raise refuse(-1116, "Invalid orderType.")
    limit = kind == "LIMIT"
    if limit:
        query.text("timeInForce")
    else:
        query.unwanted("timeInForce", "price")
    return Ticket(
        listing=query.listing(),
        side=side_of(query),
        kind=Kind.LIMIT if limit else Kind.MARKET,
        qty=needed(query, "quantity"),
        client_id=client_id_of(query, "newClientOrderId"),
        price=needed(query, "price") if limit else None,
        force=force_of(query) if limit else Force.GTC,
        reduce_only=query.flag("reduceOnly"),
    )


def algo_ticket(query: Query) -> tuple[Ticket, Trigger, str]:
    """A conditional order of USD-M: what it becomes, what it waits for, and its type.

    A stop buys where the price rises to it and sells where it falls; a take-profit the other way.
    """
    check_one_way(query)
    if query.text("algoType") != "CONDITIONAL":
        raise refuse(-1130, "Data sent for parameter 'algoType' is not valid.")
    name = query.text("type")
    if name not in _CONDITIONAL:
        raise refuse(-1116, "Invalid orderType.")
    kind, side = _CONDITIONAL[name], side_of(query)
    close_all = query.flag("closePosition")
    if close_all and (query.optional("quantity") or kind is Kind.LIMIT):
        raise refuse(-4136, "Target strategy invalid for orderType, closePosition")
    ticket = Ticket(
        listing=query.listing(),
        side=side,
        kind=kind,
        qty=ZERO if close_all else needed(query, "quantity"),
        client_id=client_id_of(query, "clientAlgoId"),
        price=needed(query, "price") if kind is Kind.LIMIT else None,
        force=force_of(query),
        reduce_only=query.flag("reduceOnly"),
    )
    by_mark = query.optional("workingType") == "MARK_PRICE"
    trigger = Trigger(
        price=needed(query, "triggerPrice"),
        rising=name.startswith("STOP") == (side is Side.BUY),
        by=TriggerBy.MARK if by_mark else TriggerBy.LAST,
    )
    return ticket, trigger, name


def spot_ticket(query: Query) -> Ticket:
    """An order of spot, plain or conditional."""
    name = query.text("type")
    if name not in _SPOT:
        raise refuse(-1116, "Invalid orderType.")
    for other in ("icebergQty", "trailingDelta"):
        if query.optional(other) is not None:
            raise refuse(-1130, f"Data sent for parameter '{other}' is not valid.")
    kind, side = _SPOT[name], side_of(query)
    spend = query.number("quoteOrderQty") if name == "MARKET" else None
    if spend is not None and side is Side.SELL:
        raise refuse(-1106, "Parameter 'quoteOrderQty' sent when not required.")
    force = Force.GTC
    if kind is Kind.MARKET:
        query.unwanted("timeInForce", "price")
    if spend is not None:
        query.unwanted("quantity")
    if name == "LIMIT_MAKER":
        query.unwanted("timeInForce")
        force = Force.POST_ONLY
    elif kind is Kind.LIMIT:
        query.text("timeInForce")
        force = force_of(query)
        if force is Force.POST_ONLY:
            raise refuse(-1115, "Invalid timeInForce.")
    return Ticket(
        listing=query.listing(),
        side=side,
        kind=kind,
        qty=ZERO if spend is not None else needed(query, "quantity"),
        client_id=client_id_of(query, "newClientOrderId"),
        price=needed(query, "price") if kind is Kind.LIMIT else None,
        force=force,
        spend=spend,
    )


def spot_trigger(query: Query, ticket: Ticket) -> Trigger | None:
    """What a conditional order of spot waits for; ``None`` for a plain one."""
    name = query.text("type")
    if not name.startswith(("STOP_LOSS", "TAKE_PROFIT")):
        return None
    rising = name.startswith("STOP_LOSS") == (ticket.side is Side.BUY)
    return Trigger(price=needed(query, "stopPrice"), rising=rising)
