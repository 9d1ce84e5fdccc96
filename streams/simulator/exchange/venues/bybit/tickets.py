"""Reads orders out of Bybit's v5 parameters."""

from __future__ import annotations

import re
import secrets
from decimal import Decimal

from schemas.frame import Side
from streams.simulator.exchange.trading.conditional import Trigger, TriggerBy
from streams.simulator.exchange.trading.orders import ZERO, Force, Kind, Ticket
from streams.simulator.exchange.trading.prices import last_price
from streams.simulator.exchange.venues.bybit.rest import Query

_FORCES = {"GTC": Force.GTC, "IOC": Force.IOC, "FOK": Force.FOK, "PostOnly": Force.POST_ONLY}
_KINDS = {"Market": Kind.MARKET, "Limit": Kind.LIMIT}
_BY = {"LastPrice": TriggerBy.LAST, "MarkPrice": TriggerBy.MARK, "IndexPrice": TriggerBy.INDEX}
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
RISES = 1
"""``triggerDirection`` of a trigger that waits for the price to rise."""


def number(query: Query, name: str) -> Decimal | None:
    """A decimal, exactly; ``None`` where it is missing or zero, which mean the same here."""
    told = query.get(name)
    if told is None:
        return None
    if not _DECIMAL.fullmatch(told):
        raise query.refuse(10001, f"params error: {name} invalid")
    return Decimal(told) or None


def ticket_of(query: Query) -> Ticket:
    """An order, plain or conditional."""
    if query.get("positionIdx") not in (None, "0"):
        raise query.refuse(10001, "position idx not match position mode")
    listing = query.listing()
    sides = {"Buy": Side.BUY, "Sell": Side.SELL}
    side, kind = sides.get(query.get("side") or ""), _KINDS.get(query.get("orderType") or "")
    force = _FORCES.get(query.get("timeInForce") or "GTC")
    if side is None or kind is None or force is None:
        raise query.refuse(10001, "params error: side, orderType or timeInForce invalid")
    price = number(query, "price") if kind is Kind.LIMIT else None
    if kind is Kind.LIMIT and price is None:
        raise query.refuse(10001, "params error: price invalid")
    link_id = query.get("orderLinkId") or f"none-{secrets.token_hex(8)}"
    if not _LINK_ID.fullmatch(link_id):
        raise query.refuse(10001, "params error: OrderLinkID invalid")
    qty = number(query, "qty") or ZERO
    # A market purchase of spot is by its cost unless it says otherwise.
    spends = (
        not listing.is_contract
        and kind is Kind.MARKET
        and side is Side.BUY
        and query.get("marketUnit") != "baseCoin"
    )
    return Ticket(
        listing=listing,
        side=side,
        kind=kind,
        qty=ZERO if spends else qty,
        client_id=link_id,
        price=price,
        force=force if kind is Kind.LIMIT else Force.GTC,
        reduce_only=listing.is_contract
        and "true" in (query.get("reduceOnly"), query.get("closeOnTrigger")),
        spend=qty if spends else None,
        stop_loss=number(query, "stopLoss"),
        take_profit=number(query, "takeProfit"),
    )


def trigger_of(query: Query, ticket: Ticket) -> Trigger | None:
    """What a conditional order waits for; ``None`` for a plain order.

    Spot does not say in which direction: from where the price is now.
    """
    price = number(query, "triggerPrice")
    if price is None:
        return None
    by = _BY.get(query.get("triggerBy") or "LastPrice")
    if by is None:
        raise query.refuse(10001, "params error: triggerBy invalid")
    if not ticket.listing.is_contract:
        return Trigger(price=price, rising=price > last_price(ticket.listing), by=TriggerBy.LAST)
    direction = query.whole("triggerDirection")
    if direction not in (RISES, 2):
        raise query.refuse(10001, "params error: triggerDirection invalid")
    return Trigger(price=price, rising=direction == RISES, by=by)
