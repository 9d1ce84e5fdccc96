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


class PositionStops:
    """Each closes what the position is when the last price comes to it, at the market; both go when
    the position does. What is past already when it is to be set closes with the next tick.
    """

    def __init__(self, desk: Desk, triggers: Triggers) -> None:
        self._desk = desk
        self._triggers = triggers
        self._past: list[tuple[Account, Listing]] = []
        desk.listeners.append(self._hear)

    def set(self, account: Account, listing: Listing, kind: str, price: Decimal | None) -> None:
        """Set one kind anew, or with ``None`` take it away. Raises :class:`Rejected`."""
        before = stop_of(account, listing.symbol, kind)
        if before is not None and before.trigger.price == price:
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
        self._triggers.place(account, ticket, trigger, kind=kind, close_all=True)

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
            self._desk.place(account, ticket)

    def _hear(self, event: AccountEvent) -> None:
        match event:
            case OrderChanged(account, order) if event.fill is not None:
                self._attach(account, order.ticket)
            case BalanceChanged(account, listing, Cause.ORDER) if listing.is_contract:
                if not account.position(listing).qty:
                    self.set(account, listing, STOP_LOSS, None)
                    self.set(account, listing, TAKE_PROFIT, None)
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
                if rejected.reason is not Reason.WOULD_TRIGGER:
                    raise
                self._past.append((account, ticket.listing))
