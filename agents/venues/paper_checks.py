"""Why the paper venue refuses an order that arrives: each check names the limit and the value."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from agents.venues.paper_book import ShownBook
from agents.venues.paper_wallet import Margin, Wallet
from schemas.money import CONTEXT
from schemas.order import Order, OrderType, TimeInForce

ZERO = Decimal(0)


class Arrival(NamedTuple):
    """An order and what it meets. ``wanted`` is what of it may fill, ``reduces`` whether it may do
    nothing but make the position smaller.
    """

    order: Order
    wanted: Decimal
    reduces: bool
    key: str
    book: ShownBook
    wallet: Wallet
    margin: Margin
    liquidating: bool


def _liquidating(now: Arrival) -> str | None:
    return "liquidation: the account is being liquidated" if now.liquidating else None


def _prices(now: Arrival) -> str | None:
    order = now.order
    if (order.type is OrderType.LIMIT) != (order.price is not None):
        return "price: a limit order has one, any other has none"
    triggers = order.type in {OrderType.STOP, OrderType.TAKE_PROFIT}
    if triggers != (order.stop_price is not None):
        return "stop_price: a stop or take-profit has one, any other has none"
    return None


def _reduce_only(now: Arrival) -> str | None:
    if now.reduces and now.wanted <= 0:
        return "reduce_only: there is nothing to reduce"
    return None


def _margin(now: Arrival) -> str | None:
    order = now.order
    price = order.price or order.stop_price or now.book.best(order.side)
    if now.reduces or price is None:
        return None
    free = now.margin.free(now.wallet)
    needed = now.margin.needed(now.wallet, now.key, order.side, order.qty, price)
    if needed > max(free, ZERO):
        return f"insufficient_margin: limit {free}, order {needed}"
    return None


def _post_only(now: Arrival) -> str | None:
    order = now.order
    if order.price is None or order.time_in_force is not TimeInForce.POST_ONLY:
        return None
    if now.book.meets(order.side, order.price):
        return f"post_only: limit {order.price}, book {now.book.best(order.side)}"
    return None


def _all_of_it(now: Arrival) -> str | None:
    order = now.order
    if order.time_in_force is not TimeInForce.FOK:
        return None
    there = ZERO
    for take in now.book.takes(order.side, order.qty, order.price):
        there = CONTEXT.add(there, take.qty)
    return None if there >= order.qty else f"fok: limit {order.qty}, book {there}"


_CHECKS: tuple[Callable[[Arrival], str | None], ...] = (
    _liquidating,
    _prices,
    _reduce_only,
    _margin,
    _post_only,
    _all_of_it,
)


def refusal(now: Arrival) -> str | None:
    """The first check's answer, or ``None``: the venue takes the order."""
    return next((text for check in _CHECKS if (text := check(now)) is not None), None)
