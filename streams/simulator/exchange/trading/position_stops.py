"""Stop-loss and take-profit of a whole position, set on it or brought by an order."""

from __future__ import annotations

from decimal import Decimal

from schemas.frame import Side
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.conditional import Conditional, Trigger
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.events import (
    AccountEvent,
    BalanceChanged,
    Cause,
    OrderChanged,
)
from streams.simulator.exchange.trading.orders import ZERO, Kind, Ticket
from streams.simulator.exchange.trading.rejections import Reason, Rejected
from streams.simulator.exchange.trading.triggers import Triggers

STOP_LOSS = "StopLoss"
TAKE_PROFIT = "TakeProfit"


def stop_of(account: Account, symbol: str, kind: str) -> Conditional | None:
    """What waits to close the position of a symbol, of either kind."""
    found = (each for each in account.waiting(symbol) if each.kind == kind and each.close_all)
    return next(found, None)


def _fits(account: Account, stop: Conditional) -> bool:
    """Whether a stop closes what is held now: not where that is gone, or has changed its side."""
    return account.position(stop.ticket.listing).qty * stop.ticket.side < 0


class PositionStops:
    """Each closes what the position is when the last price comes to it, at the market; both go when
    the position does or changes its side. What is past already when it is to be set closes with the
    next tick. A stop that an order brings and that the venue refuses is not set; the order has
    filled all the same.
    """

    def __init__(self, desk: Desk, triggers: Triggers) -> None:
        self._desk = desk
        self._triggers = triggers
        self._past: list[tuple[Account, Listing]] = []
        desk.listeners.append(self._hear)

    def set(self, account: Account, listing: Listing, kind: str, price: Decimal | None) -> None:
        """Set one kind anew, or with ``None`` take it away. Raises :class:`Rejected`."""
        before = stop_of(account, listing.symbol, kind)
        if before is not None and before.trigger.price == price and _fits(account, before):
            return
        if price is not None:
            # The new one first: if it is refused, the position keeps the old one.
            self._place(account, listing, kind, price)
        if before is not None:
            self._triggers.cancel(account, before)

    def _place(self, account: Account, listing: Listing, kind: str, price: Decimal) -> None:
        held = account.position(listing).qty
        ticket = Ticket(
            listing=listing,
            side=Side.SELL if held > 0 else Side.BUY,
            kind=Kind.MARKET,
            qty=ZERO,
            client_id=f"{kind}-{self._desk.number()}",
            reduce_only=True,
        )
        rising = (kind == TAKE_PROFIT) == (held > 0)
        trigger = Trigger(price=price, rising=rising)
        # Bybit's limit is on conditional orders; a position has its two stops beside them.
        self._triggers.place(account, ticket, trigger, kind=kind, close_all=True, limited=False)

    def tick(self, _now_ns: int) -> None:
        """Close what was past its stop when that was set."""
        past, self._past = self._past, []
        for account, listing in past:
            held = account.position(listing).qty
            if not held:
                continue
            ticket = Ticket(
                listing=listing,
                side=Side.SELL if held > 0 else Side.BUY,
                kind=Kind.MARKET,
                qty=abs(held),
                client_id=f"stop-{self._desk.number()}",
                reduce_only=True,
            )
            try:
                self._desk.place(account, ticket)
            except Rejected:
                self._past.append((account, listing))  # it stays past: the next tick tries again

    def _hear(self, event: AccountEvent) -> None:
        match event:
            case OrderChanged(account, order) if event.fill is not None:
                self._attach(account, order.ticket)
            case BalanceChanged(account, listing, Cause.ORDER) if listing.is_contract:
                for kind in (STOP_LOSS, TAKE_PROFIT):
                    stop = stop_of(account, listing.symbol, kind)
                    if stop is not None and not _fits(account, stop):
                        self._triggers.cancel(account, stop)
            case _:
                pass

    def _attach(self, account: Account, ticket: Ticket) -> None:
        """Set what an order that has filled brings with it, if it made the position so."""
        if account.position(ticket.listing).qty * ticket.side <= 0:
            return
        for kind, price in ((STOP_LOSS, ticket.stop_loss), (TAKE_PROFIT, ticket.take_profit)):
            if price is None:
                continue
            try:
                self.set(account, ticket.listing, kind, price)
            except Rejected as rejected:
                # An error here would be the market's, which told of the fill.
                if rejected.reason is Reason.WOULD_TRIGGER:
                    self._past.append((account, ticket.listing))
