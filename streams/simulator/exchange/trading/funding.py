"""Funding: what holders of contracts pay one another every eight hours."""

from __future__ import annotations

from decimal import Decimal

from schemas.money import CONTEXT, decimal_of
from streams.simulator.exchange.derivatives import FUNDING_NS
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account, IncomeKind
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.events import BalanceChanged, Cause
from streams.simulator.exchange.trading.prices import mark_price


class Funding:
    """Settles at 00:00, 08:00 and 16:00 UTC of market time, at the mark price of then and the last
    rate that was told before: what a source tells at that time is the rate of the next settlement.

    A position pays ``qty x mark x rate``: a long pays where the rate is positive, a short is paid.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._period: int | None = None

    def tick(self, now_ns: int) -> None:
        """Settle if a period is over."""
        period = now_ns // FUNDING_NS
        before, self._period = self._period, period
        if before is None or before == period:
            return
        for account in self._desk.accounts.values():
            for position in account.positions.values():
                if position.qty and position.listing.active:
                    self._settle(account, position.listing, position.qty, period * FUNDING_NS)

    def _settle(self, account: Account, listing: Listing, qty: Decimal, at_ns: int) -> None:
        rate = decimal_of(listing.derivatives.settled_rate(at_ns))
        paid = CONTEXT.multiply(CONTEXT.multiply(qty, mark_price(listing)), rate)
        if paid:
            account.earn(IncomeKind.FUNDING, listing, -paid, at_ns)
            self._desk.tell(BalanceChanged(account, listing, Cause.FUNDING))
