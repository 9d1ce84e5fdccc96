"""One frame's hearing of a real venue: reports become order versions and fills.

A fill counts whatever is thought of its order: positions follow the trades. What contradicts an
order's life becomes a trouble, and the account stops until a person has looked.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.lifecycle import Report, advance
from agents.venues.base import Answer, Change
from agents.venues.fees import FeeIn, fee_in
from agents.venues.live_reconcile import Found, compare, side_of
from agents.venues.live_state import NOT_LOOKED, Asked, LiveState, Look
from schemas.errors import ExecutionError
from schemas.frame import Frame, Side
from schemas.live_settings import LiveSettings
from schemas.money import CONTEXT
from schemas.order import COIN_FEE, Fill, Funding, Order, OrderStatus
from schemas.venue import (
    AccountReport,
    FundingReport,
    OrderReport,
    RequestKind,
    TradeReport,
    VenuePosition,
    VenueReport,
)

ZERO = Decimal(0)

DONE_KEPT = 500
"""Reconciled orders that are still known when their reports are told again."""
_RUNS_KEPT = 16
_TROUBLES_KEPT = 8
_ENDED = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED})
_WORKS = frozenset({OrderStatus.ACKNOWLEDGED, OrderStatus.PARTIAL})


class Hearing:
    """Reports of one frame."""

    def __init__(
        self, settings: LiveSettings, state: LiveState, frame: Frame, *, account: str
    ) -> None:
        self._settings = settings
        self._state = state
        self._frame = frame
        self._account = account
        self._answers: list[Answer] = []

    def notice(self, run: int) -> None:
        """Another process hears for the account now: nothing is known until it has looked."""
        state = self._state
        if run > state.run:
            state.run, state.problems, state.doubts = run, (NOT_LOOKED,), ()
            state.looked = False
            # What was asked may never have left; whoever wants it still asks again.
            state.asked.clear()
            for old in sorted(state.heard)[:-_RUNS_KEPT]:
                del state.heard[old]

    def take(self, report: VenueReport) -> None:
        """Take one report."""
        match report:
            case OrderReport():
                self._order(report)
            case TradeReport():
                self._trade(report)
            case FundingReport():
                self._funding(report)
            case AccountReport():
                self._account_shown(report)

    def end(self) -> list[Answer]:
        """What came of it all, and of what is adopted of this symbol."""
        position = self._state.adopting.pop(self._frame.symbol, None)
        if position is not None:
            self._adopt(position)
        self._forget()
        return self._answers

    def _order(self, report: OrderReport) -> None:
        state = self._state
        asked = None
        if report.answers in {RequestKind.CANCEL, RequestKind.AMEND}:
            asked = state.asked.pop(report.client_order_id, None)
        order = state.book.orders.get(report.client_order_id)
        if order is None:
            return
        status = report.status
        if status is OrderStatus.CANCELLED and report.filled_qty is None:
            status = OrderStatus.UNKNOWN  # how much it filled decides what is left to hear
        if report.answers is RequestKind.AMEND and status in _WORKS:
            self._amended(order, report)
            if asked is not None and report.reason and _differs(asked.change, report):
                # It would be refused again and again: the order goes, as where nothing is amended.
                state.asked[report.client_order_id] = Asked(order)
        told = Report(
            report.client_order_id, status, self._frame.close_ns, report.filled_qty, report.reason
        )
        try:
            self._note(state.book.report(told))
        except ExecutionError as error:
            self._trouble(str(error))
        self._settle(report.client_order_id)

    def _amended(self, order: Order, report: OrderReport) -> None:
        """The venue shows other terms: they are the order's from now on."""
        terms = {
            "qty": report.qty if report.qty is not None else order.qty,
            "price": report.price if order.price is not None and report.price else order.price,
            "stop_price": report.stop_price
            if order.stop_price is not None and report.stop_price
            else order.stop_price,
        }
        changed = msgspec.structs.replace(order, **terms)
        if changed == order or order.status not in _WORKS:
            return
        try:
            changed = advance(
                changed, order.status, tick_ns=self._frame.close_ns, reason="amended",
                filled_qty=order.filled_qty,
            )  # fmt: skip
        except ExecutionError as error:
            self._trouble(str(error))
            return
        self._state.book.orders[order.client_order_id] = changed
        self._note(changed)

    def _trade(self, report: TradeReport) -> None:
        book = self._state.book
        order = book.orders.get(report.client_order_id)
        booked = book.trades.get(report.client_order_id, {})
        if order is None or report.trade_id in booked:
            return
        fee, of_base = self._fee(report)
        fill = Fill(
            trade_id=report.trade_id,
            client_order_id=report.client_order_id,
            account=self._account,
            venue=report.venue,
            symbol=report.symbol,
            tick_ns=self._frame.close_ns,
            side=report.side,
            price=report.price,
            qty=report.qty,
            fee=ZERO if of_base else fee,
            fee_currency=self._settings.currency,
            maker=report.maker,
        )
        changed: Order | None = None
        try:
            changed = book.fill(fill)
        except ExecutionError as error:
            book.trades.setdefault(report.client_order_id, {})[report.trade_id] = report.qty
            self._trouble(f"{error}; its trade {report.trade_id} is booked all the same")
        self._filled(fill)
        if of_base:
            # A fee in coin: so much of what was bought is sold at the trade's price, for the fee.
            self._filled(
                msgspec.structs.replace(
                    fill, trade_id=f"{fill.trade_id}{COIN_FEE}", side=Side.SELL, qty=report.fee,
                    fee=fee,
                )
            )  # fmt: skip
        self._note(changed)
        self._settle(report.client_order_id)

    def _fee(self, report: TradeReport) -> tuple[Decimal, bool]:
        """Fee in the account's currency, and whether it was taken in the coin that was bought."""
        currency = self._settings.currency
        paid_in = fee_in(
            report.fee_currency if report.fee else currency,
            account_currency=currency, symbol=report.symbol, side=report.side,
        )  # fmt: skip
        if paid_in is FeeIn.ACCOUNT:
            return report.fee, False
        if paid_in is FeeIn.BOUGHT:
            return CONTEXT.multiply(report.fee, report.price), True
        if report.fee_rate is not None:
            fee = CONTEXT.multiply(report.fee, report.fee_rate)
            self._state.fees_elsewhere = CONTEXT.add(self._state.fees_elsewhere, fee)
            return fee, False
        coin = report.fee_currency
        self._trouble(
            f"trade {report.trade_id}: its fee of {report.fee} {coin} is not booked, as "
            f"{report.venue} has no price of {coin} in {currency}; switch fees in {coin} off there"
        )
        return ZERO, False

    def _filled(self, fill: Fill) -> None:
        state = self._state
        signed = CONTEXT.multiply(fill.qty, Decimal(fill.side.value))
        held = CONTEXT.add(state.held.get(fill.symbol, ZERO), signed)
        if held:
            state.held[fill.symbol] = held
        else:
            state.held.pop(fill.symbol, None)
        state.moved_ns = self._frame.close_ns
        self._answers.append(fill)

    def _funding(self, report: FundingReport) -> None:
        """Book a payment, unless it is of before this account began, or was booked."""
        state = self._state
        if state.began_ns is None or report.time_ns <= state.began_ns:
            return
        if report.time_ns <= state.paid_ns.get(report.symbol, -1):
            return
        state.paid_ns[report.symbol] = report.time_ns
        if report.currency != self._settings.currency:
            self._trouble(
                f"funding {report.payment_id}: {report.amount} {report.currency}, the account is "
                f"in {self._settings.currency}"
            )
            return
        self._answers.append(
            Funding(
                payment_id=report.payment_id,
                account=self._account,
                venue=report.venue,
                symbol=report.symbol,
                tick_ns=self._frame.close_ns,
                amount=report.amount,
                currency=report.currency,
            )
        )

    def _adopt(self, position: VenuePosition) -> None:
        self._filled(
            Fill(
                trade_id=f"adopted:{self._frame.close_ns}",
                client_order_id="",
                account=self._account,
                venue=self._frame.venue,
                symbol=position.symbol,
                tick_ns=self._frame.close_ns,
                side=side_of(position.qty),
                price=position.entry_price,
                qty=position.qty.copy_abs(),
                fee=ZERO,
                fee_currency=self._settings.currency,
                maker=False,
            )
        )

    def _account_shown(self, report: AccountReport) -> None:
        state = self._state
        if report.run < state.run:
            return
        if report.balance is None:
            state.problems = report.problems or (NOT_LOOKED,)
            return
        found = compare(
            report, state.book.orders, state.held, outside=state.outside,
            foreign=self._settings.foreign, first=state.converged_ns is None,
        )  # fmt: skip
        state.strays = {order.client_order_id: order for order in found.strays}
        state.adopting = {position.symbol: position for position in found.adopted}
        state.outside.update(found.ignored)
        state.look, state.looked = self._look(report, report.balance), True
        state.problems = (*report.problems, *self._short(report), *self._counting(found))
        state.doubts = found.differences
        if not state.problems:
            state.converged_ns = self._frame.close_ns
            if state.began_ns is None:
                state.began_ns = self._frame.close_ns

    def _counting(self, found: Found) -> tuple[str, ...]:
        """Differences that count: all before it has converged, then those seen twice in a row, as
        something may have happened between the requests of one look.
        """
        state = self._state
        waiting = tuple(f"position {symbol}: being adopted" for symbol in sorted(state.adopting))
        if state.problems:
            return (*found.differences, *waiting)
        return tuple(text for text in found.differences if text in state.doubts)

    def _short(self, report: AccountReport) -> tuple[str, ...]:
        capital, balance = self._settings.capital, report.balance
        if self._state.converged_ns is None and balance is not None and balance < capital:
            return (f"balance: live.capital is {capital}, the venue has {balance}",)
        return ()

    def _look(self, report: AccountReport, balance: Decimal) -> Look:
        outside = self._state.outside
        held = {
            f"{report.venue}:{p.symbol}": CONTEXT.subtract(p.qty, outside.get(p.symbol, ZERO))
            for p in report.positions
            if p.qty != outside.get(p.symbol, ZERO)
        }
        orders = [o.symbol for o in report.orders if o.client_order_id in self._state.book.orders]
        cash = balance
        for shown in report.positions:
            cash = CONTEXT.subtract(cash, CONTEXT.multiply(shown.qty, shown.entry_price))
        return Look(
            report.effective_ns or 0,
            balance,
            cash,
            tuple(f"{report.venue}:{symbol}" for symbol in sorted(set(orders))),
            held,
        )

    def _settle(self, client_order_id: str) -> None:
        """Close an order that ended, once all its trades are here."""
        book = self._state.book
        order = book.orders[client_order_id]
        if order.status in _ENDED and book.booked_qty(client_order_id) == order.filled_qty:
            self._note(book.reconcile(client_order_id, tick_ns=self._frame.close_ns))

    def _note(self, order: Order | None) -> None:
        if order is not None:
            self._state.moved_ns = self._frame.close_ns
            self._answers.append(order)

    def _trouble(self, text: str) -> None:
        self._state.troubles = (*self._state.troubles, text)[-_TROUBLES_KEPT:]

    def _forget(self) -> None:
        book = self._state.book
        if len(book.orders) <= 2 * DONE_KEPT:
            return
        closed = [o for o in book.orders.values() if o.status is OrderStatus.RECONCILED]
        closed.sort(key=lambda order: (order.tick_ns, order.client_order_id))
        for order in closed[:-DONE_KEPT]:
            book.forget(order.client_order_id)


def _differs(change: Change | None, shown: OrderReport) -> bool:
    """Whether the venue shows other terms than an amendment asked for."""
    if change is None:
        return False
    pairs = (
        (change.qty, shown.qty),
        (change.price, shown.price),
        (change.stop_price, shown.stop_price),
    )
    return any(
        wanted is not None and there is not None and wanted != there for wanted, there in pairs
    )
