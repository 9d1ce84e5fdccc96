"""The ledger: balance and positions, moved by fills and by nothing else. Exact arithmetic."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from schemas.money import CONTEXT
from schemas.order import Fill

ZERO = Decimal(0)


class Holding(msgspec.Struct):
    """One position. ``qty`` is signed, ``cost`` the entry notional of what is open."""

    qty: Decimal = ZERO
    cost: Decimal = ZERO
    realised_pnl: Decimal = ZERO
    fees: Decimal = ZERO

    @property
    def average_price(self) -> Decimal:
        """Mean entry price of what is open; 0 when flat."""
        return CONTEXT.divide(self.cost, abs(self.qty)) if self.qty else ZERO


class Ledger(msgspec.Struct):
    """Balance of an account in its own currency, and its holdings by ``venue:symbol``.

    One-way mode: a fill against the open side first reduces it, at average cost; what goes beyond
    opens the other side. ``balance`` moves by realised profit and loss and by fees.
    """

    balance: Decimal
    holdings: dict[str, Holding] = msgspec.field(default_factory=dict)
    trade_ids: dict[str, None] = msgspec.field(default_factory=dict)

    def apply(self, fill: Fill) -> bool:
        """Take one fill; ``False`` if this trade id was booked before."""
        if fill.trade_id in self.trade_ids:
            return False
        self.trade_ids[fill.trade_id] = None
        holding = self.holdings.setdefault(f"{fill.venue}:{fill.symbol}", Holding())
        signed = fill.qty * fill.side.value
        closing = _closing_qty(holding.qty, signed)
        realised = self._close(holding, closing, fill.price) if closing else ZERO
        opening = abs(signed) - closing
        if opening:
            added = CONTEXT.multiply(opening, fill.price)
            holding.cost = CONTEXT.add(holding.cost, added)
            holding.qty += opening * fill.side.value
        holding.realised_pnl = CONTEXT.add(holding.realised_pnl, realised)
        holding.fees = CONTEXT.add(holding.fees, fill.fee)
        self.balance = CONTEXT.add(self.balance, CONTEXT.subtract(realised, fill.fee))
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
        side = 1 if holding.qty > 0 else -1
        whole = abs(holding.qty)
        cost = holding.cost if qty == whole else CONTEXT.divide(
            CONTEXT.multiply(holding.cost, qty), whole
        )  # fmt: skip
        proceeds = CONTEXT.multiply(qty, price)
        holding.cost = CONTEXT.subtract(holding.cost, cost)
        holding.qty -= qty * side
        return CONTEXT.multiply(CONTEXT.subtract(proceeds, cost), Decimal(side))


def _closing_qty(held: Decimal, signed: Decimal) -> Decimal:
    if held * signed >= 0:
        return ZERO
    return min(abs(held), abs(signed))
