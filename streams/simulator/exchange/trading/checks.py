"""What an order must meet before it is accepted: filters, limits, funds."""

from __future__ import annotations

from decimal import Decimal

from schemas.frame import ContractKind, Side
from schemas.money import CONTEXT
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.margin import available, initial, most_notional
from streams.simulator.exchange.trading.orders import ZERO, Order, Ticket
from streams.simulator.exchange.trading.prices import best_price, last_price, mark_price
from streams.simulator.exchange.trading.rejections import Reason, Rejected

BAND = Decimal("0.15")
"""How far a limit price may be from the mark price: Binance's PERCENT_PRICE."""
MOST_STEPS = 10_000_000
"""The largest order, in quantity steps; the venues announce it so."""


def check_filters(ticket: Ticket) -> None:
    """Tick, step, range, price band and least value. Raises :class:`Rejected`."""
    rules = ticket.listing.rules
    if ticket.price is not None:
        check_price(ticket.listing, ticket.price)
    if ticket.spend is not None:
        if ticket.spend < rules.min_notional:
            raise Rejected(Reason.MIN_NOTIONAL, str(rules.min_notional))
        return
    if ticket.qty % rules.qty_step:
        raise Rejected(Reason.QTY_STEP, str(rules.qty_step))
    if not ZERO < ticket.qty <= rules.qty_step * MOST_STEPS:
        raise Rejected(Reason.QTY_RANGE, str(rules.qty_step))
    price = ticket.price or best_price(ticket.listing, ticket.side) or last_price(ticket.listing)
    if not ticket.reduce_only and CONTEXT.multiply(price, ticket.qty) < rules.min_notional:
        raise Rejected(Reason.MIN_NOTIONAL, str(rules.min_notional))


def check_price(listing: Listing, price: Decimal) -> None:
    """Tick and band. Raises :class:`Rejected`."""
    if price <= 0 or price % listing.rules.tick_size:
        raise Rejected(Reason.PRICE_TICK, str(listing.rules.tick_size))
    mark = mark_price(listing)
    if abs(price - mark) > CONTEXT.multiply(mark, BAND):
        high = price > mark
        limit = CONTEXT.multiply(mark, 1 + BAND if high else 1 - BAND)
        raise Rejected(Reason.PRICE_HIGH if high else Reason.PRICE_LOW, listing.price(float(limit)))


def check_reducing(account: Account, ticket: Ticket) -> None:
    """A reduce-only order must meet a position of the other side. Raises :class:`Rejected`."""
    if ticket.reduce_only and account.position(ticket.listing).qty * ticket.side >= 0:
        raise Rejected(Reason.REDUCE_ONLY)


def check_funds(account: Account, order: Order, *, cost: Decimal = ZERO) -> None:
    """Whether the account can carry the order, which is not its own yet; ``cost`` is what a market
    order takes out of the book. Raises :class:`Rejected`.
    """
    rules = order.listing.rules
    if order.ticket.reduce_only:
        return
    if rules.kind is ContractKind.SPOT:
        check_spot(account, order.ticket, price=order.price, qty=order.left, cost=cost)
        return
    before = initial(account, order.listing)
    after = initial(account, order.listing, order)
    if after <= before:
        return
    leverage = account.position(order.listing).leverage
    if CONTEXT.multiply(after, Decimal(leverage)) > most_notional(leverage):
        raise Rejected(Reason.POSITION_LIMIT)
    if CONTEXT.subtract(after, before) > available(account, rules.settle):
        raise Rejected(Reason.INSUFFICIENT_FUNDS)


def check_spot(
    account: Account,
    ticket: Ticket,
    *,
    price: Decimal | None,
    qty: Decimal | None = None,
    cost: Decimal = ZERO,
) -> None:
    """Whether what an order of spot spends is free; ``qty`` is what is left of it, else all.

    Raises :class:`Rejected`.
    """
    rules, left = ticket.listing.rules, ticket.qty if qty is None else qty
    if ticket.side is Side.SELL:
        asset, needed = rules.base, left
    else:
        asset = rules.quote
        needed = max(cost, ticket.spend or ZERO)
        if price is not None:
            needed = CONTEXT.multiply(left, price)
    if needed > available(account, asset):
        raise Rejected(Reason.INSUFFICIENT_FUNDS, asset)
