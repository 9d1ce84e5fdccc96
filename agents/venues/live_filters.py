"""The venue's own rules for an order, checked before it is sent: one small rule each."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from schemas.frame import ContractKind, Instrument
from schemas.money import CONTEXT
from schemas.order import Order, OrderType

ZERO = Decimal(0)


class Sending(NamedTuple):
    """An order about to leave. ``mid`` values a market order; ``working`` counts its symbol's, this
    one among them, ``conditionals`` those of them that wait for a trigger.
    """

    order: Order
    rules: Instrument
    working: int
    conditionals: int
    mid: Decimal | None


def _quantity(now: Sending) -> str | None:
    step, qty = now.rules.qty_step, now.order.qty
    if qty <= 0 or CONTEXT.remainder(qty, step):
        return f"step: quantity {qty} is no multiple of {step}"
    return None


def _prices(now: Sending) -> str | None:
    tick = now.rules.tick_size
    for name, price in (("price", now.order.price), ("stop_price", now.order.stop_price)):
        if price is not None and (price <= 0 or CONTEXT.remainder(price, tick)):
            return f"tick: {name} {price} is no multiple of {tick}"
    return None


def _shape(now: Sending) -> str | None:
    order = now.order
    if (order.type is OrderType.LIMIT) != (order.price is not None):
        return "price: a limit order has one, any other has none"
    triggers = order.type in {OrderType.STOP, OrderType.TAKE_PROFIT}
    if triggers != (order.stop_price is not None):
        return "stop_price: a stop or take-profit has one, any other has none"
    return None


def _notional(now: Sending) -> str | None:
    order = now.order
    # What only reduces may be as small as what is left; spot knows no such thing.
    price = order.price or order.stop_price or now.mid
    reduces = order.reduce_only and now.rules.kind is not ContractKind.SPOT
    if reduces or price is None:
        return None
    worth = CONTEXT.multiply(CONTEXT.multiply(order.qty, price), now.rules.contract_size)
    least = now.rules.min_notional
    return f"min_notional: limit {least}, order {worth}" if worth < least else None


def _count(now: Sending) -> str | None:
    most = now.rules.max_orders
    if most is None or now.working <= most:
        return None
    return f"max_orders: limit {most}, with this one {now.working}"


def _conditionals(now: Sending) -> str | None:
    most = now.rules.max_conditionals
    if now.order.stop_price is None or most is None or now.conditionals <= most:
        return None
    return f"max_conditionals: limit {most}, with this one {now.conditionals}"


_FILTERS: tuple[Callable[[Sending], str | None], ...] = (
    _shape, _quantity, _prices, _notional, _count, _conditionals,
)  # fmt: skip


def filtered(sending: Sending) -> str | None:
    """The first filter's answer, which names limit and value; ``None``: it may be sent."""
    return next((text for check in _FILTERS if (text := check(sending)) is not None), None)
