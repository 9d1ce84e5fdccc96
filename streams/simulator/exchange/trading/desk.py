"""Takes orders of keyed accounts, lets them meet the market, and tells what came of it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal

from schemas.frame import ContractKind
from streams.simulator.exchange.clock import MarketClock
from streams.simulator.exchange.listing import Listing, Update
from streams.simulator.exchange.trading.account import Account
from streams.simulator.exchange.trading.checks import (
    check_filters,
    check_funds,
    check_reducing,
)
from streams.simulator.exchange.trading.events import (
    AccountEvent,
    BalanceChanged,
    Cause,
    Execution,
    OnEvent,
    OrderChanged,
)
from streams.simulator.exchange.trading.fees import fee_of, in_coin
from streams.simulator.exchange.trading.keys import ApiKey
from streams.simulator.exchange.trading.matching import Matching
from streams.simulator.exchange.trading.orders import (
    ZERO,
    Fill,
    Force,
    Kind,
    Order,
    Status,
    Ticket,
)
from streams.simulator.exchange.trading.rejections import Reason, Rejected
from streams.simulator.exchange.trading.terms import Terms

_FIRST_ORDER_ID = 4_000_000_001
_FIRST_FILL_ID = 7_000_000_001
"""Apart from each other and from the market's own trade ids, so that a mix-up shows."""


class Desk:
    """One venue's order side. ``accounts`` are by API key, in the order of their opening.

    Operations happen at once, at market time: whatever a fault does to the reply comes after.
    """

    def __init__(self, clock: MarketClock, terms: Terms) -> None:
        self.terms = terms
        self.accounts: dict[str, Account] = {}
        self.listeners: list[OnEvent] = []
        self.clock = clock
        self._listings: list[Listing] = []
        self._matching: dict[str, Matching] = {}
        self._order_ids = itertools.count(_FIRST_ORDER_ID)
        self._fill_ids = itertools.count(_FIRST_FILL_ID)
        self._numbers = itertools.count(1)

    def open(self, key: ApiKey) -> Account:
        """Open an account for a key."""
        terms = self.terms
        account = Account(
            key, leverage=terms.leverage, numbers=self.number, stops_lock=terms.spot_stops_lock
        )
        self.accounts[key.key] = account
        return account

    def add(self, listing: Listing) -> None:
        """Let a symbol be traded."""

        def on_fill(order: Order, qty: Decimal, price: Decimal) -> Decimal:
            return self._fill(self._owner(order), order, qty, price, maker=True)

        self._listings.append(listing)
        self._matching[listing.symbol] = Matching(listing, on_fill)

    def number(self) -> int:
        """A number that was not given before."""
        return next(self._numbers)

    def order_id(self) -> int:
        """An id of an order that was not given before."""
        return next(self._order_ids)

    def tell(self, event: AccountEvent) -> None:
        """Tell all listeners of an event."""
        for listener in self.listeners:
            listener(event)

    def place(
        self,
        account: Account,
        ticket: Ticket,
        *,
        order_id: int | None = None,
        forced: bool = False,
    ) -> Order:
        """Accept an order and let it take what it can. Raises :class:`Rejected`.

        ``order_id`` is that of a conditional order that keeps its own; ``forced`` orders are
        those of a liquidation: no limit stops them.
        """
        # Nothing is checked or written between here and the order's own entry that could fail
        # half-way: an order is accepted whole or not at all.
        if not forced and order_id is None and self.taken(account, ticket.client_id):
            raise Rejected(Reason.DUPLICATE_CLIENT_ID, ticket.client_id)
        now_ns = self.clock.now_ns()
        qty = ticket.qty
        if ticket.spend is not None:
            qty = self._matching[ticket.listing.symbol].bought_for(ticket.side, ticket.spend)
        order = Order(
            id=order_id or next(self._order_ids),
            ticket=ticket,
            price=ticket.price,
            qty=qty,
            created_ns=now_ns,
            updated_ns=now_ns,
            forced=forced,
        )
        unfit = None if forced else self._check(account, order)
        terms = self.terms
        lapses = terms.contract_lapses if ticket.listing.is_contract else terms.spot_lapses
        if unfit is not None and unfit not in lapses:
            raise Rejected(unfit)
        account.add(order)
        self.tell(OrderChanged(account, order, Execution.NEW))
        if unfit is None:
            self._work(account, order)
        else:
            self._end(account, order, Status.EXPIRED, why=str(unfit))
        return order

    def cancel(self, account: Account, order: Order) -> None:
        """Cancel an open order. Raises :class:`Rejected` where it is over."""
        if not order.open:
            raise Rejected(Reason.UNKNOWN_ORDER)
        self._end(account, order, Status.CANCELLED)

    def amend(
        self, account: Account, order: Order, *, price: Decimal | None, qty: Decimal | None
    ) -> None:
        """Change price or quantity of a resting order, which keeps its place in the queue only
        where the quantity shrinks. Raises :class:`Rejected`; the order is then as it was.

        It ends where no more is wanted than has filled, and where it is post-only and would take at
        the new price.
        """
        if not order.open or order.price is None:
            raise Rejected(Reason.UNKNOWN_ORDER)
        new_price = order.price if price is None else price
        new_qty = order.qty if qty is None else qty
        if (new_price, new_qty) == (order.price, order.qty):
            raise Rejected(Reason.NOTHING_TO_AMEND)
        check_filters(replace(order.ticket, price=new_price, qty=new_qty))
        if new_qty <= order.filled:
            self._end(account, order, Status.CANCELLED)
            return
        matching = self._matching[order.symbol]
        post_only = order.ticket.force is Force.POST_ONLY
        if post_only and matching.crosses(order.side, new_price):
            # As Binance's "Modify Order" tells: the order does not stay as it was.
            self._end(account, order, Status.EXPIRED, why=str(Reason.POST_ONLY))
            return
        before = order.price, order.qty
        account.end(order)
        order.price, order.qty = new_price, new_qty
        try:
            check_funds(account, order)
        except Rejected:
            order.price, order.qty = before
            raise
        finally:
            account.reopen(order)
        order.updated_ns = self.clock.now_ns()
        moved = new_price != before[0] or new_qty > before[1]
        if moved:
            matching.leave(order)
        self.tell(OrderChanged(account, order, Execution.AMENDED))
        if moved:
            self._work(account, order)

    def on_market(self, listing: Listing, update: Update) -> None:
        """The market of a symbol went on."""
        matching = self._matching.get(listing.symbol)
        if matching is not None and self.accounts:
            matching.meet(update)

    def taken(self, account: Account, client_id: str) -> bool:
        """Whether a client id may not be used now."""
        return account.uses(client_id, for_ever=self.terms.client_ids_for_ever)

    def _check(self, account: Account, order: Order) -> Reason | None:
        """Why an order that is sound otherwise cannot be as it must. Raises :class:`Rejected`."""
        ticket = order.ticket
        check_filters(ticket)
        if sum(1 for _ in account.open_orders(order.symbol)) >= self.terms.most_orders:
            raise Rejected(Reason.TOO_MANY_ORDERS)
        check_reducing(account, ticket)
        matching = self._matching[order.symbol]
        check_funds(account, order, cost=matching.cost(order))
        return matching.unfit(order)

    def _work(self, account: Account, order: Order) -> None:
        """Take what there is, then rest, or end."""
        matching = self._matching[order.symbol]
        for price, qty in list(matching.offers(order.side, order.price)):
            if not order.open:
                return
            got = self._fill(account, order, min(qty, order.left), price, maker=False)
            matching.take(order.side, price, got)
        if not order.open:
            return
        resting = order.ticket.kind is Kind.LIMIT and order.ticket.force in (
            Force.GTC,
            Force.POST_ONLY,
        )
        if resting:
            matching.rest(order)
        else:
            self._end(account, order, Status.EXPIRED)

    def _fill(
        self, account: Account, order: Order, qty: Decimal, price: Decimal, *, maker: bool
    ) -> Decimal:
        """Trade up to ``qty``; what of it: a reduce-only order trades no more than there is."""
        listing, ticket = order.listing, order.ticket
        spot = listing.rules.kind is ContractKind.SPOT
        if ticket.reduce_only:
            room = max(ZERO, -account.position(listing).qty * order.side)
            qty = min(qty, room)
        if qty > 0:
            position = None if spot else account.position(listing)
            realised = ZERO if position is None else position.trade(qty * order.side, price)
            now_ns = self.clock.now_ns()
            if position is not None:
                position.updated_ns = now_ns
            fee = fee_of(self.terms, listing, order.side, qty=qty, price=price, maker=maker)
            if account.key.fee_coin:
                paid = in_coin(fee, account.key.fee_coin, self._listings, price=price)
                # Without enough of the coin the whole fee is paid as if there were none.
                if account.wallet.get(paid.asset, ZERO) >= paid.amount:
                    fee = paid
            fill = Fill(
                id=next(self._fill_ids),
                order_id=order.id,
                client_id=order.client_id,
                symbol=order.symbol,
                side=order.side,
                price=price,
                qty=qty,
                fee=fee.amount,
                fee_asset=fee.asset,
                realised=realised,
                maker=maker,
                time_ns=now_ns,
            )
            order.take(fill)
            account.settle(fill, listing)
            if not order.open:
                self._over(account, order)
            self.tell(OrderChanged(account, order, Execution.TRADE, fill))
            self.tell(BalanceChanged(account, listing, Cause.ORDER))
        if not spot:
            self._end_reducing(account, listing)
        return qty

    def _end_reducing(self, account: Account, listing: Listing) -> None:
        """End reduce-only orders that have nothing left to reduce."""
        position = account.position(listing)
        for order in account.open_orders(listing.symbol):
            if order.ticket.reduce_only and position.qty * order.side >= 0:
                self._end(account, order, Status.EXPIRED, why="reduce only")

    def _end(self, account: Account, order: Order, status: Status, *, why: str = "") -> None:
        order.status = status
        order.ended_by = why
        order.updated_ns = self.clock.now_ns()
        self._over(account, order)
        cancelled = status is Status.CANCELLED
        execution = Execution.CANCELLED if cancelled else Execution.EXPIRED
        self.tell(OrderChanged(account, order, execution))

    def _over(self, account: Account, order: Order) -> None:
        account.end(order)
        self._matching[order.symbol].leave(order)

    def _owner(self, order: Order) -> Account:
        return next(each for each in self.accounts.values() if order.id in each.orders)
