"""Settings of an account that a client may change: leverage and margin mode of a symbol."""

from __future__ import annotations

from decimal import Decimal

from schemas.money import CONTEXT
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.events import BalanceChanged, Cause, LeverageChanged
from streams.simulator.exchange.trading.margin import (
    TIERS,
    available,
    initial,
    most_notional,
    position_margin,
)
from streams.simulator.exchange.trading.orders import ZERO
from streams.simulator.exchange.trading.prices import mark_price
from streams.simulator.exchange.trading.rejections import Reason, Rejected


def set_leverage(desk: Desk, account: Account, listing: Listing, leverage: int) -> None:
    """Set the leverage of a symbol. Raises :class:`Rejected` where it is none, or would not carry
    what is held and ordered.
    """
    if not 1 <= leverage <= TIERS[0].leverage:
        raise Rejected(Reason.LEVERAGE, str(leverage))
    position = account.position(listing)
    if abs(position.notional(mark_price(listing))) > most_notional(leverage):
        raise Rejected(Reason.POSITION_LIMIT)
    if leverage < position.leverage and position.isolated and position.qty:
        raise Rejected(Reason.LEVERAGE_ISOLATED)
    before = position.leverage
    needed_before, free = initial(account, listing), available(account, listing.rules.settle)
    position.leverage = leverage
    if initial(account, listing) - needed_before > free:
        position.leverage = before
        raise Rejected(Reason.INSUFFICIENT_FUNDS)
    desk.tell(LeverageChanged(account, listing, leverage))


def set_isolated(desk: Desk, account: Account, listing: Listing, *, isolated: bool) -> None:
    """Set the margin mode of a symbol. Raises :class:`Rejected` where it is so already, or where
    there is an order or a position.
    """
    position = account.position(listing)
    if position.isolated == isolated:
        raise Rejected(Reason.MARGIN_MODE_SAME)
    if any(account.open_orders(listing.symbol)):
        raise Rejected(Reason.MARGIN_MODE_ORDERS)
    if position.qty:
        raise Rejected(Reason.MARGIN_MODE_POSITION)
    position.isolated = isolated
    desk.tell(BalanceChanged(account, listing, Cause.MARGIN))


def move_margin(desk: Desk, account: Account, listing: Listing, amount: Decimal) -> None:
    """Add to what is isolated for a position, or (negative) take from it. Raises
    :class:`Rejected` where it is not isolated, or where there is not so much.
    """
    position = account.position(listing)
    if not position.isolated or not position.qty:
        raise Rejected(Reason.MARGIN_NOT_ISOLATED)
    spare = CONTEXT.add(position.isolated_wallet, position.unrealised(mark_price(listing)))
    spare = max(ZERO, CONTEXT.subtract(spare, position_margin(position)))
    if amount > available(account, listing.rules.settle) or -amount > spare:
        raise Rejected(Reason.INSUFFICIENT_FUNDS)
    position.isolated_wallet = CONTEXT.add(position.isolated_wallet, amount)
    desk.tell(BalanceChanged(account, listing, Cause.MARGIN))
