"""Lets conditional orders wait for their price, and become orders when it comes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from streams.simulator.exchange.listing import Listing, Marked, Trade, Update
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.checks import check_filters, check_price, check_spot
from streams.simulator.exchange.trading.conditional import (
    Conditional,
    Trigger,
    TriggerBy,
    Waiting,
)
from streams.simulator.exchange.trading.desk import Desk
from streams.simulator.exchange.trading.events import AccountEvent, ConditionalChanged, OrderChanged
from streams.simulator.exchange.trading.orders import ZERO, Ticket
from streams.simulator.exchange.trading.rejections import Reason, Rejected


class Triggers:
    """Conditional orders of one desk. With ``keep_ids`` an order that came of one has its id,
    as where a venue sees both as one order.
    """

    def __init__(self, desk: Desk, *, keep_ids: bool) -> None:
        self._desk = desk
        self._keep_ids = keep_ids
        self._triggered: dict[int, Conditional] = {}
        desk.listeners.append(self._hear)

    def place(
        self,
        account: Account,
        ticket: Ticket,
        trigger: Trigger,
        *,
        kind: str,
        close_all: bool = False,
        limited: bool = True,
    ) -> Conditional:
        """Let a ticket wait. Raises :class:`Rejected`.

        Whether there is something to reduce is looked at when it triggers; funds too, but where
        waiting locks them. ``limited`` is whether the number of those that wait may refuse it.
        """
        desk = self._desk
        if desk.taken(account, ticket.client_id):
            raise Rejected(Reason.DUPLICATE_CLIENT_ID, ticket.client_id)
        _check_terms(ticket, trigger, close_all=close_all)
        if not ticket.listing.is_contract:
            check_filters(ticket)
        waiting = sum(1 for _ in account.waiting(ticket.listing.symbol))
        if limited and waiting >= desk.terms.most_conditionals:
            raise Rejected(Reason.TOO_MANY_CONDITIONALS)
        if trigger.reached(ticket.listing):
            raise Rejected(Reason.WOULD_TRIGGER)
        if desk.terms.spot_stops_lock and not ticket.listing.is_contract:
            check_spot(account, ticket, price=ticket.price or trigger.price)
        now_ns = desk.clock.now_ns()
        conditional = Conditional(
            id=desk.order_id(),
            ticket=ticket,
            trigger=trigger,
            kind=kind,
            created_ns=now_ns,
            updated_ns=now_ns,
            close_all=close_all,
        )
        account.wait(conditional)
        desk.tell(ConditionalChanged(account, conditional))
        return conditional

    def amend(
        self,
        account: Account,
        conditional: Conditional,
        *,
        qty: Decimal | None,
        price: Decimal | None,
        trigger_price: Decimal | None,
    ) -> None:
        """Let it wait with other terms. Raises :class:`Rejected`; it is then as it was."""
        if not conditional.open:
            raise Rejected(Reason.UNKNOWN_ORDER)
        before = conditional.ticket, conditional.trigger
        ticket = replace(before[0], qty=qty or before[0].qty, price=price or before[0].price)
        trigger = replace(before[1], price=trigger_price or before[1].price)
        if (ticket, trigger) == before:
            raise Rejected(Reason.NOTHING_TO_AMEND)
        _check_terms(ticket, trigger, close_all=conditional.close_all)
        if trigger.reached(ticket.listing):
            raise Rejected(Reason.WOULD_TRIGGER)
        conditional.ticket, conditional.trigger = ticket, trigger
        conditional.updated_ns = self._desk.clock.now_ns()
        self._desk.tell(ConditionalChanged(account, conditional))

    def cancel(self, account: Account, conditional: Conditional) -> None:
        """Let it wait no more. Raises :class:`Rejected` where it does not wait."""
        if not conditional.open:
            raise Rejected(Reason.UNKNOWN_ORDER)
        self._become(account, conditional, Waiting.CANCELLED)

    def on_market(self, listing: Listing, update: Update) -> None:
        """The market of a symbol went on."""
        match update:
            case Trade():
                watched: tuple[TriggerBy, ...] = (TriggerBy.LAST,)
            case Marked():
                watched = (TriggerBy.MARK, TriggerBy.INDEX)
            case _:
                return
        for account in self._desk.accounts.values():
            for each in account.waiting(listing.symbol):
                if each.trigger.by in watched and each.trigger.reached(listing):
                    self._fire(account, each)

    def _fire(self, account: Account, conditional: Conditional) -> None:
        ticket = conditional.ticket
        now_ns = self._desk.clock.now_ns()
        conditional.triggered_ns = now_ns
        if conditional.close_all:
            held = account.position(ticket.listing).qty
            ticket = replace(ticket, qty=max(ZERO, -held * ticket.side), reduce_only=True)
        # It waits no more before the order is placed: its client id is free for that order then.
        account.waits_no_more(conditional)
        conditional.status = Waiting.TRIGGERED
        conditional.updated_ns = now_ns
        try:
            if ticket.qty <= ZERO:
                raise Rejected(Reason.REDUCE_ONLY)
            order_id = conditional.id if self._keep_ids else self._desk.order_id()
            conditional.order = self._desk.place(account, ticket, order_id=order_id)
        except Rejected as rejected:
            conditional.failure = str(rejected.reason)
            self._become(account, conditional, Waiting.REJECTED)
            return
        self._desk.tell(ConditionalChanged(account, conditional))
        if conditional.order.open:
            self._triggered[conditional.order.id] = conditional
        else:
            self._become(account, conditional, Waiting.FINISHED)

    def _hear(self, event: AccountEvent) -> None:
        """Finish what became an order that is over now."""
        if isinstance(event, OrderChanged) and not event.order.open:
            conditional = self._triggered.pop(event.order.id, None)
            if conditional is not None:
                self._become(event.account, conditional, Waiting.FINISHED)

    def _become(self, account: Account, conditional: Conditional, status: Waiting) -> None:
        account.waits_no_more(conditional)
        conditional.status = status
        conditional.updated_ns = self._desk.clock.now_ns()
        self._desk.tell(ConditionalChanged(account, conditional))


def _check_terms(ticket: Ticket, trigger: Trigger, *, close_all: bool) -> None:
    rules = ticket.listing.rules
    if trigger.price <= 0 or trigger.price % rules.tick_size:
        raise Rejected(Reason.PRICE_TICK, str(rules.tick_size))
    if ticket.price is not None:
        check_price(ticket.listing, ticket.price)
    if not close_all and (ticket.qty <= 0 or ticket.qty % rules.qty_step):
        raise Rejected(Reason.QTY_STEP, str(rules.qty_step))
