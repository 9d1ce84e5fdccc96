"""What margin an account needs and has: tiers, initial and maintenance margin, liquidation price.

With one settle asset, one way, over all contracts that settle in it:

- initial margin of a symbol: the larger of what the position becomes if all its buys fill, and if
  all its sells fill, at mark and order prices, divided by the leverage;
- maintenance margin of a position: notional x rate of its tier less the tier's deduction, so that
  it grows without a jump from tier to tier;
- equity: wallet plus unrealised profit and loss; of cross margin without what is isolated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from schemas.frame import Side
from schemas.money import CONTEXT
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.orders import ZERO, Order
from streams.simulator.exchange.trading.position import Position
from streams.simulator.exchange.trading.prices import best_price, mark_price


@dataclass(frozen=True)
class Tier:
    """Up to ``cap`` of notional: the most leverage, the maintenance rate, and its deduction."""

    number: int
    floor: Decimal
    cap: Decimal
    leverage: int
    rate: Decimal
    deduction: Decimal


def _tiers() -> tuple[Tier, ...]:
    # Shape of Binance's BTCUSDT brackets of 2024: cap, leverage, rate.
    steps = (
        ("50000", 125, "0.004"),
        ("600000", 100, "0.005"),
        ("3000000", 75, "0.0065"),
        ("12000000", 50, "0.01"),
        ("70000000", 25, "0.02"),
        ("100000000", 20, "0.025"),
        ("230000000", 10, "0.05"),
        ("480000000", 5, "0.1"),
        ("1200000000", 2, "0.25"),
        ("1800000000", 1, "0.5"),
    )
    tiers: list[Tier] = []
    floor, before, deduction = ZERO, ZERO, ZERO
    for number, (cap, leverage, rate_text) in enumerate(steps, start=1):
        rate = Decimal(rate_text)
        if tiers:
            deduction += floor * (rate - before)
        tiers.append(Tier(number, floor, Decimal(cap), leverage, rate, deduction))
        floor, before = Decimal(cap), rate
    return tuple(tiers)


TIERS = _tiers()
"""Of every contract."""


def tier_of(notional: Decimal) -> Tier:
    """The tier of an absolute notional; the last one beyond all caps."""
    return next((tier for tier in TIERS if notional <= tier.cap), TIERS[-1])


def most_notional(leverage: int) -> Decimal:
    """The largest position that a leverage allows."""
    return max(tier.cap for tier in TIERS if tier.leverage >= leverage)


def maintenance(position: Position) -> Decimal:
    """Maintenance margin of a position at the mark price."""
    notional = abs(position.notional(mark_price(position.listing)))
    tier = tier_of(notional)
    return max(ZERO, CONTEXT.subtract(CONTEXT.multiply(notional, tier.rate), tier.deduction))


def position_margin(position: Position) -> Decimal:
    """Initial margin of a position alone."""
    notional = abs(position.notional(mark_price(position.listing)))
    return CONTEXT.divide(notional, Decimal(position.leverage))


def initial(account: Account, listing: Listing, *extra: Order) -> Decimal:
    """Initial margin of a symbol: its position, its open orders, and ``extra`` ones."""
    position = account.position(listing)
    value = position.notional(mark_price(listing))
    sides = {Side.BUY: ZERO, Side.SELL: ZERO}
    for order in (*account.open_orders(listing.symbol), *extra):
        if order.ticket.reduce_only:
            continue
        price = order.price or best_price(listing, order.side) or mark_price(listing)
        sides[order.side] = CONTEXT.add(sides[order.side], CONTEXT.multiply(order.left, price))
    worst = max(
        abs(value), CONTEXT.add(value, sides[Side.BUY]), CONTEXT.subtract(sides[Side.SELL], value)
    )
    return CONTEXT.divide(worst, Decimal(position.leverage))


def contracts(account: Account, asset: str) -> Iterator[Position]:
    """Positions, flat ones included, that settle in an asset."""
    return (each for each in account.positions.values() if each.listing.rules.settle == asset)


def unrealised(account: Account, asset: str) -> Decimal:
    """Unrealised profit and loss of all positions in an asset."""
    total = ZERO
    for each in contracts(account, asset):
        total = CONTEXT.add(total, each.unrealised(mark_price(each.listing)))
    return total


def initial_of_all(account: Account, asset: str) -> Decimal:
    """Initial margin of all symbols that settle in an asset."""
    total = ZERO
    for each in list(contracts(account, asset)):
        total = CONTEXT.add(total, initial(account, each.listing))
    return total


def cross_wallet(account: Account, asset: str) -> Decimal:
    """The wallet without what is isolated."""
    total = account.wallet.get(asset, ZERO)
    for each in contracts(account, asset):
        total = CONTEXT.subtract(total, each.isolated_wallet)
    return total


def cross_unrealised(account: Account, asset: str) -> Decimal:
    """Unrealised profit and loss of the positions that share the wallet."""
    total = ZERO
    for each in contracts(account, asset):
        if not each.isolated:
            total = CONTEXT.add(total, each.unrealised(mark_price(each.listing)))
    return total


def available(account: Account, asset: str) -> Decimal:
    """What new orders may use: not below zero."""
    free = CONTEXT.add(cross_wallet(account, asset), cross_unrealised(account, asset))
    free = CONTEXT.subtract(free, account.locked(asset))
    for each in list(contracts(account, asset)):
        needed = initial(account, each.listing)
        # What is isolated already is no longer in the wallet that is counted here.
        free = CONTEXT.subtract(free, max(ZERO, CONTEXT.subtract(needed, each.isolated_wallet)))
    return max(ZERO, free)


def liquidation_price(account: Account, position: Position) -> Decimal:
    """The mark price at which the account's equity is its maintenance margin; 0 where none is.

    All else being as it is: other positions' profit and maintenance stay. With ``s`` the sign of
    the position, ``q`` its size, ``e`` its entry, ``r`` and ``d`` rate and deduction of its tier,
    ``w`` the wallet that stands for it: ``w + s q (p - e) = r q p - d``.
    """
    if not position.qty:
        return ZERO
    asset = position.listing.rules.settle
    if position.isolated:
        wallet = position.isolated_wallet
    else:
        wallet = cross_wallet(account, asset)
        for each in contracts(account, asset):
            if each is not position and not each.isolated and each.qty:
                wallet = CONTEXT.add(wallet, each.unrealised(mark_price(each.listing)))
                wallet = CONTEXT.subtract(wallet, maintenance(each))
    tier = tier_of(abs(position.notional(mark_price(position.listing))))
    numerator = CONTEXT.subtract(
        CONTEXT.add(wallet, tier.deduction), CONTEXT.multiply(position.qty, position.entry)
    )
    slope = CONTEXT.subtract(CONTEXT.multiply(abs(position.qty), tier.rate), position.qty)
    price = CONTEXT.divide(numerator, slope) if slope else ZERO
    return max(ZERO, price)
