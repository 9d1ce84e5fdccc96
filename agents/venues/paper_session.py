"""One frame at the paper venue.

In this order: funding that fell due; the interval's trades meet what rests, best price first, then
by time, and set off stops; what arrived by the close meets the book at the close; cancels and
amendments take hold; the account's margin is looked at.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.venues.base import Answer, Change
from agents.venues.paper_book import ShownBook, Take
from agents.venues.paper_checks import Arrival, refusal
from agents.venues.paper_queue import Tape, Working, by_priority, look_again, shown_at
from agents.venues.paper_state import PaperState
from agents.venues.paper_terms import Terms
from schemas.frame import ContractKind, Frame, Side, contract_kind
from schemas.money import CONTEXT
from schemas.order import Order, OrderStatus, OrderType, TimeInForce

__all__ = ["Answer", "Session"]

ZERO = Decimal(0)

_ENDED = (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED)


class Session:
    """One frame at the venue."""

    def __init__(self, terms: Terms, state: PaperState, frame: Frame) -> None:
        self._terms = terms
        self._state = state
        self._frame = frame
        self._queue = state.working.get(frame.key, [])
        self._book = ShownBook(frame)
        self._spot = contract_kind(frame.symbol) is ContractKind.SPOT
        self._answers: list[Answer] = []
        self._fills = 0

    def run(self) -> list[Answer]:
        """Everything that happens within the frame."""
        state, frame = self._state, self._frame
        terms = self._terms
        payment = state.wallet.fund(frame, account=terms.account, currency=terms.currency)
        if payment is not None:
            self._answers.append(payment)
        state.wallet.mark(frame)
        if self._queue:
            tape = Tape(frame) if len(frame.trades) else None
            if tape is not None:
                self._meet_tape(tape)
            if frame.book is not None:
                self._arrive()
            if frame.key in state.requests:
                self._requests()
            for working in self._queue:
                if working.resting:
                    look_again(working, frame, tape, cancels=self._terms.cancels_ahead)
        else:
            state.requests.pop(frame.key, None)
        if not self._spot and frame.key in state.wallet.qty:
            self._look_at_margin()
        self._sweep()
        return self._answers

    def _meet_tape(self, tape: Tape) -> None:
        limits = []
        for working in self._queue:
            order = working.order
            if not working.resting or working.triggered is not None:
                continue
            if order.price is not None and tape.reaches(order.side, order.price):
                limits.append(working)
            elif order.stop_price is not None:
                falling = (order.side is Side.SELL) == (order.type is OrderType.STOP)
                working.triggered = tape.first_beyond(order.stop_price, falling=falling)
        for working in by_priority(limits):
            price = working.order.price
            if price is None or not self._still_works(working):
                continue
            qty = tape.fill(working, price, self._wanted(working))
            if qty > 0:
                self._fill(working, [Take(price, qty)], maker=True)

    def _arrive(self) -> None:
        for working in list(self._queue):
            if working.arrives_ns > self._frame.close_ns or not self._still_works(working):
                continue
            if working.triggered is not None:
                self._take(working, worst=working.triggered)
            elif not working.resting:
                self._first_meeting(working)

    def _first_meeting(self, working: Working) -> None:
        order = working.order
        refused = self._refusal(working)
        if refused is not None:
            self._end(working, OrderStatus.REJECTED, refused)
            return
        self._next(working, OrderStatus.ACKNOWLEDGED, "accepted")
        match order.type:
            case OrderType.STOP | OrderType.TAKE_PROFIT:
                working.resting = True
            case OrderType.MARKET:
                self._take(working)
                if working.order.status is not OrderStatus.FILLED:
                    had = f"book held {working.order.filled_qty} of {order.qty}"
                    self._end(working, OrderStatus.CANCELLED, f"{had} within its known levels")
            case OrderType.LIMIT:
                self._take(working, limit=order.price)
                if working.order.status is OrderStatus.FILLED:
                    return
                if order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
                    filled = f"{working.order.filled_qty} of {order.qty} filled at once"
                    self._end(
                        working, OrderStatus.CANCELLED, f"{order.time_in_force.value}: {filled}"
                    )
                else:
                    self._rest(working)

    def _refusal(self, working: Working) -> str | None:
        return refusal(
            Arrival(
                order=working.order,
                wanted=self._wanted(working),
                reduces=self._reduces(working.order),
                key=self._frame.key,
                book=self._book,
                wallet=self._state.wallet,
                margin=self._terms.margin,
                liquidating=self._state.liquidating and not self._spot,
            )
        )

    def _rest(self, working: Working) -> None:
        working.resting = True
        order = working.order
        if order.price is not None:
            working.ahead = shown_at(self._frame, order.side, order.price)
            working.shown = working.ahead or ZERO

    def _take(
        self, working: Working, *, limit: Decimal | None = None, worst: Decimal | None = None
    ) -> None:
        """Take from the book; ``worst`` is the trade that set a stop off: no better price."""
        side = working.order.side
        takes = self._book.takes(side, self._wanted(working), limit)
        self._book.take(side, takes)
        if worst is not None:
            worse = max if side is Side.BUY else min
            takes = [Take(worse(take.price, worst), take.qty) for take in takes]
        self._fill(working, takes, maker=False)

    def _fill(self, working: Working, takes: list[Take], *, maker: bool) -> None:
        filled = working.order.filled_qty
        for take in takes:
            self._fills += 1
            fill = self._terms.fill(
                working.order, self._frame, take, maker=maker, number=self._fills
            )
            filled = CONTEXT.add(filled, fill.qty)
            self._state.wallet.apply(fill)
            self._answers.append(fill)
        if filled == working.order.filled_qty:
            return
        working.order = msgspec.structs.replace(working.order, filled_qty=filled)
        if filled == working.order.qty:
            self._end(working, OrderStatus.FILLED, "filled")
        else:
            self._next(working, OrderStatus.PARTIAL, "partly filled")

    def _requests(self) -> None:
        waiting = []
        for request in self._state.requests.pop(self._frame.key):
            if request.arrives_ns > self._frame.close_ns:
                waiting.append(request)
                continue
            found = [w for w in self._queue if w.order.client_order_id == request.client_order_id]
            for working in found:
                if request.change is None:
                    self._end(working, OrderStatus.CANCELLED, "cancelled as asked")
                else:
                    self._amend(working, request.change)
        if waiting:
            self._state.requests[self._frame.key] = waiting

    def _amend(self, working: Working, change: Change) -> None:
        order = working.order
        if not working.resting or working.triggered is not None:
            return
        qty = order.qty if change.qty is None else change.qty
        if qty <= order.filled_qty:
            self._end(working, OrderStatus.CANCELLED, "amended to what is filled")
            return
        price = order.price if change.price is None else change.price
        stop_price = order.stop_price if change.stop_price is None else change.stop_price
        working.order = msgspec.structs.replace(order, qty=qty, price=price, stop_price=stop_price)
        filled = order.filled_qty > 0
        self._next(working, OrderStatus.PARTIAL if filled else OrderStatus.ACKNOWLEDGED, "amended")
        if price != order.price or qty > order.qty:
            self._requeue(working)

    def _requeue(self, working: Working) -> None:
        """To the end of the queue at the price, or into the book if it now meets it."""
        order = working.order
        if order.price is None:
            return
        if self._book.meets(order.side, order.price):
            if order.time_in_force is TimeInForce.POST_ONLY:
                self._end(working, OrderStatus.CANCELLED, "post_only: would take")
                return
            self._take(working, limit=order.price)
        self._rest(working)

    def _look_at_margin(self) -> None:
        state, frame, margin = self._state, self._frame, self._terms.margin
        if not state.liquidating:
            if not margin.falls_short(state.wallet):
                return
            state.liquidating = True
        equity, least = margin.equity(state.wallet), margin.maintenance(state.wallet)
        reason = f"liquidation: equity {equity}, maintenance {least}"
        for working in list(self._queue):
            self._end(working, OrderStatus.CANCELLED, reason)
        if frame.book is None:
            return
        working = Working(
            self._terms.liquidation(frame, state.wallet.held(frame.key), reason), frame.close_ns
        )
        self._answers.append(working.order)
        self._next(working, OrderStatus.ACKNOWLEDGED, "accepted")
        self._take(working)
        if working.order.status is not OrderStatus.FILLED:
            self._end(working, OrderStatus.CANCELLED, "the rest meets the next book")
        state.liquidating = margin.maintenance(state.wallet) > 0

    def _sweep(self) -> None:
        """Cancel what has nothing to reduce any more; keep what still works."""
        for working in list(self._queue):
            if working.resting and self._reduces(working.order) and self._wanted(working) <= 0:
                self._end(working, OrderStatus.CANCELLED, "reduce_only: position is closed")
        if self._queue:
            self._state.working[self._frame.key] = self._queue
        else:
            self._state.working.pop(self._frame.key, None)

    def _wanted(self, working: Working) -> Decimal:
        """What may still fill: of what reduces, no more than there is to reduce."""
        if not self._reduces(working.order):
            return working.left
        held = self._state.wallet.held(self._frame.key)
        against = held if working.order.side is Side.SELL else held.copy_negate()
        return min(working.left, max(against, ZERO))

    def _reduces(self, order: Order) -> bool:
        """On spot, what is not held cannot be sold."""
        return order.reduce_only or (self._spot and order.side is Side.SELL)

    @staticmethod
    def _still_works(working: Working) -> bool:
        return working.order.status not in _ENDED

    def _end(self, working: Working, status: OrderStatus, reason: str) -> None:
        self._next(working, status, reason)
        self._queue[:] = [other for other in self._queue if other is not working]

    def _next(self, working: Working, status: OrderStatus, reason: str) -> None:
        working.order = msgspec.structs.replace(
            working.order,
            version=working.order.version + 1,
            tick_ns=self._frame.close_ns,
            status=status,
            reason=reason,
        )
        self._answers.append(working.order)
