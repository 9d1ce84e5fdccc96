"""The ledger: positions moved by fills and by nothing else, the balance by fills and funding.

Exact arithmetic: sums and products of what venues report are never rounded. The one quotient, the
share of the entry cost that a partial close takes, is rounded to 18 decimals and what it leaves
stays in the cost of the rest; so at every moment, to the last decimal::

    balance = start − Σ side·price·qty + Σ side·(entry cost of what is open) − Σ fees + Σ funding
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation, Overflow

import msgspec

from schemas.money import CONTEXT
from schemas.order import Fill, Funding

ZERO = Decimal(0)

EXACT = Context(prec=96, rounding=ROUND_HALF_EVEN, traps=[Inexact, InvalidOperation, Overflow])
"""Arithmetic that refuses to round: an amount that needs more digits is an error, never another."""

_ROUNDED = Context(prec=96, rounding=ROUND_HALF_EVEN)

_COST_STEP = Decimal("1E-18")
"""Of the share of a cost: finer than any price times quantity of a venue (8 decimals each)."""

TRADE_IDS_KEPT = 10_000
"""At least so many of the last trades are known again when they are told twice, at most twice as
many; the durable ledger knows them all."""


class Holding(msgspec.Struct):
    """One position. ``qty`` is signed, ``cost`` the entry notional of what is open."""

    qty: Decimal = ZERO
    cost: Decimal = ZERO
    realised_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO

    @property
    def average_price(self) -> Decimal:
        """Mean entry price of what is open; 0 when flat."""
        return CONTEXT.divide(self.cost, self.qty.copy_abs()) if self.qty else ZERO


class Ledger(msgspec.Struct):
    """Balance of an account in its own currency, and its holdings by ``venue:symbol``.

    One-way mode: a fill against the open side first reduces it, at average cost; what goes beyond
    opens the other side. ``balance`` moves by realised profit and loss, fees and funding.
    A venue's trade ids may repeat on another symbol; they are told apart here.
    """

    balance: Decimal
    holdings: dict[str, Holding] = msgspec.field(default_factory=dict)
    trade_ids: dict[str, None] = msgspec.field(default_factory=dict)
    older_trade_ids: dict[str, None] = msgspec.field(default_factory=dict)

    def apply(self, fill: Fill) -> bool:
        """Take one fill; ``False`` if this trade id was booked before."""
        key = f"{fill.venue}:{fill.symbol}"
        if not self._is_new(f"{key}:{fill.trade_id}"):
            return False
        holding = self.holdings.setdefault(key, Holding())
        side = Decimal(fill.side.value)
        signed = EXACT.multiply(fill.qty, side)
        closing = _closing_qty(holding.qty, signed)
        realised = self._close(holding, closing, fill.price) if closing else ZERO
        opening = EXACT.subtract(fill.qty, closing)
        if opening:
            added = EXACT.multiply(opening, fill.price)
            holding.cost = EXACT.add(holding.cost, added)
            holding.qty = EXACT.add(holding.qty, EXACT.multiply(opening, side))
        holding.realised_pnl = EXACT.add(holding.realised_pnl, realised)
        holding.fees = EXACT.add(holding.fees, fill.fee)
        self.balance = EXACT.add(self.balance, EXACT.subtract(realised, fill.fee))
        return True

    def fund(self, payment: Funding) -> bool:
        """Take one funding payment; ``False`` if its id was booked before."""
        key = f"{payment.venue}:{payment.symbol}"
        if not self._is_new(f"{key}:funding:{payment.payment_id}"):
            return False
        holding = self.holdings.setdefault(key, Holding())
        holding.funding = EXACT.add(holding.funding, payment.amount)
        self.balance = EXACT.add(self.balance, payment.amount)
        return True

    def _is_new(self, trade: str) -> bool:
        if trade in self.trade_ids or trade in self.older_trade_ids:
            return False
        self.trade_ids[trade] = None
        # By generations: the order within a dict does not survive the state's encoding.
        if len(self.trade_ids) >= TRADE_IDS_KEPT:
            self.older_trade_ids, self.trade_ids = self.trade_ids, {}
        return True

    def open_cost(self) -> Decimal:
        """Entry notional of everything that is open."""
        total = ZERO
        for key in sorted(self.holdings):
            total = CONTEXT.add(total, self.holdings[key].cost)
        return total

    def available(self) -> Decimal:
        """Balance that backs no open position, at least 0."""
        return max(CONTEXT.subtract(self.balance, self.open_cost()), ZERO)

    def open_count(self) -> int:
        """How many positions are open."""
        return len([1 for holding in self.holdings.values() if holding.qty])

    @staticmethod
    def _close(holding: Holding, qty: Decimal, price: Decimal) -> Decimal:
        side = Decimal(1 if holding.qty > 0 else -1)
        whole = holding.qty.copy_abs()
        cost = holding.cost
        if qty != whole:
            share = CONTEXT.divide(CONTEXT.multiply(holding.cost, qty), whole)
            cost = min(share.quantize(_COST_STEP, context=_ROUNDED), holding.cost)
        proceeds = EXACT.multiply(qty, price)
        holding.cost = EXACT.subtract(holding.cost, cost)
        holding.qty = EXACT.subtract(holding.qty, EXACT.multiply(qty, side))
        return EXACT.multiply(EXACT.subtract(proceeds, cost), side)


def _closing_qty(held: Decimal, signed: Decimal) -> Decimal:
    if not held or held.is_signed() == signed.is_signed():
        return ZERO
    return min(held.copy_abs(), signed.copy_abs())
