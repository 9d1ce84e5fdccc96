"""The trade journal: round trips of positions, made of fills alone.

A trade begins with the fill that opens a position and ends with the one that brings it to zero. A
fill that turns a position ends one trade and begins the next; its fee is shared by quantity. Orders
lend the reason. The sums are those of the ledger: over all trades, gross less fees plus funding is
what the balance moved by, to the last decimal.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from agents.execution.ledger import EXACT, ZERO, Holding, Ledger
from schemas.digest import sort_key
from schemas.frame import Side
from schemas.money import CONTEXT
from schemas.order import Fill, Funding, Order


class Trade(msgspec.Struct, frozen=True):
    """One round trip. ``closed_ns`` and ``exit_price`` are ``None`` while it is open.

    ``qty`` is all that was bought (sold) to open it. Prices are means by quantity, in quote
    currency; money in the account's.
    """

    account: str
    venue: str
    symbol: str
    side: str
    opened_ns: int
    closed_ns: int | None
    qty: Decimal
    entry_price: Decimal
    exit_price: Decimal | None
    gross_pnl: Decimal
    fees: Decimal
    funding: Decimal
    fills: int
    reason: str
    """Why it was opened."""
    exit_reason: str
    signal_id: str

    @property
    def net_pnl(self) -> Decimal:
        """Gross profit less fees, plus funding."""
        return EXACT.add(EXACT.subtract(self.gross_pnl, self.fees), self.funding)


class _Open:
    """A trade that is under way."""

    def __init__(self, fill: Fill, order: Order | None) -> None:
        self.first, self.last = fill, fill
        self.order, self.last_order = order, order
        self.bought = self.bought_for = self.sold = self.sold_for = ZERO
        self.gross = self.fees = self.funding = ZERO
        self.fills = 0

    def finish(self, *, closed: bool) -> Trade:
        first = self.first
        exit_price = CONTEXT.divide(self.sold_for, self.sold) if self.sold else None
        return Trade(
            account=first.account,
            venue=first.venue,
            symbol=first.symbol,
            side="long" if first.side is Side.BUY else "short",
            opened_ns=first.tick_ns,
            closed_ns=self.last.tick_ns if closed else None,
            qty=self.bought,
            entry_price=CONTEXT.divide(self.bought_for, self.bought),
            exit_price=exit_price,
            gross_pnl=self.gross,
            fees=self.fees,
            funding=self.funding,
            fills=self.fills,
            reason=self.order.reason if self.order else "",
            exit_reason=self.last_order.reason if closed and self.last_order else "",
            signal_id=self.order.signal_id if self.order else "",
        )


def journal(orders: Iterable[Order], fills: Iterable[Fill | Funding]) -> list[Trade]:
    """Closed trades in the order of their ends, then open ones; one account's records.

    ``orders`` may hold any versions; the first of each lends its reason. Fills are taken in the
    order (tick, venue, symbol), those of one tick as they are given.
    """
    first_of: dict[str, Order] = {}
    for order in orders:
        known = first_of.get(order.client_order_id)
        if known is None or order.version < known.version:
            first_of[order.client_order_id] = order
    desk = _Desk(first_of)
    for record in sorted(fills, key=lambda record: sort_key(record)[:3]):
        if isinstance(record, Funding):
            desk.fund(record)
        else:
            desk.fill(record)
    still_open = [desk.under_way[key].finish(closed=False) for key in sorted(desk.under_way)]
    return [*desk.done, *still_open]


class _Desk:
    def __init__(self, orders: dict[str, Order]) -> None:
        self._orders = orders
        self._ledger = Ledger(balance=ZERO)
        self.under_way: dict[str, _Open] = {}
        self._last: dict[str, int] = {}
        self.done: list[Trade] = []

    def fund(self, payment: Funding) -> None:
        """A payment belongs to the trade that is open, or to the last one of its symbol."""
        key = f"{payment.venue}:{payment.symbol}"
        if not self._ledger.fund(payment):
            return
        if key in self.under_way:
            trade = self.under_way[key]
            trade.funding = EXACT.add(trade.funding, payment.amount)
        elif key in self._last:
            number = self._last[key]
            last = self.done[number]
            funding = EXACT.add(last.funding, payment.amount)
            self.done[number] = msgspec.structs.replace(last, funding=funding)

    def fill(self, fill: Fill) -> None:
        key = f"{fill.venue}:{fill.symbol}"
        held = self._ledger.holdings.get(key, Holding()).qty
        against = held and held.is_signed() != (fill.side is Side.SELL)
        if against and fill.qty > held.copy_abs():
            closing, opening = _split(fill, held.copy_abs())
            self._take(key, closing, fill)
            self._take(key, opening, fill)
        else:
            self._take(key, fill, fill)

    def _take(self, key: str, part: Fill, whole: Fill) -> None:
        before = self._ledger.holdings.get(key, Holding())
        realised, was_held = before.realised_pnl, before.qty
        if not self._ledger.apply(part):
            return
        order = self._orders.get(whole.client_order_id)
        trade = self.under_way.get(key)
        if trade is None:
            trade = self.under_way[key] = _Open(part, order)
        notional = EXACT.multiply(part.price, part.qty)
        if was_held and was_held.is_signed() != (part.side is Side.SELL):
            trade.sold = EXACT.add(trade.sold, part.qty)
            trade.sold_for = EXACT.add(trade.sold_for, notional)
        else:
            trade.bought = EXACT.add(trade.bought, part.qty)
            trade.bought_for = EXACT.add(trade.bought_for, notional)
        now = self._ledger.holdings[key]
        trade.gross = EXACT.add(trade.gross, EXACT.subtract(now.realised_pnl, realised))
        trade.fees = EXACT.add(trade.fees, part.fee)
        trade.fills += 1
        trade.last, trade.last_order = part, order
        if not now.qty:
            self._last[key] = len(self.done)
            self.done.append(self.under_way.pop(key).finish(closed=True))


def _split(fill: Fill, closing_qty: Decimal) -> tuple[Fill, Fill]:
    """A fill that turns a position, as the part that closes and the part that opens."""
    opening_qty = EXACT.subtract(fill.qty, closing_qty)
    share = CONTEXT.divide(CONTEXT.multiply(fill.fee, closing_qty), fill.qty)
    closing = msgspec.structs.replace(fill, qty=closing_qty, fee=share)
    opening = msgspec.structs.replace(
        fill, trade_id=f"{fill.trade_id}:rest", qty=opening_qty, fee=EXACT.subtract(fill.fee, share)
    )
    return closing, opening
