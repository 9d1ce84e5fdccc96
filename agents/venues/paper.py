"""The paper venue: fills from the tape's own books, so that nothing is filled that was not there.

Assumptions, all on the careful side: an order reaches the venue ``latency_ms`` after the tick that
caused it and meets the first book that closes at or after that, never the book that was looked at
when it was decided. A market order walks the levels of that book and pays the taker fee at each;
what the 50 known levels do not hold is cancelled. The order leaves no trace in the book.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from schemas.frame import NS_PER_MS, Frame, Side
from schemas.ids import content_id
from schemas.money import CONTEXT
from schemas.order import Fill, Order, OrderStatus
from schemas.settings import PaperSettings

_BPS = Decimal(10_000)


class Working(msgspec.Struct):
    """An order on its way to the venue, and when it gets there."""

    order: Order
    arrives_ns: int
    cancel_ns: int | None = None
    """When a cancellation gets there."""


class PaperState(msgspec.Struct):
    """Orders that are not terminal, by ``venue:symbol``, in the order of their submission."""

    working: dict[str, list[Working]] = msgspec.field(default_factory=dict)


class PaperVenue:
    """Fills market orders against the books of frames; the state is the caller's to keep."""

    def __init__(self, settings: PaperSettings) -> None:
        self._latency_ns = settings.latency_ms * NS_PER_MS
        self._fee = CONTEXT.divide(settings.taker_fee_bps, _BPS)
        self._currency = settings.currency

    def submit(self, state: PaperState, order: Order) -> None:
        """Send one order; its acknowledgement and fills come with later frames."""
        queue = state.working.setdefault(f"{order.venue}:{order.symbol}", [])
        queue.append(Working(order, order.tick_ns + self._latency_ns))

    def cancel(self, state: PaperState, order: Order, *, now_ns: int) -> None:
        """Ask to cancel an order. That arrives after the order itself, which may fill first."""
        for working in state.working.get(f"{order.venue}:{order.symbol}", []):
            same = working.order.client_order_id == order.client_order_id
            if same and working.cancel_ns is None:
                working.cancel_ns = now_ns + self._latency_ns

    def open_orders(self, state: PaperState) -> dict[str, list[Order]]:
        """What the venue reports as not done, by ``venue:symbol``."""
        return {key: [w.order for w in queue] for key, queue in state.working.items()}

    def on_frame(self, state: PaperState, frame: Frame) -> list[Order | Fill]:
        """What the venue answers at this frame's close, in order."""
        queue = state.working.get(frame.key)
        if not queue:
            return []
        answers: list[Order | Fill] = []
        waiting = []
        taken: dict[int, Decimal] = {}
        for working in queue:
            if frame.book is None and _is_due(working.cancel_ns, frame):
                answers.append(_cancelled(working.order, frame))
            elif frame.book is None or not _is_due(working.arrives_ns, frame):
                waiting.append(working)
            else:
                answers.extend(self._execute(working.order, frame, taken))
        if waiting:
            state.working[frame.key] = waiting
        else:
            del state.working[frame.key]
        return answers

    def _execute(self, order: Order, frame: Frame, taken: dict[int, Decimal]) -> list[Order | Fill]:
        acknowledged = _next(order, frame, OrderStatus.ACKNOWLEDGED, order.filled_qty, "accepted")
        fills = self._walk(order, frame, taken)
        filled = order.filled_qty
        for fill in fills:
            filled = CONTEXT.add(filled, fill.qty)
        if filled == order.qty:
            last = _next(acknowledged, frame, OrderStatus.FILLED, filled, "filled")
        else:
            reason = f"book held {filled} of {order.qty} within its known levels"
            last = _next(acknowledged, frame, OrderStatus.CANCELLED, filled, reason)
        return [acknowledged, *fills, last]

    def _walk(self, order: Order, frame: Frame, taken: dict[int, Decimal]) -> list[Fill]:
        """Fills level by level; ``taken`` is what earlier orders took from this same book."""
        book = frame.book
        if book is None:
            return []
        buying = order.side is Side.BUY
        prices = book.ask_price if buying else book.bid_price
        quantities = book.ask_qty if buying else book.bid_qty
        left = CONTEXT.subtract(order.qty, order.filled_qty)
        fills = []
        for price, quantity in zip(prices, quantities, strict=True):
            mark = price * order.side.value
            there = CONTEXT.subtract(frame.qty(quantity), taken.get(mark, Decimal(0)))
            qty = min(left, there)
            if qty <= 0:
                continue
            taken[mark] = CONTEXT.add(taken.get(mark, Decimal(0)), qty)
            fills.append(self._fill(order, frame, frame.price(price), qty))
            left = CONTEXT.subtract(left, qty)
            if not left:
                break
        return fills

    def _fill(self, order: Order, frame: Frame, price: Decimal, qty: Decimal) -> Fill:
        notional = CONTEXT.multiply(price, qty)
        return Fill(
            trade_id=content_id(
                "paper", order.client_order_id, str(frame.epoch), str(frame.seq), str(price)
            ),
            client_order_id=order.client_order_id,
            account=order.account,
            venue=order.venue,
            symbol=order.symbol,
            tick_ns=frame.close_ns,
            side=order.side,
            price=price,
            qty=qty,
            fee=CONTEXT.multiply(notional, self._fee),
            fee_currency=self._currency,
            maker=False,
        )


def _is_due(at_ns: int | None, frame: Frame) -> bool:
    return at_ns is not None and at_ns <= frame.close_ns


def _cancelled(order: Order, frame: Frame) -> Order:
    reason = "cancelled before it met a book"
    return _next(order, frame, OrderStatus.CANCELLED, order.filled_qty, reason)


def _next(order: Order, frame: Frame, status: OrderStatus, filled: Decimal, reason: str) -> Order:
    return msgspec.structs.replace(
        order,
        version=order.version + 1,
        tick_ns=frame.close_ns,
        status=status,
        filled_qty=filled,
        reason=reason,
    )
